// Internal: the number of non-zero elements, which fixes the extent of NonZero's result.
import { cast, load, ne } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { ANY } from './elementwise.ts';
import { op } from './op.ts';
import { like } from './scalar-math.ts';

export const NonZeroCount = op({
  name: 'NonZeroCount',
  domain: 'tilewright',
  types: { 0: ANY },
  infer: (c) => [c.tensor('i64', [])],
  lower: (c) => {
    const x = c.tensor(0);
    return [
      c.b.reduce('i64', [], x.shape, sum('i64'), (_, rx) => {
        const e = load(x, rx);
        return cast('i64', e.dtype === 'bool' ? e : ne(e, like(e, 0)));
      }),
    ];
  },
});
