// ONNX Loop since 11: stays a loop in the program when every iteration has the same types and no
// per-iteration results depend on a run-time trip count; otherwise it is unrolled, reading the
// condition where it is not known.
import type { Graph } from '../ir/graph.ts';
import { type ExpandContext, op, type StaticTensor, type StaticValue } from './op.ts';

interface Plan {
  readonly trip: number | StaticTensor | null;
  readonly cond: StaticTensor | null;
  readonly initial: readonly StaticValue[];
  readonly body: Graph;
}

function plan(c: ExpandContext): Plan {
  const body = c.graph('body');
  const initial = Array.from({ length: Math.max(c.numInputs - 2, 0) }, (_, i) => c.input(i + 2));
  if (body.inputs.length !== initial.length + 2 || body.outputs.length < initial.length + 1) {
    c.fail(
      `the body has ${body.inputs.length} inputs and ${body.outputs.length} outputs for ${initial.length} carried values`,
    );
  }
  const trip = c.has(0) ? c.tensor(0) : null;
  const cond = c.has(1) ? c.tensor(1) : null;
  const isSingle = (t: StaticTensor): boolean => t.shape.every((d) => d === 1);
  if (trip && (trip.dtype !== 'i64' || !isSingle(trip))) c.fail('the trip count is not a single int64');
  if (cond && (cond.dtype !== 'bool' || !isSingle(cond))) c.fail('the condition is not a single bool');
  return { trip: trip?.constant ? c.numbersOf(trip)[0] : trip, cond, initial, body };
}

/** In the program: needs tensors only, and no stacked results beside a run-time condition. */
function inProgram(c: ExpandContext, p: Plan): readonly StaticValue[] | null {
  if (!p.initial.every((v) => v.kind === 'tensor')) return null;
  const initial = p.initial as readonly StaticTensor[];
  const count = initial.length;
  const start = p.cond ?? c.constant('bool', [], [1]);
  if (start.constant && start.constant.bytes[0] === 0) return null;
  const result = c.tryLoop({
    trip: p.trip,
    cond: start,
    carried: initial,
    body: (iteration, carried) => {
      // The condition an iteration sees is true, or it would not run.
      const out = c.inline(p.body, [iteration, c.constant('bool', start.shape, [1]), ...carried]);
      if (!out.every((v) => v.kind === 'tensor')) return { carried: [] };
      const [cond, ...rest] = out as readonly StaticTensor[];
      const always = cond.constant !== null && cond.constant.bytes[0] !== 0 && start.constant !== null;
      return {
        cond: always ? null : cond,
        carried: rest.slice(0, count),
        stacked: rest.slice(count).map((each) => ({ each })),
      };
    },
  });
  return result && [...result.carried, ...result.stacked];
}

function unrolled(c: ExpandContext, p: Plan): readonly StaticValue[] {
  const count = p.initial.length;
  const stacks: StaticTensor[][] = p.body.outputs.slice(count + 1).map(() => []);
  let carried = p.initial;
  let cond: StaticTensor | null = p.cond;
  const trip = p.trip === null || typeof p.trip === 'number' ? p.trip : c.numbersOf(p.trip)[0];
  for (let i = 0; trip === null || i < trip; i++) {
    c.hold(carried);
    if (cond && c.valueOf(cond).bytes[0] === 0) break;
    c.countUnrolled();
    const out = c.inline(p.body, [c.constant('i64', [], [BigInt(i)]), cond ?? c.constant('bool', [], [1]), ...carried]);
    cond = out[0] as StaticTensor;
    carried = out.slice(1, count + 1);
    out.slice(count + 1).forEach((v, k) => {
      stacks[k].push(v as StaticTensor);
    });
  }
  return [...carried, ...stacks.map((s, k) => stackAll(c, s, p.body.outputs[count + 1 + k].type))];
}

function stackAll(
  c: ExpandContext,
  each: readonly StaticTensor[],
  type: Graph['outputs'][number]['type'],
): StaticTensor {
  if (each.length === 0) {
    if (type?.kind !== 'tensor') return c.fail('no iteration ran and the type of a stacked result is not declared');
    const dims = (type.shape ?? []).map((d) => (typeof d === 'number' ? d : 0));
    return c.constant(type.dtype, [0, ...dims], []);
  }
  const axes = c.constant('i64', [1], [0n]);
  return c.one(
    'Concat',
    each.map((t) => c.one('Unsqueeze', [t, axes])),
    { axis: 0 },
  );
}

export const Loop = op({
  name: 'Loop',
  inputs: [0, Infinity],
  outputs: [1, Infinity],
  expand: (c) => {
    const p = plan(c);
    return inProgram(c, p) ?? unrolled(c, p);
  },
});
