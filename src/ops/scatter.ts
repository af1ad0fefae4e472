// What the scatter family shares: a copy of the data into which a routine writes updates in order,
// combining them with what is there when a reduction is asked for.
import { add, type Expr, load, max, min, mul } from '../3-tile/expr.ts';
import { store } from '../3-tile/statements.ts';
import type { LowerContext, TileTensor } from './op.ts';
import { loopNest } from './statements.ts';

const REDUCTIONS = new Map<string, (old: Expr, update: Expr) => Expr>([
  ['none', (_, update) => update],
  ['add', add],
  ['mul', mul],
  ['max', max],
  ['min', min],
]);

/** How an update meets the element it lands on. */
export function reduction(c: Pick<LowerContext, 'string' | 'fail'>): (old: Expr, update: Expr) => Expr {
  const name = c.string('reduction', 'none');
  return REDUCTIONS.get(name) ?? c.fail(`reduction is "${name}", expected none, add, mul, max or min`);
}

/**
 * A copy of input 0 with every element of `updates` stored at `at(ix)`, in row-major order of the
 * updates; `reads` are the tensors that `at` loads.
 */
export function scatterInto(
  c: LowerContext,
  updates: TileTensor,
  reads: readonly TileTensor[],
  at: (ix: readonly Expr[]) => readonly Expr[],
): TileTensor {
  const combine = reduction(c);
  const data = c.tensor(0);
  const out = c.b.map(data.dtype, data.shape, (ix) => load(data, ix));
  c.b.routine(
    [updates, ...reads],
    [out],
    loopNest(updates.shape, (ix) => {
      const target = at(ix);
      return [store(out, target, combine(load(out, target), load(updates, ix)))];
    }),
  );
  return out;
}
