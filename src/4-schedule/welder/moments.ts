// Squares about a mean in one pass (Welford 1962, over parts: Chan, Golub & LeVeque 1979): Σ(x − c)² over a part is
// Σ(x − m)² + n·(m − c)² with the part's own mean m. In: steps joined in registers. Out: where parts of such squares are
// summed, and the same parts of x are as well, squares about their own means beside those sums, so that a tile folds both
// while x is near, whatever c waits for. Told by accesses and monoids: c is anything that stands still within a part.
import { acc, add, axisExpr, constant, type Expr, load, mul, sub } from '../../3-tile/expr.ts';
import { walkExpr } from '../../3-tile/rewrite.ts';
import type { TileTensor } from '../../3-tile/tensor.ts';
import { pointsOf, type Step, type TileOp } from '../../3-tile/tile-op.ts';
import { placed, sumsFloats } from './defer.ts';
import { loadsOf, Region } from './region.ts';

/** The base of a square; null for anything else. */
const based = (e: Expr): Expr | null =>
  (e.op === 'mul' && e.src[0] === e.src[1]) || (e.op === 'pow' && e.src[1] === constant('f32', 2)) ? e.src[0] : null;

/** What is summed and about what, where that stands still; null for any other reduction. */
function deviation(op: TileOp): Readonly<{ x: Expr; about: Expr }> | null {
  const { reduce, value } = op;
  const d = reduce && sumsFloats(op) && value === acc(0, 'f32') ? based(reduce.elems[0]) : null;
  if (!reduce || d?.op !== 'sub') return null;
  const moving = new Set(reduce.axes.filter((a) => a.extent > 1).map(axisExpr));
  const [x, about] = d.src;
  return walkExpr(about).some((e) => moving.has(e)) ? null : { x, about };
}

/** Whether one sums, at every point where the other stores, `x` over what the other sums over. */
function sumsOf(op: TileOp, { write, at, reduce }: TileOp, x: Expr): boolean {
  if (!sumsFloats(op) || op.value !== acc(0, 'f32') || String(op.write.shape) !== String(write.shape)) return false;
  const { axes } = op.reduce!;
  const alike = String(axes.map((a) => a.extent)) === String(reduce!.axes.map((a) => a.extent));
  return alike && placed(op, at, reduce!.axes.map(axisExpr))?.(op.reduce!.elems[0]) === x;
}

/** Squares about own means, and the sum of them that counts how far those are. */
function parts(squares: TileOp, total: TileOp, sums: TileTensor): readonly [TileOp, TileOp] | null {
  const found = deviation(squares)!;
  const [part, elem] = [squares.reduce!, total.reduce?.elems[0]];
  if (!sumsFloats(total) || elem?.op !== 'load' || elem.arg !== squares.write || loadsOf(total).length > 1) return null;
  const there = placed(squares, elem.src);
  if (!there) return null;
  const count = pointsOf(part.axes);
  const mean = (at: readonly Expr[]): Expr => mul(load(sums, at), constant('f32', 1 / count));
  const [own, off] = [sub(found.x, mean(squares.at)), sub(mean(elem.src), there(found.about))];
  const all = add(elem, mul(constant('f32', count), mul(off, off)));
  return [
    { ...squares, reduce: { ...part, elems: [mul(own, own)] } },
    { ...total, reduce: { ...total.reduce!, elems: [all] } },
  ];
}

/** The steps with squares about own means, each after the sums that it needs. `pinned`: what others see. */
export function ownMeans(steps: readonly Step[], pinned: ReadonlySet<TileTensor>): readonly Step[] {
  const region = new Region(steps, pinned);
  const after = new Map<number, TileOp>();
  for (const [i, op] of steps.entries()) {
    const found = op.kind === 'op' ? deviation(op) : null;
    if (op.kind !== 'op' || !found) continue;
    const at = steps.slice(0, i).findLastIndex((s) => s.kind === 'op' && sumsOf(s, op, found.x));
    const [j, ...more] = region.consumers(i, op.write) ?? [];
    const [sum, total] = [steps[at], steps[j]];
    if (sum?.kind !== 'op' || total?.kind !== 'op' || more.length > 0 || !region.movable(at, i)) continue;
    const made = parts(op, total, sum.write);
    if (!made) continue;
    after.set(at, made[0]);
    region.replace(j, made[1]);
    region.remove(i);
  }
  return region.steps.flatMap((s, i) => [s, after.get(i) ?? null]).filter((s): s is Step => s !== null);
}
