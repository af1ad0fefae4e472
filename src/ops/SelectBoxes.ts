// Internal: greedy suppression of overlapping boxes for every sample and class. Inputs: boxes
// [N, S, 4], scores [N, C, S], most boxes per class (i64), overlap and score thresholds (f32).
// Results: number of selected boxes (i64 scalar) and their [sample, class, box] triples, padded to
// N * C * limit rows.
import {
  add,
  and,
  cast,
  constant,
  div,
  type Expr,
  eq,
  gt,
  index,
  le,
  load,
  lt,
  max,
  min,
  mul,
  not,
  or,
  select,
  sub,
} from '../3-tile/expr.ts';
import { loopFrom, store } from '../3-tile/statements.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { type Heap, siftDown } from './heap.ts';
import { type LowerContext, op, type TileTensor } from './op.ts';
import { loopNest, type Variable, variable, when, whileLoop } from './statements.ts';

/** Columns of the prepared boxes: the lower and upper edges of both axes, and the area. */
const [LOW, HIGH, AREA, COLUMNS] = [0, 2, 4, 5];

/** Statements that prepare the boxes of sample n. */
function prepareBoxes(boxes: TileTensor, edges: TileTensor, n: Expr, centred: boolean): Stmt {
  return loopFrom(0, boxes.shape[1], (i) => {
    const v = [0, 1, 2, 3].map((k) => load(boxes, [n, i, index(k)]));
    const half = [2, 3].map((k) => div(v[k], constant('f32', 2)));
    const low = [0, 1].map((k) => (centred ? sub(v[k], half[k]) : min(v[k], v[k + 2])));
    const high = [0, 1].map((k) => (centred ? add(v[k], half[k]) : max(v[k], v[k + 2])));
    const area = mul(sub(high[0], low[0]), sub(high[1], low[1]));
    return [...low, ...high, area].map((e, k) => store(edges, [i, index(k)], e));
  });
}

type Columns = (column: number) => Expr;

/**
 * Sets `hit` to whether the overlap of boxes a and b, relative to their union, exceeds the threshold; never where one is
 * NaN. Most pairs lie apart along the first axis or the second, so each is looked at alone.
 */
function overlap(hit: Variable, a: Columns, b: Columns, threshold: Expr): Stmt {
  const zero = constant('f32', 0);
  const least = (x: Expr, y: Expr): Expr => select(lt(x, y), x, y);
  const most = (x: Expr, y: Expr): Expr => select(gt(x, y), x, y);
  const side = [0, 1].map((k) => sub(least(a(HIGH + k), b(HIGH + k)), most(a(LOW + k), b(LOW + k))));
  const inter = mul(side[0], side[1]);
  const [first, second] = [a(AREA), b(AREA)];
  const union = sub(add(first, second), inter);
  const empty = [inter, first, second, union].map((e) => le(e, zero)).reduce(or);
  const exceeds = hit.set(and(not(empty), gt(div(inter, union), threshold)));
  return when(not(le(side[0], zero)), [when(not(le(side[1], zero)), [exceeds])]);
}

interface Search {
  readonly boxes: TileTensor;
  readonly scores: TileTensor;
  readonly edges: TileTensor;
  /** Boxes that may still be selected: a heap, the best on top. */
  readonly waiting: TileTensor;
  readonly size: Variable;
  /** Edges of the boxes selected so far, side by side, and how many. */
  readonly chosen: TileTensor;
  readonly count: Variable;
}

/** Higher scores first; of equal ones the lower index. */
function heapOf({ scores, waiting }: Search, n: Expr, m: Expr): Heap {
  const kept = variable('kept', 'i32');
  const box = (i: Expr): Expr => load(waiting, [i]);
  const score = (i: Expr): Expr => load(scores, [n, m, box(i)]);
  return {
    above: (i, j, flag) => [flag.set(or(gt(score(i), score(j)), and(eq(score(i), score(j)), lt(box(i), box(j)))))],
    swap: (i, j) => [kept.set(box(i)), store(waiting, [i], box(j)), store(waiting, [j], kept.read)],
  };
}

