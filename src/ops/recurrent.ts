// What RNN, GRU and LSTM share. The input's part of all gates is one matrix product over the whole
// sequence; the rest is a loop over time that carries the state, one loop per direction. Sequence
// lengths freeze the state of samples that have ended.
import { type Activation, activationsOf } from './activations.ts';
import { columns, part, reshape, zeros } from './expansions.ts';
import type { ExpandContext, StaticTensor } from './op.ts';

export interface Cell {
  /** Gates stacked along axis 1 of W and R. */
  readonly gates: number;
  readonly activations: readonly string[];
  /** State tensors of one direction, each [batch, hidden]; the first is the output. */
  readonly states: number;
  /** Inputs holding the initial states. */
  readonly initial: readonly number[];
  /** One step: `x` is [batch, gates * hidden], the input's part with its bias. */
  readonly step: (d: Direction, x: StaticTensor, states: readonly StaticTensor[]) => StaticTensor[];
  /** True when the recurrent bias joins the input's part. */
  readonly joinBias: boolean;
}

export interface Sizes {
  readonly time: number;
  readonly batch: number;
  readonly input: number;
  readonly hidden: number;
  readonly directions: number;
}

export interface Direction {
  readonly c: ExpandContext;
  readonly sizes: Sizes;
  readonly index: number;
  readonly reverse: boolean;
  /** [gates * hidden, hidden]. */
  readonly weights: StaticTensor;
  /** [gates * hidden], the recurrent half of the bias, or null. */
  readonly recurrentBias: StaticTensor | null;
  readonly activations: readonly Activation[];
  readonly clip: (x: StaticTensor) => StaticTensor;
}

const DIRECTIONS: ReadonlyMap<string, readonly boolean[]> = new Map([
  ['forward', [false]],
  ['reverse', [true]],
  ['bidirectional', [false, true]],
]);

function expectShape(c: ExpandContext, i: number, shape: readonly number[], what: string): void {
  if (!c.has(i)) return;
  const given = c.tensor(i).shape;
  if (given.join() !== shape.join()) c.fail(`${what} has shape [${given}], expected [${shape}]`);
}

function sizesOf(c: ExpandContext, cell: Cell, directions: number, batchFirst: boolean): Sizes {
  const [x, w, r] = [c.tensor(0), c.tensor(1), c.tensor(2)];
  for (const t of [x, w, r]) if (t.shape.length !== 3) c.fail(`an operand has rank ${t.shape.length}, expected 3`);
  const [time, batch, input] = batchFirst ? [x.shape[1], x.shape[0], x.shape[2]] : x.shape;
  const hidden = r.shape[2];
  const stated = c.int('hidden_size', hidden);
  if (stated !== hidden) c.fail(`hidden_size is ${stated}, the recurrent weight has ${hidden}`);
  const rows = cell.gates * hidden;
  expectShape(c, 1, [directions, rows, input], 'W');
  expectShape(c, 2, [directions, rows, hidden], 'R');
  expectShape(c, 3, [directions, 2 * rows], 'B');
  expectShape(c, 4, [batch], 'sequence_lens');
  const state = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden];
  for (const i of cell.initial) expectShape(c, i, state, 'an initial state');
  return { time, batch, input, hidden, directions };
}

/** Gate `g` of a tensor whose last axis stacks gates. */
export const gate = (d: Direction, t: StaticTensor, g: number): StaticTensor =>
  columns(d.c, t, g * d.sizes.hidden, (g + 1) * d.sizes.hidden);

function clipper(c: ExpandContext): Direction['clip'] {
  if (!c.hasAttr('clip')) return (x) => x;
  const limit = c.float('clip', 0);
  if (limit <= 0) return (x) => x;
  return (x) => c.one('Clip', [x, c.constant(x.dtype, [], [-limit]), c.constant(x.dtype, [], [limit])]);
}

/** The input's part of all gates, [time, batch, gates * hidden]. */
function projection(
  c: ExpandContext,
  x: StaticTensor,
  w: StaticTensor,
  bias: StaticTensor | null,
  s: Sizes,
): StaticTensor {
  const rows = reshape(c, x, [s.time * s.batch, s.input]);
  const product = c.one('Gemm', [rows, w, bias], { transB: 1 });
  return reshape(c, product, [s.time, s.batch, w.shape[0]]);
}

/** Whether sample b still runs at step i, [batch, 1]; null when all run to the end. */
function running(c: ExpandContext, s: Sizes, reverse: boolean): ((i: StaticTensor) => StaticTensor) | null {
  if (!c.has(4)) return null;
  const lens = c.tensor(4);
  if (lens.constant && c.numbersOf(lens).every((n) => n === s.time)) return null;
  const lengths = reshape(c, c.one('Cast', [lens], { to: 7 }), [s.batch, 1]);
  const last = c.constant('i64', [], [BigInt(s.time - 1)]);
  return (i) => c.one('Less', [reverse ? c.one('Sub', [last, i]) : i, lengths]);
}

