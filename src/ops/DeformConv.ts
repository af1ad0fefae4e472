// ONNX DeformConv since 19, two spatial axes: a convolution whose taps are moved by run-time offsets
// and sampled bilinearly, with an optional mask. First the sampled taps, then their weighted sum.
import {
  add,
  cast,
  computeType,
  constant,
  eq,
  floor,
  guardedLoad,
  index,
  load,
  mul,
  select,
  sub,
} from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import {
  addChannelBias,
  checkChannelVector,
  convolutionWindow,
  groupCount,
  inferConvolution,
  sameExtent,
} from './convolution.ts';
import { FLOATS, sameTypes } from './elementwise.ts';
import { allOf, flatIndex, plus, times, within } from './index-math.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';
import { type Placement, placeWindow, windowOf } from './window.ts';

function check(c: InferContext, shape: readonly (number | unknown)[]): void {
  const group = c.int('offset_group', 1);
  const channels = c.shape(0)[1];
  if (group < 1 || channels % group !== 0) c.fail(`${channels} channels do not split into ${group} offset groups`);
  const taps = c
    .shape(1)
    .slice(2)
    .reduce((p, d) => p * d, 1);
  const expected = (factor: number): readonly unknown[] => [shape[0], group * taps * factor, ...shape.slice(2)];
  if (c.shape(2).join() !== expected(2).join()) c.fail(`offset has shape [${c.shape(2)}], expected [${expected(2)}]`);
  if (c.has(4) && c.shape(4).join() !== expected(1).join())
    c.fail(`mask has shape [${c.shape(4)}], expected [${expected(1)}]`);
}

/** Bilinear sample of x[lead] at (y, x) with corners outside reading zero, summed over the four. */
function sampleTaps(c: LowerContext, p: Placement): TileTensor {
  const { b } = c;
  const x = c.tensor(0);
  const dtype = computeType(x.dtype);
  const [n, channels] = x.shape;
  const og = c.int('offset_group', 1);
  const each = channels / og;
  const { kernel, strides, dilations } = p.window;
  const offsets = b.view(c.tensor(2), [n, og, ...kernel, 2, ...p.output]);
  const masks = c.has(4) ? b.view(c.tensor(4), [n, og, ...kernel, ...p.output]) : null;
  const xs = b.view(x, [n, og, each, ...p.input]);
  const zero = constant(dtype, 0);
  return b.reduce(
    dtype,
    [n, og, each, ...kernel, ...p.output],
    [2, 2],
    sum(dtype),
    ([i, g, m, ky, kx, oy, ox], corner) => {
      const [k, o] = [
        [ky, kx],
        [oy, ox],
      ];
      const parts = [0, 1].map((a) => {
        const base = plus(add(times(o[a], strides[a]), times(k[a], dilations[a])), -p.before[a]);
        const shift = load(offsets, [i, g, ky, kx, index(a), oy, ox]);
        const at = add(cast(dtype, base), shift);
        const part = sub(at, floor(at));
        const weight = select(eq(corner[a], index(0)), sub(constant(dtype, 1), part), part);
        return { at: add(cast('i32', floor(at)), corner[a]), weight };
      });
      const inside = allOf(parts.map((q, a) => within(q.at, p.input[a])));
      const value = guardedLoad(xs, [i, g, m, ...parts.map((q) => q.at)], inside, zero);
      return mul(mul(parts[0].weight, parts[1].weight), value);
    },
    ([total], [i, g, , ky, kx, oy, ox]) => (masks ? mul(total, load(masks, [i, g, ky, kx, oy, ox])) : total),
  );
}

export const DeformConv = op({
  name: 'DeformConv',
  inputs: [3, 5],
  since: 19,
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS, 3: FLOATS, 4: FLOATS },
  infer: (c) => {
    sameTypes(c);
    convolutionWindow(c, 0, 1);
    if (c.rank(0) !== 4) {
      c.fail(`${c.rank(0) - 2} spatial axes are not supported, only 2`, undefined, 'UNSUPPORTED_OPERATOR');
    }
    const shape = inferConvolution(c);
    sameExtent(c, 'rank of offset', c.rank(2), 4);
    check(c, shape);
    checkChannelVector(c, 3, shape[1], 'bias');
    return [c.tensor(c.dtype(0), shape)];
  },
  lower: (c) => {
    const { b } = c;
    const [x, w] = [c.tensor(0), c.tensor(1)];
    const p = placeWindow(c, windowOf(c, w.shape.slice(2)), x.shape.slice(2));
    const group = groupCount(c);
    const [n, channels] = x.shape;
    const [m, perGroup, ...kernel] = w.shape;
    const taps = b.view(sampleTaps(c, p), [n, group, channels / group, ...kernel, ...p.output]);
    const ws = b.view(w, [group, m / group, perGroup, ...kernel]);
    const finish = addChannelBias(c, 3);
    const out = b.reduce(
      x.dtype,
      [n, group, m / group, ...p.output],
      [perGroup, ...kernel],
      sum(computeType(x.dtype)),
      ([i, g, o, oy, ox], [r, ky, kx]) => mul(load(taps, [i, g, r, ky, kx, oy, ox]), load(ws, [g, o, r, ky, kx])),
      ([total], ix) => finish(total, flatIndex(ix.slice(1, 3), [group, m / group])),
    );
    return [b.view(out, c.outShape())];
  },
});
