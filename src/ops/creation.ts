// What the operators that create tensors share: the result type as an attribute, extents from inputs.
import { type DType, dtypeFromOnnx } from '../ir/dtype.ts';
import type { InferContext } from './op.ts';

/** The element type that an integer attribute names, among those allowed. */
export function typeAttribute(c: InferContext, name: string, fallback: DType, allowed: readonly DType[]): DType {
  const dtype = c.hasAttr(name) ? dtypeFromOnnx(c.int(name, 0)) : fallback;
  if (!dtype) return c.fail(`attribute ${name} is ${c.int(name, 0)}, not an element type`, undefined, 'INVALID_MODEL');
  if (!allowed.includes(dtype)) {
    c.fail(`type ${dtype} is not one of ${allowed.join(', ')}`, undefined, 'UNSUPPORTED_TYPE');
  }
  return dtype;
}

/** A single number that is an extent. */
export function scalarExtent(c: InferContext, i: number): number {
  const values = c.numbers(i);
  if (values.length !== 1 || values[0] < 0) c.fail(`input ${i} is [${values}], expected one extent`);
  return values[0];
}
