// Work on constants is done at compile time. In: an operator that loads nothing but constants, and the operators that
// read its result. Out: those operators over a new constant. Small work only: the interpreter does it.
import { computeType, constant, type Expr, isLoad } from '../../3-tile/expr.ts';
import { interpret } from '../../3-tile/interpret.ts';
import { SimplifyContext, simplify } from '../../3-tile/simplify.ts';
import { newTensor, owner, type TileTensor } from '../../3-tile/tensor.ts';
import { pointsOf, type TileOp } from '../../3-tile/tile-op.ts';
import { isInt } from '../../ir/dtype.ts';
import { elementCount, elements } from '../../ir/tensor.ts';
import { entryOf } from '../../support/collections.ts';
import { indicesOf, loadFrom, mapOp, rebuildOp, transform } from '../transform.ts';
import { loadsOf, type Region, writesWhole } from './region.ts';

/** Evaluations per operator: about a millisecond of interpretation. */
const MAX_EVALUATIONS = 16_384;

/** Whether the operator loads constants and nothing else. */
export function onlyConstants(op: TileOp): boolean {
  const loads = loadsOf(op);
  return loads.length > 0 && loads.every((e) => owner(e.arg).data !== null);
}

/** What an operator over constants writes, as a constant. */
export function evaluated({ write, ...op }: TileOp): TileTensor {
  const [data] = interpret({ inputs: [], outputs: [write], steps: [{ ...op, write }], checks: [] }, []);
  return newTensor(write.name, write.dtype, write.shape, 'constant', { data });
}

/** The readers of step `i` over its result as a constant; null where it stays run-time work. */
export function folded(region: Region, i: number, op: TileOp): Map<number, TileOp> | null {
  const axes = [...op.axes, ...(op.reduce?.axes ?? [])];
  if (pointsOf(axes) > MAX_EVALUATIONS) return null;
  if (!writesWhole(op) || !onlyConstants(op)) return null;
  const at = region.consumers(i, op.write);
  if (!at?.every((j) => region.steps[j]!.kind === 'op')) return null;
  const made = evaluated(op);
  return new Map(at.map((j) => [j, withScalars(reading(region.steps[j] as TileOp, owner(op.write), made))]));
}

/** The value of a constant of one element, or of a vector of equal integers, in its compute type. */
function scalarValue(t: TileTensor): Expr | null {
  const o = owner(t);
  const count = elementCount(o.shape);
  const simple = count === 1 || (count > 1 && o.shape.length === 1 && isInt(o.dtype));
  if (!o.data || o.dtype !== t.dtype || !simple) return null;
  const { get } = elements(t.dtype, o.data.bytes);
  for (let i = 1; i < count; i++) if (!Object.is(get(i), get(0))) return null;
  return constant(computeType(t.dtype), get(0));
}

/** The operator with constants of one value written into its expressions, simplified. */
export function withScalars(op: TileOp): TileOp {
  const context = new SimplifyContext();
  const memo = new Map<Expr, Expr>();
  const scalar = (n: Expr): Expr | undefined => (n.op === 'load' ? (scalarValue(n.arg) ?? undefined) : undefined);
  return mapOp(op, (e) => simplify(transform(e, scalar, memo), context));
}

/** The operator loading `to`, which may have another type, wherever it loaded `from` or a view of it. */
export function reading(op: TileOp, from: TileTensor, to: TileTensor): TileOp {
  const views = new Map<TileTensor, TileTensor>();
  const viewOf = (t: TileTensor): TileTensor => {
    const dtype = t.dtype === from.dtype ? to.dtype : t.dtype;
    return entryOf(views, t, () => (t === from ? to : newTensor(to.name, dtype, t.shape, to.role, { base: to })));
  };
  return rebuildOp(op, (n, src) =>
    isLoad(n) && owner(n.arg) === from ? loadFrom(n, viewOf(n.arg), src.slice(0, indicesOf(n).length), src) : undefined,
  );
}
