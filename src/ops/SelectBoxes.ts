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
  sub,
} from '../3-tile/expr.ts';
import { loopFrom, loopNest, store, type Variable, variable, when, whileLoop } from '../3-tile/statements.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { type LowerContext, op, type TileTensor } from './op.ts';

interface Box {
  readonly low: readonly [Expr, Expr];
  readonly high: readonly [Expr, Expr];
}

function boxAt(boxes: TileTensor, n: Expr, i: Expr, centred: boolean): Box {
  const v = [0, 1, 2, 3].map((k) => load(boxes, [n, i, index(k)]));
  if (!centred) {
    return { low: [min(v[0], v[2]), min(v[1], v[3])], high: [max(v[0], v[2]), max(v[1], v[3])] };
  }
  const half = [2, 3].map((k) => div(v[k], constant('f32', 2)));
  return {
    low: [sub(v[0], half[0]), sub(v[1], half[1])],
    high: [add(v[0], half[0]), add(v[1], half[1])],
  };
}

/** Whether the overlap of a and b, relative to their union, exceeds the threshold. */
function overlaps(a: Box, b: Box, threshold: Expr): Expr {
  const zero = constant('f32', 0);
  const side = [0, 1].map((k) => sub(min(a.high[k], b.high[k]), max(a.low[k], b.low[k])));
  const area = (x: Box): Expr => mul(sub(x.high[0], x.low[0]), sub(x.high[1], x.low[1]));
  const inter = mul(side[0], side[1]);
  const [first, second] = [area(a), area(b)];
  const union = sub(add(first, second), inter);
  const empty = [side[0], side[1], inter, first, second, union].map((e) => le(e, zero)).reduce(or);
  return and(not(empty), gt(div(inter, union), threshold));
}

interface Search {
  readonly boxes: TileTensor;
  readonly scores: TileTensor;
  /** Boxes that may still be selected. */
  readonly alive: TileTensor;
  readonly best: Variable;
  readonly bestScore: Variable;
}

/** Sets `best` to the first living box with the highest score, or -1. */
function findBest(s: Search, n: Expr, m: Expr): readonly Stmt[] {
  const count = s.scores.shape[2];
  return [
    s.best.set(index(-1)),
    s.bestScore.set(constant('f32', 0)),
    loopFrom(0, count, (i) => {
      const score = load(s.scores, [n, m, i]);
      const better = or(lt(s.best.read, index(0)), gt(score, s.bestScore.read));
      return [when(and(load(s.alive, [i]), better), [s.best.set(i), s.bestScore.set(score)])];
    }),
  ];
}

function suppress(c: LowerContext, s: Search, n: Expr, threshold: Expr): Stmt {
  const centred = c.int('center_point_box', 0) !== 0;
  return loopFrom(0, s.scores.shape[2], (i) => [
    when(load(s.alive, [i]), [
      when(overlaps(boxAt(s.boxes, n, s.best.read, centred), boxAt(s.boxes, n, i, centred), threshold), [
        store(s.alive, [i], constant('bool', 0)),
      ]),
    ]),
  ]);
}

/** Selects boxes of sample n and class m until none is left or `limit` are found; `found` counts on. */
function selectInClass(
  c: LowerContext,
  s: Search,
  [n, m]: readonly Expr[],
  rows: TileTensor,
  found: Variable,
  limit: Expr,
): readonly Stmt[] {
  const inClass = variable('inClass', 'i32');
  const going = variable('going', 'bool');
  const threshold = load(c.b.view(c.tensor(3), []), []);
  const least = c.has(4) ? load(c.b.view(c.tensor(4), []), []) : null;
  const keep: readonly Stmt[] = [
    ...[n, m, s.best.read].map((e, k) => store(rows, [found.read, index(k)], cast('i64', e))),
    store(s.alive, [s.best.read], constant('bool', 0)),
    suppress(c, s, n, threshold),
    found.set(add(found.read, index(1))),
    inClass.set(add(inClass.read, index(1))),
    going.set(lt(inClass.read, limit)),
  ];
  return [
    loopFrom(0, s.scores.shape[2], (k) => [
      store(s.alive, [k], least ? gt(load(s.scores, [n, m, k]), least) : constant('bool', 1)),
    ]),
    inClass.set(index(0)),
    going.set(gt(limit, index(0))),
    whileLoop(going.read, [
      ...findBest(s, n, m),
      when(lt(s.best.read, index(0)), [going.set(constant('bool', 0))], keep),
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
    const [count, rows, alive] = [b.alloc('i64', []), b.alloc('i64', c.outShape(1)), b.alloc('bool', [total])];
    const s: Search = { boxes, scores, alive, best: variable('best', 'i32'), bestScore: variable('bestScore', 'f32') };
    const found = variable('found', 'i32');
    const bound = c.int('limit', 0);
    const most = max(load(b.view(c.tensor(2), []), []), constant('i64', 0));
    const limit = cast('i32', min(most, constant('i64', bound)));
    const body = [
      found.set(index(0)),
      loopFrom(0, rows.shape[0], (i) => [0, 1, 2].map((k) => store(rows, [i, index(k)], constant('i64', 0)))),
      ...loopNest([n, classes], (ix) => selectInClass(c, s, ix, rows, found, limit)),
      store(count, [], cast('i64', found.read)),
    ];
    const reads = Array.from({ length: c.numInputs }, (_, i) => i).filter((i) => c.has(i));
    b.routine(
      reads.map((i) => c.tensor(i)),
      [count, rows, alive],
      body,
    );
    return [count, rows];
  },
});
