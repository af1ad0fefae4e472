// Simplification keeps every value, proves what index arithmetic needs, and reaches a fixed point.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  and,
  axisExpr,
  type ComputeType,
  cast,
  constant,
  div,
  type Expr,
  ge,
  guardedLoad,
  index,
  isLoad,
  load,
  localExpr,
  lt,
  max,
  min,
  mul,
  newAxis,
  newLocal,
  normalise,
  rem,
  select,
  sub,
} from '../../src/3-tile/expr.ts';
import { Ranges } from '../../src/3-tile/range.ts';
import { walkExpr } from '../../src/3-tile/rewrite.ts';
import { SimplifyContext, simplify } from '../../src/3-tile/simplify.ts';
import { Tape, type Val } from '../../src/3-tile/tape.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import { AXES, exprs, indices, LOCALS, shown, TYPES } from './arbitrary.ts';
import { random } from './evaluate.ts';
import { printExpr } from './print-expr.ts';

const FLOATS = [0, -0, 1.5, -2, NaN, Infinity, 3e38, 1e-40, 7];

function localValue(t: ComputeType, n: number): Val {
  if (t === 'f32' || t === 'f64') return normalise(t, FLOATS[n % FLOATS.length]);
  return normalise(t, t === 'i64' || t === 'u64' ? BigInt(n) : n);
}

/** Values of the expressions at some points of the axes and locals. */
function valuesOf(roots: readonly Expr[], seed: number): Val[][] {
  const next = random(seed);
  const noise = (i: number): number => (Math.imul(i + 1, 0x9e3779b9) ^ seed) >>> 0;
  const tape = new Tape(
    roots,
    {
      wide: false,
      cells: (t) => ({
        get: (i) => {
          const n = noise(i + t.id * 64);
          if (t.dtype === 'f16') return (n % 200) - 100;
          if (t.dtype === 'i8') return (n << 24) >> 24;
          return t.dtype === 'bool'
            ? n & 1
            : normalise(t.dtype as ComputeType, t.dtype === 'i64' || t.dtype === 'u64' ? BigInt(n) : n);
        },
        set: () => {},
      }),
    },
    () => 0,
  );
  const out: Val[][] = [];
  for (let point = 0; point < 24; point++) {
    for (const a of AXES) tape.set(a, next() % a.extent);
    for (const l of LOCALS) tape.set(l, localValue(l.dtype, point % 3 ? next() % 20 : next() | 0));
    tape.run(0);
    out.push(roots.map((r) => tape.value(r)));
  }
  return out;
}

function sameValues(before: Expr, after: Expr, seed: number): void {
  for (const [a, b] of valuesOf([before, after], seed)) {
    if (!Object.is(a, b))
      throw new Error(`${String(a)} became ${String(b)}:\n${printExpr(before)}\n=>\n${printExpr(after)}`);
  }
}

/** Compares by identity, shows text. */
function expectSame(got: Expr, want: Expr): void {
  if (got !== want) expect(printExpr(got)).toBe(printExpr(want));
}

describe('simplify keeps values', () => {
  for (const t of TYPES) {
    it(`of random ${t} expressions`, () => {
      fc.assert(
        fc.property(shown(exprs(t)), fc.integer(), ({ e }, seed) => {
          const s = simplify(e);
          expect(s.dtype).toBe(e.dtype);
          sameValues(e, s, seed);
          expectSame(simplify(s), s);
        }),
        { numRuns: 250, seed: 1 },
      );
    });
  }

  it('of random index arithmetic', () => {
    fc.assert(
      fc.property(shown(indices()), fc.integer(), ({ e }, seed) => {
        const s = simplify(e);
        sameValues(e, s, seed);
        expectSame(simplify(s), s);
      }),
      { numRuns: 1500, seed: 2 },
    );
  });
});

describe('ranges', () => {
  it('contain every value', () => {
    fc.assert(
      fc.property(shown(fc.oneof(exprs('i32'), indices(), exprs('bool'))), fc.integer(), ({ e }, seed) => {
        const [lo, hi] = new Ranges().of(e)!;
        for (const [v] of valuesOf([e], seed)) {
          expect(Number(v)).toBeGreaterThanOrEqual(lo);
          expect(Number(v)).toBeLessThanOrEqual(hi);
        }
      }),
      { numRuns: 1000, seed: 3 },
    );
  });

  it('follow locals', () => {
    const n = newLocal('n', 'i32');
    const ranges = new Ranges(new Map([[n, [2, 5]]]));
    expect(ranges.of(add(mul(localExpr(n), index(3)), index(1)))).toEqual([7, 16]);
  });
});

