// Internal: groups equal slices of an axis. Results: number of groups (i64 scalar), then padded to
// the extent: first slice of each group, group of each slice, slices in each group (i64). Groups are
// in ascending order of their slices, or (`sorted` = 0) in order of first occurrence.
import { add, and, cast, constant, div, type Expr, eq, index, load, lt, mul, or, rem, select } from '../3-tile/expr.ts';
import { loopFrom, store } from '../3-tile/statements.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { type Heap, heapSort } from './heap.ts';
import { type LowerContext, op, type TileTensor } from './op.ts';
import { type Variable, variable, when, whileLoop } from './statements.ts';
import { precedes } from './TopK.ts';

interface Rows {
  readonly count: number;
  readonly size: number;
  /** Element j of slice r. */
  at(r: Expr, j: Expr): Expr;
}

function rowsOf(c: LowerContext): Rows {
  const axis = c.int('axis', 0);
  const outer = c
    .shape(0)
    .slice(0, axis)
    .reduce((a, d) => a * d, 1);
  const inner = c
    .shape(0)
    .slice(axis + 1)
    .reduce((a, d) => a * d, 1);
  const count = c.shape(0)[axis];
  const x = c.b.view(c.tensor(0), [outer * count * inner]);
  return {
    count,
    size: outer * inner,
    at: (r, j) => {
      const [o, i] = inner === 1 ? [j, index(0)] : [div(j, index(inner)), rem(j, index(inner))];
      return load(x, [add(mul(add(mul(o, index(count)), r), index(inner)), i)]);
    },
  };
}

/** Sets `order` to -1, 0 or 1 as slice a comes before, equals or comes after slice b. */
function compare(rows: Rows, a: Expr, b: Expr, order: Variable): readonly Stmt[] {
  const j = variable('j', 'i32');
  const before = (x: Expr, y: Expr): Expr => precedes(rows.at(x, j.read), rows.at(y, j.read), false);
  return [
    order.set(index(0)),
    j.set(index(0)),
    whileLoop(and(eq(order.read, index(0)), lt(j.read, index(rows.size))), [
      order.set(select(before(a, b), index(-1), select(before(b, a), index(1), index(0)))),
      j.set(add(j.read, index(1))),
    ]),
  ];
}

/** Sorts slice numbers; equal slices keep their order. */
function sortRows(rows: Rows, sorted: TileTensor): readonly Stmt[] {
  const order = variable('order', 'i32');
  const saved = variable('saved', 'i32');
  const heap: Heap = {
    above: (i, j, flag) => {
      const [a, b] = [load(sorted, [i]), load(sorted, [j])];
      return [
        ...compare(rows, a, b, order),
        flag.set(or(eq(order.read, index(1)), and(eq(order.read, index(0)), lt(b, a)))),
      ];
    },
    swap: (i, j) => [
      saved.set(load(sorted, [i])),
      store(sorted, [i], load(sorted, [j])),
      store(sorted, [j], saved.read),
    ],
  };
  return [loopFrom(0, rows.count, (i) => [store(sorted, [i], i)]), ...heapSort(heap, rows.count)];
}

export const UniqueRows = op({
  name: 'UniqueRows',
  domain: 'tilewright',
  outputs: [4, 4],
  infer: (c) => {
    const rows = c.tensor('i64', [c.shape(0)[c.int('axis', 0)]]);
    return [c.tensor('i64', []), rows, rows, rows];
  },
  lower: (c) => {
    const { b } = c;
    const rows = rowsOf(c);
    const many = (dtype: 'i64' | 'i32'): TileTensor => b.alloc(dtype, [rows.count]);
    const count = b.alloc('i64', []);
    const [first, group, size] = [many('i64'), many('i64'), many('i64')];
    const [sorted, leader] = [many('i32'), many('i32')];
    const order = variable('order', 'i32');
    const current = variable('current', 'i32');
    const groups = variable('groups', 'i32');
    const big = (e: Expr): Expr => cast('i64', e);
    const bump = (g: Expr): Stmt => store(size, [g], add(load(size, [g]), constant('i64', 1)));
    const open = (slice: Expr): readonly Stmt[] => [
      store(first, [groups.read], big(slice)),
      store(size, [groups.read], constant('i64', 0)),
      store(group, [slice], big(groups.read)),
      groups.set(add(groups.read, index(1))),
    ];
    const isSorted = c.int('sorted', 1) !== 0;
    const slice = (k: Expr): Expr => (isSorted ? load(sorted, [k]) : k);
    const body: Stmt[] = [
      loopFrom(0, rows.count, (i) => [store(first, [i], constant('i64', 0)), store(size, [i], constant('i64', 0))]),
      ...sortRows(rows, sorted),
      current.set(index(0)),
      // Each run of equal slices is led by its first member.
      loopFrom(0, rows.count, (k) => [
        order.set(index(1)),
        when(lt(index(0), k), compare(rows, load(sorted, [k]), current.read, order)),
        when(eq(order.read, index(0)), [], [current.set(load(sorted, [k]))]),
        store(leader, [load(sorted, [k])], current.read),
      ]),
      groups.set(index(0)),
      loopFrom(0, rows.count, (k) => [
        when(eq(load(leader, [slice(k)]), slice(k)), open(slice(k))),
        store(group, [slice(k)], load(group, [load(leader, [slice(k)])])),
        bump(cast('i32', load(group, [slice(k)]))),
      ]),
      store(count, [], big(groups.read)),
    ];
    b.routine([c.tensor(0)], [count, first, group, size, sorted, leader], body);
    return [count, first, group, size];
  },
});
