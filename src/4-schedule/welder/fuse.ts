// The welder at register level: which operators compute inside others. In: steps. Out: fewer steps of the same meaning.
// Decided by bytes and recomputation, never by what an operator is called: a producer is inlined where that costs no more
// than storing and loading its tensor; a reduction takes an element-wise reader of its own points as its stored value.
import { type Expr, isConst, type Op } from '../../3-tile/expr.ts';
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import { pointsOf, type Step, type TileOp, type TileProgram } from '../../3-tile/tile-op.ts';
import { dtypeInfo } from '../../ir/dtype.ts';
import { bytesOf, elementCount } from '../../ir/tensor.ts';
import { postOrder } from '../../support/rewrite.ts';
import { coefficient, type Linear } from '../linear.ts';
import { flatLinear } from '../nest.ts';
import { indicesOf } from '../transform.ts';
import { folded, withScalars } from './fold.ts';
import { appendTo, inlineInto } from './inline.ts';
import { materialiseBorders } from './pad.ts';
import { effectsOf, elemRoots, loadsBelow, loadsOf, ownEffects, pointRoots, Region, writesWhole } from './region.ts';
import { divisions } from './reindex.ts';

/** Scalar instructions of an operation, roughly; others take one. */
const WEIGHTS = new Map<Op, number>(
  (
    [
      [0, ['const', 'axis', 'acc']],
      [3, ['guarded']],
      [4, ['div', 'sqrt', 'round']],
      [6, ['rem']],
      [16, ['exp', 'exp2']],
      [18, ['tanh', 'erf']],
      [20, ['sigmoid', 'expm1', 'log', 'log2', 'log1p', 'atan']],
      [24, ['asin', 'acos', 'sinh', 'cosh']],
      [30, ['asinh', 'acosh', 'atanh', 'atan2']],
      [120, ['sin', 'cos', 'tan', 'pow']],
    ] satisfies [number, Op[]][]
  ).flatMap(([n, ops]) => ops.map((op): [Op, number] => [op, n])),
);
/** What storing an element and bringing it back costs, in the same unit, or a load from more than FAR bytes. */
export const STORE = 3;
const FAR = 2 ** 20;
/** Bounds on what one operator may become. */
const MAX_NODES = 600;
const MAX_TENSORS = 16;

/** Work per evaluation: the nodes of the value, not those of indices. */
export function workOf(root: Expr): number {
  const parts = (e: Expr): readonly Expr[] => (e.op === 'guarded' ? e.src.slice(-1) : e.op === 'load' ? [] : e.src);
  const weight = (e: Expr): number => (e.op === 'pow' && isConst(e.src[1]) ? 3 : (WEIGHTS.get(e.op) ?? 1));
  return postOrder([root], parts).reduce((n, e) => n + weight(e), 0);
}

/** How often the operator evaluates its loads of this owner. */
function evaluations(op: TileOp, target: TileTensor): number {
  const sites = (roots: readonly Expr[]): number => loadsBelow(roots).filter((e) => owner(e.arg) === target).length;
  return pointsOf(op.axes) * (sites(pointRoots(op)) + pointsOf(op.reduce?.axes ?? []) * sites(elemRoots(op)));
}

/** The axes along which a flat index steps by one element. */
function unitAxes(l: Linear, op: TileOp): string {
  const axes = [...op.axes, ...(op.reduce?.axes ?? [])];
  return axes.map((a, i) => (a.extent > 1 && coefficient(l, a) === 1 ? `${i} ` : '')).join('');
}

/** Whether elements that a reduction read next to each other still are, and none is found by a new division. */
function keepsAccess(before: TileOp, after: TileOp, target: TileTensor): boolean {
  if (divisions(elemRoots(after)) > divisions(elemRoots(before))) return false;
  const was = loadsBelow(elemRoots(before));
  const along = (e: (typeof was)[0], op: TileOp): string => unitAxes(flatLinear(e.arg, indicesOf(e)), op);
  const had = new Set(was.filter((e) => owner(e.arg) === target).map((e) => along(e, before)));
  const old = new Set(was);
  return loadsBelow(elemRoots(after)).every((e) => old.has(e) || had.has(along(e, after)));
}

function small(op: TileOp): boolean {
  const tensors = new Set(loadsOf(op).map((e) => owner(e.arg)));
  return tensors.size <= MAX_TENSORS && workOf(op.value) <= MAX_NODES;
}

