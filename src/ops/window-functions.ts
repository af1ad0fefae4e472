// Window functions: a + b·cos(2πi/N) + c·cos(4πi/N) over a run of samples, computed in f64.
import { add, cast, computeType, constant, div, type Expr, mul, unary } from '../3-tile/expr.ts';
import { scalarExtent, typeAttribute } from './creation.ts';
import { INDEX, NUMERIC } from './elementwise.ts';
import { type OpDef, op } from './op.ts';

const f64 = (v: number): Expr => constant('f64', v);

/** Coefficients of 1, cos 2πi/N and cos 4πi/N; N is the size, or one less when symmetric. */
export function windowOp(name: string, [a, b, c2]: readonly [number, number, number]): OpDef {
  return op({
    name,
    since: 17,
    types: { 0: INDEX },
    infer: (c) => [c.tensor(typeAttribute(c, 'output_datatype', 'f32', NUMERIC), [scalarExtent(c, 0)])],
    lower: (c) => {
      const [size] = c.outShape();
      const period = Math.max(c.int('periodic', 1) !== 0 ? size : size - 1, 1);
      const t = computeType(c.outDtype());
      return [
        c.b.map(c.outDtype(), [size], ([i]) => {
          const angle = div(mul(cast('f64', i), f64(2 * Math.PI)), f64(period));
          const first = add(f64(a), mul(f64(b), unary('cos', angle)));
          return cast(t, add(first, mul(f64(c2), unary('cos', mul(f64(2), angle)))));
        }),
      ];
    },
  });
}
