// ONNX Slice since 10: strided sub-boxes; negative positions count from the end, steps may be negative.

import { add, type Expr, index, load, mul } from '../3-tile/expr.ts';
import { type Dim, isStatic, symbol } from '../ir/dim.ts';
import { ANY, INDEX } from './elementwise.ts';
import { normalAxes } from './moves.ts';
import { type InferContext, type LowerContext, op } from './op.ts';

interface Range {
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

interface Request {
  readonly axes: readonly number[];
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly steps: readonly number[];
}

/** The positions start, start + step, … of an axis, clipped to it. */
function clip(extent: number, start: number, end: number, step: number): Range {
  const at = (i: number): number => (i < 0 ? i + extent : i);
  const bound = (i: number, lo: number, hi: number): number => Math.min(Math.max(i, lo), hi);
  if (step > 0) {
    const [from, to] = [bound(at(start), 0, extent), bound(at(end), 0, extent)];
    return { start: from, step, length: Math.max(Math.ceil((to - from) / step), 0) };
  }
  const [from, to] = [bound(at(start), 0, extent - 1), bound(at(end), -1, extent - 1)];
  return { start: from, step, length: Math.max(Math.ceil((to - from) / step), 0) };
}

function request(c: InferContext | LowerContext, rank: number): Request {
  const [starts, ends] = [c.numbers(1), c.numbers(2)];
  const axes = c.has(3) ? c.numbers(3) : starts.map((_, i) => i);
  const steps = c.has(4) ? c.numbers(4) : starts.map(() => 1);
  if ([ends, axes, steps].some((list) => list.length !== starts.length)) {
    c.fail(
      `starts, ends, axes and steps have ${starts.length}, ${ends.length}, ${axes.length} and ${steps.length} entries`,
    );
  }
  if (steps.includes(0)) c.fail('a step is 0');
  return { axes: normalAxes(c, axes, rank), starts, ends, steps };
}

/** An open-ended slice of a symbolic axis keeps it; any other leaves it unknown. */
function symbolicExtent(d: Dim, start: number, end: number, step: number): Dim {
  return start === 0 && step === 1 && end >= 2 ** 31 - 1 ? d : symbol('?');
}

export const Slice = op({
  name: 'Slice',
  inputs: [3, 5],
  since: 10,
  types: { 0: ANY, 1: INDEX, 2: INDEX, 3: INDEX, 4: INDEX },
  infer: (c) => {
    const dims = [...c.dims(0)];
    const { axes, starts, ends, steps } = request(c, dims.length);
    axes.forEach((a, i) => {
      const d = dims[a];
      dims[a] = isStatic(d)
        ? clip(d, starts[i], ends[i], steps[i]).length
        : symbolicExtent(d, starts[i], ends[i], steps[i]);
    });
    return [c.tensor(c.dtype(0), dims)];
  },
  lower: (c) => {
    const x = c.tensor(0);
    const { axes, starts, ends, steps } = request(c, x.shape.length);
    const ranges = axes.map((a, i) => clip(x.shape[a], starts[i], ends[i], steps[i]));
    if (ranges.every((r, i) => r.length === x.shape[axes[i]] && r.step === 1)) return [x];
    const source = (e: Expr, d: number): Expr => {
      const r = ranges[axes.indexOf(d)];
      return r ? add(mul(e, index(r.step)), index(r.start)) : e;
    };
    return [c.b.map(x.dtype, c.outShape(), (ix) => load(x, ix.map(source)))];
  },
});
