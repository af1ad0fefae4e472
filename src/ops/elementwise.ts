// Shared declarations of element-wise operators: NumPy broadcasting, same-type results. Operator
// files name the function; nothing here knows an operator by name.
import { type DType, DTYPES, dtypeInfo } from '../ir/dtype.ts';
import { type Dim, isStatic } from '../ir/dim.ts';
import { broadcastLoad } from '../3-tile/builder.ts';
import { type Expr, load } from '../3-tile/expr.ts';
import { type InferContext, type LowerContext, op, type OpDef } from './op.ts';

const ofKind = (...kinds: string[]): readonly DType[] => DTYPES.filter((d) => kinds.includes(dtypeInfo(d).kind));
export const NUMERIC = ofKind('float', 'int', 'uint');
export const FLOATS = ofKind('float');
export const INTEGERS = ofKind('int', 'uint');
export const BOOL: readonly DType[] = ['bool'];

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

/** y = f(x), same shape; `f` also sees the node for attributes. */
export function unaryOp(
  name: string, types: readonly DType[], f: (x: Expr, c: LowerContext) => Expr,
  options: Partial<OpDef> & { result?: DType } = {},
): OpDef {
  const { result, ...rest } = options;
  return op({
    name, types: { 0: types },
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
  name: string, types: readonly DType[], f: (x: Expr, y: Expr, c: LowerContext) => Expr,
  options: Partial<OpDef> & { result?: DType } = {},
): OpDef {
  const { result, ...rest } = options;
  return op({
    name, inputs: [2, 2], types: { 0: types, 1: types },
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
export function variadicOp(name: string, types: readonly DType[], f: (acc: Expr, x: Expr) => Expr, finish?: (x: Expr, count: number) => Expr): OpDef {
  return op({
    name, inputs: [1, Infinity],
    infer: (c) => {
      sameTypes(c);
      if (!types.includes(c.dtype(0))) c.fail(`type ${c.dtype(0)} is not supported`, undefined, 'UNSUPPORTED_TYPE');
      return [c.tensor(c.dtype(0), broadcastShapes(c, ...Array.from({ length: c.numInputs }, (_, i) => c.dims(i))))];
    },
    lower: (c) => [c.b.map(c.outDtype(), c.outShape(), (ix) => {
      const xs = Array.from({ length: c.numInputs }, (_, i) => broadcastLoad(c.tensor(i), ix));
      const folded = xs.reduce(f);
      return finish ? finish(folded, xs.length) : folded;
    })],
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
