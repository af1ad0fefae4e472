// ONNX Range since 11: start, start + delta, … below limit. The count is found at compile time, in the
// precision of the type (narrow floats count in f32).

import { add, cast, computeType, load, mul } from '../3-tile/expr.ts';
import type { DType } from '../ir/dtype.ts';
import { isFloat } from '../ir/dtype.ts';
import { type Scalar, tensorValues } from '../ir/tensor.ts';
import { FLOATS, sameTypes } from './elementwise.ts';
import { type InferContext, op } from './op.ts';

const TYPES: readonly DType[] = [...FLOATS, 'i16', 'i32', 'i64'];

function scalar(c: InferContext, i: number): Scalar {
  const values = tensorValues(c.value(i));
  if (values.length !== 1) c.fail(`input ${i} has ${values.length} elements, expected a scalar`);
  return values[0];
}

function floatCount(c: InferContext, [start, limit, delta]: readonly number[]): number {
  const round = c.dtype(0) === 'f64' ? (x: number): number => x : Math.fround;
  const n = Math.ceil(round(round(limit - start) / delta));
  if (Number.isNaN(n) || n === Infinity) return c.fail(`${start} to ${limit} by ${delta} has no count`);
  return Math.max(n, 0);
}

function count(c: InferContext): number {
  const values = [0, 1, 2].map((i) => scalar(c, i));
  if (isFloat(c.dtype(0))) return floatCount(c, values as number[]);
  const [start, limit, delta] = values.map(BigInt);
  if (delta === 0n) c.fail('delta is 0');
  const span = delta > 0n ? limit - start : start - limit;
  const step = delta > 0n ? delta : -delta;
  const n = span > 0n ? (span + step - 1n) / step : 0n;
  if (n > 2n ** 31n) c.fail(`${n} elements are too many`, undefined, 'LIMIT_EXCEEDED');
  return Number(n);
}

export const Range = op({
  name: 'Range',
  inputs: [3, 3],
  since: 11,
  types: { 0: TYPES, 1: TYPES, 2: TYPES },
  infer: (c) => {
    sameTypes(c);
    return [c.tensor(c.dtype(0), [count(c)])];
  },
  lower: (c) => {
    const [start, delta] = [0, 2].map((i) => load(c.b.view(c.tensor(i), []), []));
    const t = computeType(c.outDtype());
    return [c.b.map(c.outDtype(), c.outShape(), ([i]) => add(start, mul(cast(t, i), delta)))];
  },
});
