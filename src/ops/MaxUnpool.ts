// ONNX MaxUnpool since 9: elements put back to the flat positions that MaxPool gave, zeros elsewhere.
// A larger output_shape holds the result in its first corner.
import { and, cast, computeType, constant, ge, guardedLoad, index, load, lt, max, min } from '../3-tile/expr.ts';
import { all } from '../3-tile/monoids.ts';
import { loopFrom, store } from '../3-tile/statements.ts';
import { FLOATS } from './elementwise.ts';
import { allOf } from './index-math.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';
import { perAxis } from './window.ts';

/** Extents that the window attributes give. */
function naturalShape(c: InferContext | LowerContext): number[] {
  const [n, channels, ...spatial] = c.shape(0);
  const d = spatial.length;
  if (!c.hasAttr('kernel_shape')) c.fail('attribute kernel_shape is missing', undefined, 'INVALID_MODEL');
  const kernel = perAxis(c, 'kernel_shape', d, 1, 1);
  const strides = perAxis(c, 'strides', d, 1, 1);
  const pads = perAxis(c, 'pads', 2 * d, 0, 0);
  return [n, channels, ...spatial.map((e, i) => (e - 1) * strides[i] - pads[i] - pads[d + i] + kernel[i])];
}

function scatter(c: LowerContext, shape: readonly number[]): TileTensor {
  const { b } = c;
  const [count, total] = [c.shape(0), shape].map((s) => s.reduce((p, d) => p * d, 1));
  const [x, at] = [b.view(c.tensor(0), [count]), b.view(c.tensor(1), [count])];
  const out = b.alloc(x.dtype, [total]);
  const zero = constant(computeType(x.dtype), 0);
  const last = constant('i64', total - 1);
  if (count > 0) {
    b.check(
      b.reduce('bool', [], [count], all(), (_, ix) =>
        and(ge(load(at, ix), constant('i64', 0)), lt(load(at, ix), constant('i64', total))),
      ),
      `an index is out of range for ${total} elements`,
    );
  }
  b.routine(
    [x, at],
    [out],
    [
      loopFrom(0, total, (i) => [store(out, [i], zero)]),
      loopFrom(0, total > 0 ? count : 0, (i) => {
        const to = cast('i32', max(min(load(at, [i]), last), constant('i64', 0)));
        return [store(out, [to], load(x, [i]))];
      }),
    ],
  );
  return b.view(out, shape);
}

export const MaxUnpool = op({
  name: 'MaxUnpool',
  inputs: [2, 3],
  since: 9,
  types: { 0: FLOATS, 1: ['i64'], 2: ['i64'] },
  infer: (c) => {
    if (c.rank(0) < 3) c.fail(`input has rank ${c.rank(0)}, expected at least 3`);
    if (c.shape(1).join() !== c.shape(0).join()) c.fail(`indices have shape [${c.shape(1)}], expected [${c.shape(0)}]`);
    const natural = naturalShape(c);
    if (natural.some((d) => d < 0)) c.fail(`the result would have extents [${natural}]`);
    if (!c.has(2)) return [c.tensor(c.dtype(0), natural)];
    const asked = c.numbers(2);
    const fits = asked.length === natural.length && asked.every((d, i) => d >= natural[i]);
    if (!fits) c.fail(`output_shape [${asked}] does not hold [${natural}]`);
    return [c.tensor(c.dtype(0), asked)];
  },
  lower: (c) => {
    const natural = naturalShape(c);
    const filled = scatter(c, natural);
    const shape = c.outShape();
    if (shape.join() === natural.join()) return [filled];
    const zero = constant(computeType(filled.dtype), 0);
    return [
      c.b.map(filled.dtype, shape, (ix) =>
        guardedLoad(filled, ix, allOf(ix.map((e, i) => lt(e, index(natural[i])))), zero),
      ),
    ];
  },
});