/** Runs one direction: the stacked outputs [time, batch, hidden] and the final states. */
function runDirection(
  cell: Cell,
  d: Direction,
  x: StaticTensor,
  initial: readonly StaticTensor[],
): { all: StaticTensor; last: readonly StaticTensor[] } {
  const { c, sizes } = d;
  const isRunning = running(c, sizes, d.reverse);
  const loop = c.tryLoop({
    trip: sizes.time,
    cond: null,
    carried: initial,
    body: (i, states) => {
      const row = c.one('TakeRow', [x, i], { reverse: d.reverse }, 'tilewright');
      const next = cell.step(d, row, states);
      if (!isRunning) return { carried: next, stacked: [{ each: next[0], reverse: d.reverse }] };
      const runs = isRunning(i);
      const zero = c.constant(x.dtype, [], [0]);
      return {
        carried: next.map((t, k) => c.one('Where', [runs, t, states[k]])),
        stacked: [{ each: c.one('Where', [runs, next[0], zero]), reverse: d.reverse }],
      };
    },
  });
  if (!loop) return c.fail('a step needs values that exist only at run time', undefined, 'INTERNAL');
  return { all: loop.stacked[0], last: loop.carried };
}

function bias(
  c: ExpandContext,
  b: StaticTensor | null,
  index: number,
  joined: boolean,
): {
  input: StaticTensor | null;
  recurrent: StaticTensor | null;
} {
  if (!b) return { input: null, recurrent: null };
  const row = part(c, b, index);
  const half = row.shape[0] / 2;
  const [input, recurrent] = [columns(c, row, 0, half), columns(c, row, half, 2 * half)];
  return joined ? { input: c.one('Add', [input, recurrent]), recurrent: null } : { input, recurrent };
}

/** Stacks per-direction tensors along `axis`. */
function stack(c: ExpandContext, each: readonly StaticTensor[], axis: number): StaticTensor {
  const at = c.constant('i64', [1], [BigInt(axis)]);
  const parts = each.map((t) => c.one('Unsqueeze', [t, at]));
  return parts.length === 1 ? parts[0] : c.one('Concat', parts, { axis });
}

/** Results Y, then one final state per state of the cell. */
export function expandRecurrent(c: ExpandContext, cell: Cell): readonly StaticTensor[] {
  const directions = DIRECTIONS.get(c.string('direction', 'forward')) ?? c.fail('direction is not defined');
  const batchFirst = c.int('layout', 0) !== 0;
  const sizes = sizesOf(c, cell, directions.length, batchFirst);
  const stored = c.tensor(0).dtype;
  const wide = stored === 'f64' ? 'f64' : 'f32';
  const widen = (t: StaticTensor): StaticTensor =>
    t.dtype === wide ? t : c.one('Cast', [t], { to: wide === 'f64' ? 11 : 1 });
  const narrow = (t: StaticTensor): StaticTensor => (stored === wide ? t : c.one('CastLike', [t, c.tensor(0)]));
  const swap = (t: StaticTensor, perm: number[]): StaticTensor => (batchFirst ? c.one('Transpose', [t], { perm }) : t);
  const operand = (i: number): StaticTensor | null => (c.has(i) ? widen(c.tensor(i)) : null);
  const x = swap(operand(0)!, [1, 0, 2]);
  const activations = activationsOf(c, cell.activations, directions.length);
  const each = cell.activations.length;
  const blank = zeros(c, wide, [sizes.batch, sizes.hidden]);
  const initials = cell.initial.map((i) => operand(i)).map((t) => t && swap(t, [1, 0, 2]));
  const results = directions.map((reverse, index) => {
    const b = bias(c, operand(3), index, cell.joinBias);
    const d: Direction = {
      c,
      sizes,
      index,
      reverse,
      weights: part(c, operand(2)!, index),
      recurrentBias: b.recurrent,
      activations: activations.slice(index * each, (index + 1) * each),
      clip: clipper(c),
    };
    const projected = projection(c, x, part(c, operand(1)!, index), b.input, sizes);
    return runDirection(
      cell,
      d,
      projected,
      initials.map((t) => (t ? part(c, t, index) : blank)),
    );
  });
  const all = stack(
    c,
    results.map((r) => r.all),
    1,
  );
  const finals = Array.from({ length: cell.states }, (_, k) =>
    swap(
      stack(
        c,
        results.map((r) => r.last[k]),
        0,
      ),
      [1, 0, 2],
    ),
  );
  return [swap(all, [2, 0, 1, 3]), ...finals].map(narrow);
}
