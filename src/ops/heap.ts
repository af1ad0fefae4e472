// A binary heap as loop statements, for sorting and selecting. The caller owns the storage: it says
// how entries compare and how they change places.
import { add, constant, div, type Expr, gt, index, lt, mul, not, sub } from '../3-tile/expr.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { type Variable, variable, when, whileLoop } from './statements.ts';

export interface Heap {
  /** Statements that set `flag` to whether entry i belongs above entry j. */
  above(i: Expr, j: Expr, flag: Variable): readonly Stmt[];
  swap(i: Expr, j: Expr): readonly Stmt[];
}

const YES = (): Expr => constant('bool', 1);
const NO = (): Expr => constant('bool', 0);

/** Moves the entry at `start` down until no child belongs above it. */
export function siftDown(heap: Heap, start: Expr, size: Expr): readonly Stmt[] {
  const at = variable('at', 'i32');
  const best = variable('best', 'i32');
  const child = variable('child', 'i32');
  const flag = variable('flag', 'bool');
  const going = variable('going', 'bool');
  const consider: readonly Stmt[] = [
    when(lt(child.read, size), [...heap.above(child.read, best.read, flag), when(flag.read, [best.set(child.read)])]),
  ];
  return [
    at.set(start),
    going.set(YES()),
    whileLoop(going.read, [
      best.set(at.read),
      child.set(add(mul(at.read, index(2)), index(1))),
      ...consider,
      child.set(add(mul(at.read, index(2)), index(2))),
      ...consider,
      when(gt(best.read, at.read), [...heap.swap(at.read, best.read), at.set(best.read)], [going.set(NO())]),
    ]),
  ];
}

/** Moves the entry at `start` up while it belongs above its parent. */
export function siftUp(heap: Heap, start: Expr): readonly Stmt[] {
  const at = variable('at', 'i32');
  const parent = variable('parent', 'i32');
  const flag = variable('flag', 'bool');
  const going = variable('going', 'bool');
  return [
    at.set(start),
    going.set(gt(start, index(0))),
    whileLoop(going.read, [
      parent.set(div(sub(at.read, index(1)), index(2))),
      ...heap.above(at.read, parent.read, flag),
      when(flag.read, [...heap.swap(at.read, parent.read), at.set(parent.read), flag.set(gt(at.read, index(0)))]),
      going.set(flag.read),
    ]),
  ];
}

/** Orders the first `size` entries so that an entry that belongs above another comes after it. */
export function heapSort(heap: Heap, size: number): readonly Stmt[] {
  const start = variable('start', 'i32');
  const end = variable('end', 'i32');
  return [
    start.set(index(Math.floor(size / 2) - 1)),
    whileLoop(not(lt(start.read, index(0))), [
      ...siftDown(heap, start.read, index(size)),
      start.set(sub(start.read, index(1))),
    ]),
    end.set(index(size - 1)),
    whileLoop(gt(end.read, index(0)), [
      ...heap.swap(index(0), end.read),
      ...siftDown(heap, index(0), end.read),
      end.set(sub(end.read, index(1))),
    ]),
  ];
}
