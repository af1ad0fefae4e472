// Borders made real. In: reductions whose elements are loaded under a guard that only asks whether
// the index lies inside the tensor, each element many times. Out: the same reductions over a padded
// copy without guards, and the operators that make the copy: a fill and a copy into its interior,
// which the welder may join with whatever computes the interior.
import type { Axis, Expr, ExprNode } from '../../3-tile/expr.ts';
import { add, axisExpr, index, isConst, load, newAxis, sub } from '../../3-tile/expr.ts';
import { SimplifyContext, simplify } from '../../3-tile/simplify.ts';
import { newTensor, owner, type TileTensor } from '../../3-tile/tensor.ts';
import { pointsOf, type Step, type TileOp } from '../../3-tile/tile-op.ts';
import { elementCount } from '../../ir/tensor.ts';
import { entryOf } from '../../support/collections.ts';
import { bounds, distance, fixed, fixedAt, fromLinear, type Linear, linearise, plus } from '../linear.ts';
import { over, rebuildOp, transform } from '../transform.ts';
import { storedAxis } from './propagate.ts';
import { effectsOf, elemRoots, loadsBelow } from './region.ts';

type Guarded = ExprNode<'guarded'>;

/** Loads per element that make a copy worth its traffic, and how much larger it may be. */
const MIN_REUSE = 2;
const MAX_GROWTH = 4;
/** Uses of an element that pay for one more element of border. */
const USES_PER_COPY = 32;

/** Σ ≥ 0 forms of a comparison; null when it is not one of linear indices. */
function nonNegative(e: Expr): Linear | null {
  const [a, b] = e.op === 'le' || e.op === 'lt' ? [e.src[1], e.src[0]] : e.src;
  if (e.op === 'ge' || e.op === 'le') return linearise(sub(a, b));
  return e.op === 'gt' || e.op === 'lt' ? linearise(sub(sub(a, b), index(1))) : null;
}

function conjuncts(e: Expr): Expr[] {
  const out: Expr[] = [];
  const stack = [e];
  for (let x = stack.pop(); x; x = stack.pop()) {
    if (x.op === 'and') stack.push(...x.src);
    else if (!isConst(x) || x.arg !== 1) out.push(x);
  }
  return out;
}

interface Border {
  readonly tensor: TileTensor;
  /** First index of the copy in each dimension of the tensor, and the copy's extents. */
  readonly from: readonly number[];
  readonly shape: readonly number[];
  /** Per dimension the part of the tensor that is read, as first index and end; beyond it, `otherwise` is. */
  readonly inside: readonly (readonly [first: number, end: number])[];
  readonly otherwise: Expr;
}

/** The copy that makes a guard superfluous; null when the guard asks anything else. */
function borderOf(e: Guarded): Border | null {
  const { arg: tensor, src } = e;
  const rank = tensor.shape.length;
  const otherwise = src[src.length - 1];
  if (src.length - 2 !== rank || !isConst(otherwise)) return null;
  const at = tensor.shape.map((_, d) => linearise(src[d]));
  const ranges = at.map((l) => bounds(l));
  if (ranges.includes(null)) return null;
  const inside = tensor.shape.map((n): [number, number] => [0, n]);
  for (const form of conjuncts(src[rank]).map(nonNegative)) {
    if (!form || !at.some((l, d) => narrowed(inside[d], l, form))) return null;
  }
  const from = ranges.map((r) => r![0]);
  const shape = ranges.map((r) => r![1] - r![0] + 1);
  return { tensor, from, shape, inside, otherwise };
}

/** Narrows the range of an index by a form that must not be negative; false where the form bounds something else. */
function narrowed(range: [number, number], at: Linear, form: Linear): boolean {
  const [above, below] = [distance(at, form), distance(plus(fixed(0), at, -1), form)];
  if (above !== null) range[0] = Math.max(range[0], -above);
  else if (below !== null) range[1] = Math.min(range[1], below + 1);
  return above !== null || below !== null;
}

/** The values of a reduce axis for which all guards may hold, as first and count. */
export function reachable(guards: readonly Linear[], axis: Axis): [from: number, count: number] {
  const possible = Array.from({ length: axis.extent }, (_, k) => k).filter((k) =>
    guards.every((g) => (bounds(fixedAt(g, axis, k))?.[1] ?? 0) >= 0),
  );
  return possible.length === 0 ? [0, axis.extent] : [possible[0], possible[possible.length - 1] - possible[0] + 1];
}

/** What must not be negative for a sum's products to be other than zero. */
export function zeroGuards(op: TileOp): Linear[] {
  const { monoid, elems } = op.reduce ?? { elems: [] };
  if (elems.length !== 1 || monoid?.combine[0].op !== 'add' || elems[0].op !== 'mul') return [];
  const [factor] = elems[0].src.filter((e) => e.op === 'guarded');
  const other = factor?.src.at(-1);
  if (!other || !isConst(other) || Number(other.arg) !== 0) return [];
  return conjuncts(factor.src[factor.src.length - 2]).flatMap((c) => nonNegative(c) ?? []);
}

