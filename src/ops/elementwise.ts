// Shared declarations of element-wise operators: NumPy broadcasting, same-type results. Operator
// files name the function; nothing here knows an operator by name.

import { broadcastLoad } from '../3-tile/builder.ts';
import { type Expr, load } from '../3-tile/expr.ts';
import { type Dim, isStatic } from '../ir/dim.ts';
import { DTYPES, type DType, dtypeInfo } from '../ir/dtype.ts';
import { type InferContext, type LowerContext, type OpDef, op } from './op.ts';

/** The float types of arithmetic; narrower ones only store (Cast and the quantisers take them). */
export const FLOATS: readonly DType[] = ['f32', 'f64', 'f16', 'bf16'];
export const UNSIGNED: readonly DType[] = ['u8', 'u16', 'u32', 'u64'];
export const SIGNED: readonly DType[] = ['i8', 'i16', 'i32', 'i64'];
export const INTEGERS: readonly DType[] = [...SIGNED, ...UNSIGNED];
export const NUMERIC: readonly DType[] = [...FLOATS, ...INTEGERS];
export const SIGNED_NUMERIC: readonly DType[] = [...FLOATS, ...SIGNED];
export const EQUATABLE: readonly DType[] = [...NUMERIC, 'bool'];
export const ALL_FLOATS: readonly DType[] = DTYPES.filter((d) => dtypeInfo(d).kind === 'float');
export const BOOL: readonly DType[] = ['bool'];
export const INDEX: readonly DType[] = ['i32', 'i64'];
/** Everything that has a scalar value: not strings, not complex numbers. */
export const ANY: readonly DType[] = DTYPES.filter((d) => !['string', 'complex'].includes(dtypeInfo(d).kind));

/** The broadcast of several shapes; refused when extents differ and neither is 1. */
export function broadcastShapes(c: InferContext, ...shapes: (readonly Dim[])[]): Dim[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    let result: Dim = 1;
    for (const s of shapes) {
      const d = s[i - rank + s.length] ?? 1;
      if (d === 1 || d === result) continue;
      if (result === 1) result = d;
      else if (isStatic(result) && isStatic(d)) {
        c.fail(`shapes ${shapes.map((x) => `[${x.join(',')}]`).join(' and ')} do not broadcast`);
      } else if (isStatic(d)) result = d;
    }
    return result;
  });
}

/** Refuses a shape that does not broadcast to `target` without changing it. */
export function broadcastsTo(c: InferContext, shape: readonly Dim[], target: readonly Dim[]): void {
  const skip = target.length - shape.length;
  const fits =
    skip >= 0 &&
    shape.every((d, i) => d === 1 || !isStatic(d) || !isStatic(target[i + skip]) || d === target[i + skip]);
  if (!fits) c.fail(`shape [${shape}] does not broadcast to [${target}]`);
}

/** y = f(x), same shape; `f` also sees the node for attributes. */
export function unaryOp(
  name: string,
  types: readonly DType[],
  f: (x: Expr, c: LowerContext) => Expr,
  options: Partial<OpDef> & { result?: DType } = {},
): OpDef {
  const { result, ...rest } = options;
  return op({
    name,
    types: { 0: types },
    infer: (c) => [c.tensor(result ?? c.dtype(0), c.dims(0))],
    lower: (c) => {
      const x = c.tensor(0);
      return [c.b.map(c.outDtype(), x.shape, (ix) => f(load(x, ix), c))];
    },
    ...rest,
  });
}

/** z = f(x, y), broadcast; both inputs have one type. */
export function binaryOp(
  name: string,
  types: readonly DType[],
  f: (x: Expr, y: Expr, c: LowerContext) => Expr,
  options: Partial<OpDef> & { result?: DType } = {},
): OpDef {
  const { result, ...rest } = options;
  return op({
    name,
    inputs: [2, 2],
    types: { 0: types, 1: types },
    infer: (c) => {
      sameTypes(c);
      return [c.tensor(result ?? c.dtype(0), broadcastShapes(c, c.dims(0), c.dims(1)))];
    },
    lower: (c) => {
      const [x, y] = [c.tensor(0), c.tensor(1)];
      return [c.b.map(c.outDtype(), c.outShape(), (ix) => f(broadcastLoad(x, ix), broadcastLoad(y, ix), c))];
    },
    ...rest,
  });
}

/** z = fold of f over one or more inputs, broadcast (Sum, Max, …). */
export function variadicOp(
  name: string,
  types: readonly DType[],
  f: (acc: Expr, x: Expr) => Expr,
  finish?: (x: Expr, count: number) => Expr,
): OpDef {
  return op({
    name,
    inputs: [1, Infinity],
    infer: (c) => {
      sameTypes(c);
      if (!types.includes(c.dtype(0))) c.fail(`type ${c.dtype(0)} is not supported`, undefined, 'UNSUPPORTED_TYPE');
      return [c.tensor(c.dtype(0), broadcastShapes(c, ...Array.from({ length: c.numInputs }, (_, i) => c.dims(i))))];
    },
    lower: (c) => [
      c.b.map(c.outDtype(), c.outShape(), (ix) => {
        const xs = Array.from({ length: c.numInputs }, (_, i) => broadcastLoad(c.tensor(i), ix));
        const folded = xs.reduce(f);
        return finish ? finish(folded, xs.length) : folded;
      }),
    ],
  });
}

/** Refuses inputs of different element types. */
export function sameTypes(c: InferContext): void {
  for (let i = 1; i < c.numInputs; i++) {
    if (c.has(i) && c.dtype(i) !== c.dtype(0)) {
      c.fail(`inputs have types ${c.dtype(0)} and ${c.dtype(i)}, expected one type`, undefined, 'UNSUPPORTED_TYPE');
    }
  }
}
