// The rewriting drivers: order, sharing, substitution, fixed points, circles, and depth.
import { describe, expect, it } from 'vitest';
import {
  add,
  and,
  axisExpr,
  constant,
  type Expr,
  exp,
  index,
  isLoad,
  load,
  localExpr,
  lt,
  mul,
  neg,
  newAxis,
  newLocal,
  select,
  sub,
} from '../../src/3-tile/expr.ts';
import { Ranges } from '../../src/3-tile/range.ts';
import {
  any,
  bin,
  com,
  firstOf,
  lit,
  num,
  rewriteExpr,
  rule,
  sel,
  un,
  walkExpr,
  where,
} from '../../src/3-tile/rewrite.ts';
import { legalise } from '../../src/3-tile/rules/legalise.ts';
import { simplify } from '../../src/3-tile/simplify.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { FUNCTIONS } from '../../src/ops/functions/index.ts';
import { postOrder } from '../../src/support/rewrite.ts';
import { printExpr } from './print-expr.ts';

const i = axisExpr(newAxis('i', 8));
const j = axisExpr(newAxis('j', 8));
const x = localExpr(newLocal('x', 'f32'));

describe('walking', () => {
  it('gives every node once, operands first', () => {
    const e = add(mul(i, i), mul(i, j));
    const order = walkExpr(e);
    expect(order).toEqual([i, mul(i, i), j, mul(i, j), e]);
    const seen = new Set([i]);
    expect(postOrder([e], (n) => n.src, seen)).not.toContain(i);
    expect(seen.has(e)).toBe(true);
  });
});

describe('rules', () => {
  const set = firstOf<null>([
    rule('x * 1 = x', bin('mul', any('x'), lit(1)), (b) => b.x),
    rule('x + 0 = x', com('add', any('x'), lit(0)), (b) => b.x),
    rule('x - x = 0', bin('sub', any('x'), any('x')), (b) => constant(b.x.dtype, 0)),
    rule('c1 + c2 folds', bin('add', num('a'), num('b')), ({ a, b }) =>
      index(Number((a as { arg: unknown }).arg) + Number((b as { arg: unknown }).arg)),
    ),
    rule('!!p = p', un('not', un('not', any('p'))), (b) => b.p),
    rule('p ? x : x = x', sel(any('p'), any('x'), any('x')), (b) => b.x),
    rule(
      'small i is 7',
      where(any('x'), (e) => e === i),
      () => index(7),
    ),
  ]);
  const run = (e: Expr, fired: string[] = []): Expr => rewriteExpr(e, (n) => set(n, null, (name) => fired.push(name)));

  it('apply until nothing changes and say which', () => {
    const fired: string[] = [];
    expect(run(add(mul(sub(j, j), index(1)), j), fired)).toBe(j);
    expect(fired).toEqual(['x - x = 0', 'x * 1 = x', 'x + 0 = x']);
  });

  it('match either order of commutative operands, and repeated names only once', () => {
    expect(run(add(index(0), j))).toBe(j);
    expect(run(sub(j, neg(j)))).toBe(sub(j, neg(j)));
    expect(run(select(lt(i, j), j, j))).toBe(j);
    expect(run(add(index(3), index(4)))).toBe(index(7));
  });

  it('do not compile with a misspelt name', () => {
    // @ts-expect-error `y` is not bound by the pattern.
    rule('wrong', un('neg', any('x')), ({ y }) => y);
    expect(rule('right', un('neg', any('x')), (b) => b.x).name).toBe('right');
  });

  it('refuse to run in a circle or for ever', () => {
    const swap = (e: Expr): Expr | undefined => (e.op === 'mul' ? mul(e.src[1], e.src[0]) : undefined);
    expect(() => rewriteExpr(mul(i, j), swap)).toThrow(/circle/);
    const grow = (e: Expr): Expr | undefined => (e.op === 'neg' ? neg(add(e.src[0], index(1))) : undefined);
    expect(() => rewriteExpr(neg(i), grow)).toThrow(/do not end/);
  });

  it('share a memo between roots', () => {
    const memo = new Map<Expr, Expr>();
    let steps = 0;
    const count = (): undefined => {
      steps++;
      return undefined;
    };
    rewriteExpr(add(i, j), count, memo);
    rewriteExpr(mul(add(i, j), j), count, memo);
    expect(steps).toBe(4);
  });
});

describe('10,000 levels', () => {
  const DEPTH = 10_000;
  const chain = (step: (e: Expr, n: number) => Expr, from: Expr): Expr => {
    let e = from;
    for (let n = 0; n < DEPTH; n++) e = step(e, n);
    return e;
  };

  it('of additions, products, selections and comparisons simplify', () => {
    expect(simplify(chain((e) => add(e, index(1)), i))).toBe(add(i, index(DEPTH)));
    const products = chain((e, n) => (n % 2 ? mul(e, j) : sub(e, index(n))), i);
    expect(simplify(simplify(products))).toBe(simplify(products));
    const choices = chain((e, n) => select(lt(e, index(n)), e, j), i);
    expect(simplify(choices).dtype).toBe('i32');
    const floats = chain((e, n) => (n % 3 ? add(e, x) : mul(e, constant('f32', 1))), x);
    expect(walkExpr(simplify(floats)).length).toBeLessThan(DEPTH);
  });

  it('of loads, functions and conditions pass every driver', () => {
    const t = newTensor('t', 'i32', [8], 'input');
    const loads = chain((e) => load(t, [e]), i);
    expect(walkExpr(simplify(loads)).filter(isLoad).length).toBe(DEPTH);
    const conditions = chain((e, n) => and(e, lt(i, add(j, index(n)))), lt(i, j));
    expect(new Ranges().of(conditions)).toEqual([0, 1]);
    const functions = chain((e) => exp(e), x);
    expect(walkExpr(legalise(functions, FUNCTIONS)).length).toBeGreaterThan(DEPTH);
    const replaced = rewriteExpr(loads, (e) => (e === i ? j : undefined));
    expect(printExpr(replaced).length).toBeGreaterThan(DEPTH);
  });
});