/** The consumers with the producer inlined, or null where storing its tensor is cheaper. */
function inlined(region: Region, i: number, producer: TileOp): Map<number, TileOp> | null {
  const at = region.consumers(i, producer.write);
  if (!at || at.length === 0 || producer.reduce || !writesWhole(producer)) return null;
  const target = owner(producer.write);
  const elements = elementCount(producer.write.shape);
  const work = workOf(producer.value);
  const result = new Map<number, TileOp>();
  const far = bytesOf(producer.write) > FAR;
  let spare = elements * (work + STORE);
  for (const j of at) {
    const consumer = region.steps[j]!;
    if (consumer.kind !== 'op' || !region.movable(i, j)) return null;
    const count = evaluations(consumer, target);
    spare += count * ((far && !consumer.reduce ? STORE : 1) - work);
    const joined = inlineInto(consumer, producer);
    if (!joined || !small(joined)) return null;
    if (consumer.reduce && count > elements && !keepsAccess(consumer, joined, target)) return null;
    result.set(j, joined);
  }
  return spare >= 0 ? result : null;
}

/** The reduction with its only reader as stored value, at the reader's position. */
function appended(region: Region, i: number, reduction: TileOp): Map<number, TileOp> | null {
  const at = region.consumers(i, reduction.write);
  if (at?.length !== 1 || !reduction.reduce || !writesWhole(reduction)) return null;
  const [j] = at;
  const reader = region.steps[j]!;
  if (reader.kind !== 'op' || reader.reduce || !region.movable(i, j)) return null;
  // Results of 64 bits would keep a sum of fewer from running across lanes.
  const [sum, result] = [reduction, reader].map((op) => dtypeInfo(op.value.dtype).bytes);
  if (sum <= 4 && result > 4) return null;
  const joined = appendTo(reduction, reader);
  const along = (op: TileOp): string => unitAxes(flatLinear(op.write, op.at), op);
  return joined && small(joined) && along(joined) === along(reduction) ? new Map([[j, joined]]) : null;
}

function fuseList(steps: readonly Step[], pinned: ReadonlySet<TileTensor>): Step[] {
  const simple = steps.map((s) => (s.kind === 'op' ? withScalars(s) : s));
  const region = new Region(simple, pinned);
  for (let i = 0; i < region.steps.length; i++) {
    const step = region.steps[i];
    if (step?.kind !== 'op') continue;
    const unread = region.consumers(i, step.write)?.length === 0 ? new Map<number, TileOp>() : null;
    const into = unread ?? folded(region, i, step) ?? inlined(region, i, step) ?? appended(region, i, step);
    if (!into) continue;
    for (const [j, op] of into) region.replace(j, op);
    region.remove(i);
  }
  return region.steps.filter((s): s is Step => s !== null);
}

const union = <T>(...sets: Iterable<T>[]): Set<T> => new Set(sets.flatMap((s) => [...s]));

/** Every owner that the steps use. */
const usedBy = (...steps: readonly Step[]): Set<TileTensor> =>
  union(...steps.map(effectsOf).flatMap(({ reads, writes }) => [reads, writes]));

/** Owners that more than one of the steps uses. */
function sharedBetween(steps: readonly Step[]): Set<TileTensor> {
  const seen = new Set<TileTensor>();
  const again = (t: TileTensor): boolean => seen.has(t) || !seen.add(t);
  return new Set(steps.flatMap((s) => [...usedBy(s)].filter(again)));
}

/** Other steps for joined ones: algebra on operators that have all of their work inside. `pinned`: what others see. */
export type Alternatives = (steps: readonly Step[], pinned: ReadonlySet<TileTensor>) => readonly Step[];

/** Fuses a list and the lists inside its loops and branches. */
function fuseNested(steps: readonly Step[], pinned: ReadonlySet<TileTensor>, rewrite: Alternatives): readonly Step[] {
  const joined = rewrite(fuseList(steps, pinned), pinned);
  const bordered = materialiseBorders(joined);
  const flat = bordered.length > joined.length ? fuseList(bordered, pinned) : joined;
  if (flat.every((s) => s.kind === 'op' || s.kind === 'routine')) return flat;
  const around = union(pinned, sharedBetween(flat));
  return flat.map((s): Step => {
    if (s.kind === 'branch') {
      // What both sides use counts as used outside of each.
      const then = usedBy(...s.then);
      const apart = union(
        around,
        [...usedBy(...s.else)].filter((t) => then.has(t)),
      );
      return { ...s, then: fuseNested(s.then, apart, rewrite), else: fuseNested(s.else, apart, rewrite) };
    }
    if (s.kind !== 'loop') return s;
    const { reads, writes } = ownEffects(s);
    return { ...s, steps: fuseNested(s.steps, union(around, reads, writes), rewrite) };
  });
}

/** The program with operators joined in registers. */
export function fuse(program: TileProgram, rewrite: Alternatives): TileProgram {
  const kept = [...program.inputs, ...program.outputs, ...program.checks.map((c) => c.ok)];
  return { ...program, steps: fuseNested(program.steps, new Set(kept.map(owner)), rewrite) };
}
