// ONNX CenterCropPad since 18: axes cropped or padded with zeros around their centre to given extents.

import { add, and, computeType, constant, ge, guardedLoad, index, lt } from '../3-tile/expr.ts';
import type { Dim } from '../ir/dim.ts';
import { ANY, INDEX } from './elementwise.ts';
import { normalAxes } from './moves.ts';
import { type InferContext, op } from './op.ts';

function shapeOf(c: InferContext): Dim[] {
  const dims = [...c.dims(0)];
  const given = c.ints('axes');
  const axes = given ? normalAxes(c, given, dims.length) : dims.map((_, i) => i);
  const target = c.numbers(1);
  if (target.length !== axes.length) c.fail(`${target.length} extents for ${axes.length} axes`);
  if (target.some((d) => d < 0)) c.fail(`[${target}] is not a shape`);
  axes.forEach((a, i) => {
    dims[a] = target[i];
  });
  return dims;
}

/** First position read in the input; negative where zeros are added before it. */
const shift = (from: number, to: number): number =>
  from > to ? Math.floor((from - to) / 2) : -Math.floor((to - from) / 2);

export const CenterCropPad = op({
  name: 'CenterCropPad',
  inputs: [2, 2],
  since: 18,
  types: { 0: ANY, 1: INDEX },
  infer: (c) => [c.tensor(c.dtype(0), shapeOf(c))],
  lower: (c) => {
    const x = c.tensor(0);
    const shape = c.outShape();
    return [
      c.b.map(x.dtype, shape, (ix) => {
        const at = ix.map((e, i) => add(e, index(shift(x.shape[i], shape[i]))));
        const guards = at.map((e, i) => and(ge(e, index(0)), lt(e, index(x.shape[i]))));
        return guardedLoad(x, at, guards.reduce(and, constant('bool', true)), constant(computeType(x.dtype), 0));
      }),
    ];
  },
});