const [i, j, k] = [newAxis('i', 4), newAxis('j', 8), newAxis('k', 3)].map(axisExpr);
const t = newTensor('t', 'f32', [32], 'input');
const flat = add(mul(i, index(8)), j);

describe('index arithmetic', () => {
  it('divides sums of strides', () => {
    expectSame(simplify(div(flat, index(8))), i);
    expectSame(simplify(rem(flat, index(8))), j);
    expectSame(simplify(div(flat, index(32))), index(0));
    expectSame(simplify(rem(div(flat, index(4)), index(2))), div(j, index(4)));
  });

  it('joins what a reshape took apart', () => {
    const f = add(mul(flat, index(3)), k);
    const parts = add(
      add(mul(div(f, index(12)), index(12)), mul(rem(div(f, index(4)), index(3)), index(4))),
      rem(f, index(4)),
    );
    expectSame(simplify(parts), simplify(f));
    const local = localExpr(newLocal('n', 'i32'));
    expectSame(simplify(add(mul(div(local, index(7)), index(7)), rem(local, index(7)))), local);
  });

  it('does not divide what may be negative', () => {
    const shifted = sub(flat, index(4));
    expect(simplify(div(shifted, index(8))).op).toBe('div');
  });

  it('writes sums in one form', () => {
    expectSame(simplify(add(j, mul(index(8), i))), flat);
    expectSame(simplify(sub(add(i, index(3)), i)), index(3));
    expectSame(simplify(add(add(i, index(2)), add(j, index(-2)))), simplify(add(j, i)));
    expectSame(simplify(sub(index(7), i)), sub(index(7), i));
  });

  it('decides comparisons, extremes and selections', () => {
    expectSame(simplify(lt(flat, index(32))), constant('bool', true));
    expectSame(simplify(lt(i, add(i, index(1)))), constant('bool', true));
    expectSame(simplify(select(ge(i, index(4)), j, k)), k);
    expectSame(simplify(min(max(i, index(0)), index(3))), i);
    expectSame(simplify(lt(add(mul(i, index(8)), index(3)), index(16))), lt(i, index(2)));
  });

  it('turns guards into loads or their alternatives', () => {
    const zero = constant('f32', 0);
    expectSame(simplify(guardedLoad(t, [flat], lt(i, index(4)), zero)), load(t, [flat]));
    expectSame(simplify(guardedLoad(t, [flat], lt(i, index(0)), zero)), zero);
  });

  it('uses the guard inside a guarded load', () => {
    const row = sub(i, index(1));
    const inside = and(ge(row, index(0)), lt(row, index(2)));
    const f = add(mul(row, index(8)), j);
    const at = add(mul(div(f, index(8)), index(8)), rem(f, index(8)));
    const e = simplify(guardedLoad(t, [at], inside, constant('f32', 0)));
    const l = walkExpr(e).find(isLoad)!;
    expect(l.src[0]).toBe(simplify(f));
  });

  it('narrows 64-bit index arithmetic', () => {
    const wide = add(mul(cast('i64', i), constant('i64', 8n)), cast('i64', j));
    expectSame(simplify(cast('i32', wide)), flat);
    expectSame(simplify(lt(wide, constant('i64', 32n))), constant('bool', true));
  });

  it('keeps float zeros, NaN and order', () => {
    const x = localExpr(newLocal('x', 'f32'));
    const f = (v: number): Expr => constant('f32', v);
    expect(simplify(add(x, f(0)))).not.toBe(x);
    expect(simplify(mul(x, f(0)))).not.toBe(f(0));
    expect(simplify(sub(x, x))).not.toBe(f(0));
    expectSame(simplify(mul(x, f(1))), x);
    expectSame(simplify(div(x, f(4))), mul(x, f(0.25)));
  });

  it('uses what is known of locals', () => {
    const n = newLocal('n', 'i32');
    const context = new SimplifyContext(new Map([[n, [0, 7]]]));
    expectSame(simplify(div(add(mul(i, index(8)), localExpr(n)), index(8)), context), i);
  });
});
