// ONNX LinearAttention since 27: a matrix state per head, updated and read once per time step, as a
// loop over time. Rules: linear, gated (decay), delta (correction by beta), gated_delta.
import { castTo, splitHeads } from './attention-core.ts';
import { FLOATS } from './elementwise.ts';
import { reshape, zeros } from './expansions.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';

const RULES: ReadonlyMap<string, { readonly gated: boolean; readonly delta: boolean }> = new Map([
  ['linear', { gated: false, delta: false }],
  ['gated', { gated: true, delta: false }],
  ['delta', { gated: false, delta: true }],
  ['gated_delta', { gated: true, delta: true }],
]);

interface Sizes {
  readonly batch: number;
  readonly time: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly dk: number;
  readonly dv: number;
}

function sizesOf(c: ExpandContext): Sizes {
  const [q, k, v] = [c.tensor(0), c.tensor(1), c.tensor(2)];
  for (const t of [q, k, v]) if (t.shape.length !== 3) c.fail(`an operand has rank ${t.shape.length}, expected 3`);
  const [heads, keyHeads] = [c.int('q_num_heads', 0), c.int('kv_num_heads', 0)];
  if (heads < 1 || keyHeads < 1 || heads % keyHeads !== 0)
    c.fail(`${heads} query heads do not share ${keyHeads} key heads`);
  const [batch, time, width] = q.shape;
  const dk = width / heads;
  if (k.shape.join() !== [batch, time, keyHeads * dk].join()) c.fail(`key has shape [${k.shape}]`);
  if (v.shape[0] !== batch || v.shape[1] !== time || v.shape[2] % keyHeads !== 0)
    c.fail(`value has shape [${v.shape}]`);
  return { batch, time, heads, keyHeads, dk, dv: v.shape[2] / keyHeads };
}

/** [batch, time, heads * size] or [batch, time, 1] as [batch, heads, time, size], f32. */
const split = (c: ExpandContext, t: StaticTensor, heads: number): StaticTensor =>
  castTo(c, splitHeads(c, t, heads), 'f32');

function initialState(c: ExpandContext, s: Sizes): StaticTensor {
  const shape = [s.batch, s.keyHeads, s.dk, s.dv];
  if (!c.has(3)) return zeros(c, 'f32', shape);
  const past = c.tensor(3);
  if (past.shape.join() !== shape.join()) c.fail(`past_state has shape [${past.shape}], expected [${shape}]`);
  return castTo(c, past, 'f32');
}

interface Sequences {
  readonly q: StaticTensor;
  readonly k: StaticTensor;
  readonly v: StaticTensor;
  readonly decay: StaticTensor | null;
  readonly beta: StaticTensor | null;
}

/** One step: the read-out [batch, heads, dv] and the new state [batch, key heads, dk, dv]. */
function step(
  c: ExpandContext,
  s: Sizes,
  all: Sequences,
  scale: number,
  i: StaticTensor,
  before: StaticTensor,
): { each: StaticTensor; state: StaticTensor } {
  const row = (t: StaticTensor): StaticTensor => c.one('TakeRow', [t, i], { axis: 2 }, 'tilewright');
  const { batch, heads, keyHeads, dk, dv } = s;
  const key = row(all.k);
  let state = before;
  if (all.decay) {
    const decay = row(all.decay);
    state = c.one('Mul', [state, reshape(c, c.one('Exp', [decay]), [...decay.shape, 1])]);
  }
  let value = reshape(c, row(all.v), [batch, keyHeads, 1, dv]);
  if (all.beta) {
    const recalled = c.one('MatMul', [reshape(c, key, [batch, keyHeads, 1, dk]), state]);
    const beta = row(all.beta);
    value = c.one('Mul', [reshape(c, beta, [...beta.shape, 1]), c.one('Sub', [value, recalled])]);
  }
  state = c.one('Add', [state, c.one('MatMul', [reshape(c, key, [batch, keyHeads, dk, 1]), value])]);
  const query = reshape(c, row(all.q), [batch, keyHeads, heads / keyHeads, dk]);
  const read = c.one('Mul', [c.one('MatMul', [query, state]), c.constant('f32', [], [scale])]);
  return { each: reshape(c, read, [batch, heads, dv]), state };
}

function sequences(c: ExpandContext, s: Sizes, rule: { gated: boolean; delta: boolean }): Sequences {
  if (rule.gated !== c.has(4)) c.fail('decay is an input of gated rules, and of those only');
  if (rule.delta !== c.has(5)) c.fail('beta is an input of delta rules, and of those only');
  const decay = rule.gated ? split(c, c.tensor(4), s.keyHeads) : null;
  if (decay && decay.shape[3] !== 1 && decay.shape[3] !== s.dk) c.fail(`decay has shape [${c.tensor(4).shape}]`);
  const width = rule.delta ? c.tensor(5).shape[2] : 0;
  if (rule.delta && width !== 1 && width !== s.keyHeads) c.fail(`beta has shape [${c.tensor(5).shape}]`);
  return {
    q: split(c, c.tensor(0), s.heads),
    k: split(c, c.tensor(1), s.keyHeads),
    v: split(c, c.tensor(2), s.keyHeads),
    decay,
    beta: rule.delta ? split(c, c.tensor(5), width) : null,
  };
}

export const LinearAttention = op({
  name: 'LinearAttention',
  inputs: [3, 6],
  outputs: [1, 2],
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS, 3: FLOATS, 4: FLOATS, 5: FLOATS },
  expand: (c) => {
    const rule = RULES.get(c.string('update_rule', 'gated_delta')) ?? c.fail('update_rule is not defined');
    const s = sizesOf(c);
    const all = sequences(c, s, rule);
    const scale = c.float('scale', 0) || 1 / Math.sqrt(s.dk);
    const loop = c.tryLoop({
      trip: s.time,
      cond: null,
      carried: [initialState(c, s)],
      body: (i, [before]) => {
        const { each, state } = step(c, s, all, scale, i, before);
        return { carried: [state], stacked: [{ each }] };
      },
    });
    if (!loop) return c.fail('a step needs values that exist only at run time', undefined, 'INTERNAL');
    const turned = c.one('Transpose', [loop.stacked[0]], { perm: [1, 0, 2, 3] });
    const y = reshape(c, turned, [s.batch, s.time, s.heads * s.dv]);
    const stored = (c.has(3) ? c.tensor(3) : c.tensor(0)).dtype;
    return [castTo(c, y, c.tensor(0).dtype), castTo(c, loop.carried[0], stored)];
  },
});
