// Internal: coordinates [rank, count] of the non-zero elements in row-major order, for a known count.
import { add, and, cast, type Expr, index, load, lt, ne } from '../3-tile/expr.ts';
import { store } from '../3-tile/statements.ts';
import { ANY } from './elementwise.ts';
import { op } from './op.ts';
import { like } from './scalar-math.ts';
import { loopNest, variable, when } from './statements.ts';

const isSet = (e: Expr): Expr => (e.dtype === 'bool' ? e : ne(e, like(e, 0)));

export const NonZeroFill = op({
  name: 'NonZeroFill',
  domain: 'tilewright',
  types: { 0: ANY },
  infer: (c) => [c.tensor('i64', [c.rank(0), c.int('count', 0)])],
  lower: (c) => {
    const x = c.tensor(0);
    const count = index(c.int('count', 0));
    const out = c.b.alloc('i64', c.outShape());
    const next = variable('next', 'i32');
    c.b.routine(
      [x],
      [out],
      [
        next.set(index(0)),
        ...loopNest(x.shape, (ix) => [
          when(and(isSet(load(x, ix)), lt(next.read, count)), [
            ...ix.map((e, d) => store(out, [index(d), next.read], cast('i64', e))),
            next.set(add(next.read, index(1))),
          ]),
        ]),
      ],
    );
    return [out];
  },
});
