// ONNX TopK since 11: the k largest or smallest elements along an axis with their indices, best
// first; equal values keep their order. A heap of k entries per row, its worst entry on top.

import {
  add,
  and,
  cast,
  computeType,
  type Expr,
  ge,
  gt,
  index,
  isnan,
  le,
  load,
  mul,
  not,
  or,
  sub,
} from '../3-tile/expr.ts';
import { loopFrom, store } from '../3-tile/statements.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { isStatic } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import { NUMERIC } from './elementwise.ts';
import { type Heap, siftDown, siftUp } from './heap.ts';
import { op, type TileTensor } from './op.ts';
import { loopNest, variable, when } from './statements.ts';

/** Whether value a comes strictly before b; NaN counts as the largest value. */
export function precedes(a: Expr, b: Expr, largest: boolean): Expr {
  const [x, y] = largest ? [a, b] : [b, a];
  if (a.dtype !== 'f32' && a.dtype !== 'f64') return gt(x, y);
  return or(gt(x, y), and(isnan(x), not(isnan(y))));
}

interface Entries {
  readonly values: TileTensor;
  readonly indices: TileTensor;
}

/** Entry order: best value first, lower index first among equals. */
function worse(a: readonly [Expr, Expr], b: readonly [Expr, Expr], largest: boolean): Expr {
  const same = and(not(precedes(a[0], b[0], largest)), not(precedes(b[0], a[0], largest)));
  return or(precedes(b[0], a[0], largest), and(same, gt(a[1], b[1])));
}

function heapOf({ values, indices }: Entries, largest: boolean): Heap {
  const entry = (i: Expr): [Expr, Expr] => [load(values, [i]), load(indices, [i])];
  const value = variable('value', computeType(values.dtype));
  const place = variable('place', 'i32');
  return {
    above: (i, j, flag) => [flag.set(worse(entry(i), entry(j), largest))],
    swap: (i, j) => [
      value.set(load(values, [i])),
      place.set(load(indices, [i])),
      store(values, [i], load(values, [j])),
      store(indices, [i], load(indices, [j])),
      store(values, [j], value.read),
      store(indices, [j], place.read),
    ],
  };
}

/** Elements that one test passes over while none of them comes before the worst of the best. */
const BLOCK = 8;

/** Statements that leave the best k of `element(0…count-1)` in the heap. */
function select(
  e: Entries,
  heap: Heap,
  count: number,
  k: number,
  element: (i: Expr) => Expr,
  largest: boolean,
): readonly Stmt[] {
  const put = (at: Expr, i: Expr): readonly Stmt[] => [store(e.values, [at], element(i)), store(e.indices, [at], i)];
  const worst = variable('worst', computeType(e.values.dtype));
  const refresh = worst.set(load(e.values, [index(0)]));
  const replace = (i: Expr): Stmt =>
    when(precedes(element(i), worst.read, largest), [
      ...put(index(0), i),
      ...siftDown(heap, index(0), index(k)),
      refresh,
    ]);
  /** False for most elements, and never for one that comes before the worst: NaN fails the comparison. */
  const mayPrecede = (i: Expr): Expr => not((largest ? le : ge)(element(i), worst.read));
  const blocks = Math.floor((count - k) / BLOCK);
  return [
    loopFrom(0, k, (i) => [...put(i, i), ...siftUp(heap, i)]),
    refresh,
    loopFrom(0, blocks, (block) => {
      const first = add(index(k), mul(block, index(BLOCK)));
      const all = Array.from({ length: BLOCK }, (_, j) => mayPrecede(add(first, index(j))));
      return [when(all.reduce(or), [loopFrom(0, BLOCK, (j) => [replace(add(first, j))])])];
    }),
    loopFrom(k + blocks * BLOCK, count, (i) => [replace(i)]),
  ];
}

export const TopK = op({
  name: 'TopK',
  inputs: [2, 2],
  outputs: [2, 2],
  since: 11,
  types: { 0: NUMERIC, 1: ['i64'] },
  infer: (c) => {
    const axis = c.axis(c.int('axis', -1), c.rank(0));
    const given = c.numbers(1);
    const [k] = given;
    const extent = c.dims(0)[axis];
    if (given.length !== 1 || k < 0) c.fail(`K is [${given}], expected one non-negative number`);
    if (isStatic(extent) && k > extent) c.fail(`K is ${k} for an axis of extent ${extent}`);
    const shape = c.dims(0).map((d, i) => (i === axis ? k : d));
    return [c.tensor(c.dtype(0), shape), c.tensor('i64', shape)];
  },
  lower: (c) => {
    const { b } = c;
    const x = c.tensor(0);
    const axis = c.axis(c.int('axis', -1), x.shape.length);
    const k = c.outShape()[axis];
    const [values, indices] = [b.alloc(x.dtype, c.outShape()), b.alloc('i64', c.outShape())];
    const e = { values: b.alloc(computeType(x.dtype) as DType, [k]), indices: b.alloc('i32', [k]) };
    if (k === 0) return [values, indices];
    const largest = c.int('largest', 1) !== 0;
    const heap = heapOf(e, largest);
    const rest = x.shape.filter((_, i) => i !== axis);
    const put = (ix: readonly Expr[], i: Expr): Expr[] => [...ix.slice(0, axis), i, ...ix.slice(axis)];
    const left = variable('left', 'i32');
    const body = loopNest(rest, (ix) => [
      ...select(e, heap, x.shape[axis], k, (i) => load(x, put(ix, i)), largest),
      // The worst entry leaves first and goes to the last place.
      loopFrom(0, k, (done) => [
        left.set(sub(index(k - 1), done)),
        store(values, put(ix, left.read), load(e.values, [index(0)])),
        store(indices, put(ix, left.read), cast('i64', load(e.indices, [index(0)]))),
        ...heap.swap(index(0), left.read),
        ...siftDown(heap, index(0), left.read),
      ]),
    ]);
    b.routine([x], [values, indices, e.values, e.indices], body);
    return [values, indices];
  },
});