/** A sum of products without the terms whose guards never hold: taps of a window that always lie outside. */
function withoutIdleTaps(op: TileOp): TileOp {
  const { axes, monoid, elems } = op.reduce!;
  const guards = zeroGuards(op);
  const values = new Map<Expr, Expr>();
  const kept = axes.map((a) => {
    const [from, count] = guards.length > 0 ? reachable(guards, a) : [0, a.extent];
    if (count === a.extent) return a;
    const narrow = newAxis(a.name, count, 'reduce');
    values.set(axisExpr(a), add(axisExpr(narrow), index(from)));
    return narrow;
  });
  if (values.size === 0) return op;
  const context = new SimplifyContext();
  const moved = elems.map((e) => transform(e, (n) => values.get(n)));
  return { ...op, reduce: { axes: kept, monoid, elems: moved.map((e) => simplify(e, context)) } };
}

/** Operators that fill the copy: all of it, then what lies inside the tensor. */
function copySteps(b: Border, copy: TileTensor): TileOp[] {
  const fill = over('pad', copy, () => b.otherwise);
  const starts = b.from.map((f, d) => Math.max(f, b.inside[d][0]));
  const ends = b.from.map((f, d) => Math.min(f + b.shape[d], b.inside[d][1]));
  const axes = ends.map((end, d) => newAxis(`i${d}`, Math.max(0, end - starts[d])));
  const ix = axes.map(axisExpr);
  const shifted = (by: readonly number[]): Expr[] => ix.map((e, d) => (by[d] === 0 ? e : add(e, index(by[d]))));
  const at = shifted(starts.map((s, d) => s - b.from[d]));
  return [fill, { ...fill, axes, at, value: load(b.tensor, shifted(starts)) }];
}

/** The fill of a tensor less the box that another operator stores: strips around it, or all of it. */
export function borderOnly(fill: TileOp, inner: TileOp | undefined): TileOp[] {
  const { shape } = fill.write;
  const box = inner?.write === fill.write && inner.at.map((e) => storedAxis(linearise(e)));
  if (!box || box.some((b) => b === null)) return [fill];
  const from = box.map((b) => b!.offset);
  const to = box.map((b, d) => from[d] + (b!.axis?.extent ?? 1));
  return shape.flatMap((extent, d) =>
    [
      [0, from[d]],
      [to[d], extent],
    ].flatMap(([start, end]): TileOp[] => {
      if (start === end) return [];
      const starts = shape.map((_, k) => (k < d ? from[k] : k === d ? start : 0));
      const axes = shape.map((n, k) => newAxis(`i${k}`, k < d ? to[k] - from[k] : k === d ? end - start : n));
      return [{ ...fill, axes, at: axes.map((a, k) => fromLinear(plus(linearise(axisExpr(a)), fixed(starts[k])))) }];
    }),
  );
}

function worthwhile(op: TileOp, b: Border): boolean {
  const n = elementCount(b.tensor.shape);
  const uses = pointsOf([...op.axes, ...op.reduce!.axes]) / Math.max(1, n);
  const growth = Math.max(MAX_GROWTH, uses / USES_PER_COPY);
  return n > 0 && uses >= MIN_REUSE && elementCount(b.shape) <= growth * n + 1024;
}

/** The steps with padded copies; copies of one tensor with equal borders are made once. */
export function materialiseBorders(steps: readonly Step[]): Step[] {
  const made = new Map<string, { copy: TileTensor; source: TileTensor }>();
  const out: Step[] = [];
  const padded = (b: Border): TileTensor => {
    const key = `${b.tensor.id}|${b.from}|${b.shape}|${b.inside}|${b.otherwise.id}`;
    const make = () => {
      const copy = newTensor(b.tensor.name, b.tensor.dtype, b.shape, 'temp');
      out.push(...copySteps(b, copy));
      return { copy, source: owner(b.tensor) };
    };
    return entryOf(made, key, make).copy;
  };
  for (const step of steps) {
    const { writes } = effectsOf(step);
    for (const [key, { source }] of made) if (writes.has(source)) made.delete(key);
    if (step.kind !== 'op' || !step.reduce) {
      out.push(step);
      continue;
    }
    const op = withoutIdleTaps(step);
    const borders = new Map<Expr, Border>();
    for (const e of loadsBelow(elemRoots(op))) {
      const b = e.op === 'guarded' ? borderOf(e) : null;
      if (b && worthwhile(op, b)) borders.set(e, b);
    }
    out.push(borders.size > 0 ? withoutGuards(op, borders, padded) : op);
  }
  return out;
}

function withoutGuards(op: TileOp, borders: ReadonlyMap<Expr, Border>, padded: (b: Border) => TileTensor): TileOp {
  return rebuildOp(op, (n, src) => {
    const b = borders.get(n);
    const at = b?.from.map((f, d) => fromLinear(linearise(sub(src[d], index(f)))));
    return b && load(padded(b), at!);
  });
}