/** Fills the heap with the boxes of a class whose score is above `least`. */
function fillHeap(s: Search, heap: Heap, n: Expr, m: Expr, least: Expr | null): readonly Stmt[] {
  const start = variable('start', 'i32');
  const take = (i: Expr): Stmt[] => [store(s.waiting, [s.size.read], i), s.size.set(add(s.size.read, index(1)))];
  return [
    s.size.set(index(0)),
    loopFrom(0, s.scores.shape[2], (i) => (least ? [when(gt(load(s.scores, [n, m, i]), least), take(i))] : take(i))),
    start.set(sub(div(s.size.read, index(2)), index(1))),
    whileLoop(not(lt(start.read, index(0))), [
      ...siftDown(heap, start.read, s.size.read),
      start.set(sub(start.read, index(1))),
    ]),
  ];
}

/** Selects boxes of sample n and class m until none waits or `limit` are found; `found` counts on. */
function selectInClass(
  c: LowerContext,
  s: Search,
  [n, m]: readonly Expr[],
  rows: TileTensor,
  found: Variable,
  limit: Expr,
): readonly Stmt[] {
  const [best, other] = [variable('best', 'i32'), variable('other', 'i32')];
  const hit = variable('hit', 'bool');
  const threshold = load(c.b.view(c.tensor(3), []), []);
  const least = c.has(4) ? load(c.b.view(c.tensor(4), []), []) : null;
  const heap = heapOf(s, n, m);
  const own = Array.from({ length: COLUMNS }, (_, k) => variable(`edge${k}`, 'f32'));
  const keep: readonly Stmt[] = [
    ...[n, m, best.read].map((e, k) => store(rows, [found.read, index(k)], cast('i64', e))),
    ...own.map((v, k) => store(s.chosen, [s.count.read, index(k)], v.read)),
    found.set(add(found.read, index(1))),
    s.count.set(add(s.count.read, index(1))),
  ];
  return [
    ...fillHeap(s, heap, n, m, least),
    s.count.set(index(0)),
    whileLoop(and(gt(s.size.read, index(0)), lt(s.count.read, limit)), [
      best.set(load(s.waiting, [index(0)])),
      s.size.set(sub(s.size.read, index(1))),
      store(s.waiting, [index(0)], load(s.waiting, [s.size.read])),
      ...siftDown(heap, index(0), s.size.read),
      ...own.map((v, k) => v.set(load(s.edges, [best.read, index(k)]))),
      hit.set(constant('bool', 0)),
      other.set(index(0)),
      whileLoop(and(not(hit.read), lt(other.read, s.count.read)), [
        overlap(
          hit,
          (k) => load(s.chosen, [other.read, index(k)]),
          (k) => own[k].read,
          threshold,
        ),
        other.set(add(other.read, index(1))),
      ]),
      when(not(hit.read), keep),
    ]),
  ];
}

export const SelectBoxes = op({
  name: 'SelectBoxes',
  domain: 'tilewright',
  inputs: [4, 5],
  outputs: [2, 2],
  infer: (c) => {
    const [n, classes] = c.shape(1);
    return [c.tensor('i64', []), c.tensor('i64', [n * classes * c.int('limit', 0), 3])];
  },
  lower: (c) => {
    const { b } = c;
    const [boxes, scores] = [c.tensor(0), c.tensor(1)];
    const [n, classes, total] = scores.shape;
    const [count, rows] = [b.alloc('i64', []), b.alloc('i64', c.outShape(1))];
    const edges = b.alloc('f32', [total, COLUMNS]);
    const [waiting, chosen] = [b.alloc('i32', [total]), b.alloc('f32', [total, COLUMNS])];
    const [size, selected] = [variable('size', 'i32'), variable('selected', 'i32')];
    const s: Search = { boxes, scores, edges, waiting, size, chosen, count: selected };
    const centred = c.int('center_point_box', 0) !== 0;
    const found = variable('found', 'i32');
    const bound = c.int('limit', 0);
    const most = max(load(b.view(c.tensor(2), []), []), constant('i64', 0));
    const limit = cast('i32', min(most, constant('i64', bound)));
    const body = [
      found.set(index(0)),
      loopFrom(0, rows.shape[0], (i) => [0, 1, 2].map((k) => store(rows, [i, index(k)], constant('i64', 0)))),
      loopFrom(0, n, (i) => [
        prepareBoxes(boxes, edges, i, centred),
        ...loopNest([classes], ([m]) => selectInClass(c, s, [i, m], rows, found, limit)),
      ]),
      store(count, [], cast('i64', found.read)),
    ];
    const reads = Array.from({ length: c.numInputs }, (_, i) => i).filter((i) => c.has(i));
    b.routine(
      reads.map((i) => c.tensor(i)),
      [count, rows, edges, waiting, chosen],
      body,
    );
    return [count, rows];
  },
});
