// Random small tile programs for property tests: element-wise maps with broadcasting, transposes,
// strided and reversed slices, guarded pads, reductions, products, convolutions, gathers, partial
// writes, views, narrow types. Values are small integers, so float sums are exact in any order.
import fc from 'fast-check';
import { broadcastLoad, type Indices, TileBuilder } from '../../src/3-tile/builder.ts';
import * as E from '../../src/3-tile/expr.ts';
import { maximum, sum } from '../../src/3-tile/monoids.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { TileProgram } from '../../src/3-tile/tile-op.ts';
import { type DType, dtypeInfo } from '../../src/ir/dtype.ts';
import { elementCount, type TensorData, tensorOf } from '../../src/ir/tensor.ts';
import { argExtreme } from '../../src/ops/extremes.ts';

export interface RandomProgram {
  readonly program: TileProgram;
  readonly feeds: readonly TensorData[];
}

/** Draws integers from a recorded list, so that fast-check can shrink a program. */
class Dice {
  private at = 0;
  private readonly rolls: readonly number[];
  constructor(rolls: readonly number[]) {
    this.rolls = rolls;
  }
  below(n: number): number {
    return n <= 1 ? 0 : (this.rolls[this.at++ % this.rolls.length] + this.at) % n;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}

const EXTENTS = [1, 2, 3, 5, 8, 9, 17, 33];
const TYPES: readonly DType[] = ['f32', 'f32', 'f32', 'f32', 'i32', 'f16', 'u8', 'i64', 'f64', 'bool'];

const { add, binary, cast, computeType, constant, guardedLoad, index, load } = E;

type Maker = (b: TileBuilder, d: Dice, x: TileTensor, pick: () => TileTensor) => TileTensor;

const smallShape = (d: Dice, limit = 3000): number[] => {
  const shape = Array.from({ length: d.below(5) }, () => d.pick(EXTENTS));
  while (elementCount(shape) > limit) shape.pop();
  return shape;
};

function elementwise(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  const t = computeType(x.dtype);
  if (t === 'bool') return b.map('bool', x.shape, (ix) => E.not(load(x, ix)));
  const k = d.below(4);
  return b.map(x.dtype, x.shape, (ix) => {
    const v = load(x, ix);
    const c = constant(t, t === 'i64' ? 2n : 2);
    if (k === 0) return binary('max', v, c);
    if (k === 1) return E.select(E.lt(v, c), E.sub(v, c), v);
    if (k === 2) return E.add(v, c);
    return E.min(E.mul(v, c), c);
  });
}

function broadcast(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  const t = computeType(x.dtype);
  const small = b.map(
    x.dtype,
    x.shape.map((n) => (d.below(2) ? n : 1)),
    () => {
      return constant(t, t === 'i64' || t === 'u64' ? 1n : 1);
    },
  );
  const op = t === 'bool' ? 'or' : 'add';
  return b.map(x.dtype, x.shape, (ix) => binary(op, load(x, ix), broadcastLoad(small, ix)));
}

function transpose(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  const perm = x.shape.map((_, i) => i);
  for (let i = perm.length - 1; i > 0; i--) {
    const j = d.below(i + 1);
    [perm[i], perm[j]] = [perm[j], perm[i]];
  }
  return b.map(
    x.dtype,
    perm.map((p) => x.shape[p]),
    (ix) =>
      load(
        x,
        perm.map((_, k) => ix[perm.indexOf(k)]),
      ),
  );
}

function slice(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  const parts = x.shape.map((n) => {
    if (n === 0) return { from: 0, step: 1, count: 0 };
    const step = d.pick([1, 1, 2, -1]);
    const from = step < 0 ? n - 1 : d.below(n);
    const count = Math.ceil((step < 0 ? n : n - from) / Math.abs(step));
    return { from, step, count };
  });
  return b.map(
    x.dtype,
    parts.map((p) => p.count),
    (ix) =>
      load(
        x,
        ix.map((e, i) => add(E.mul(e, index(parts[i].step)), index(parts[i].from))),
      ),
  );
}

function pad(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  const before = x.shape.map(() => d.below(3));
  const after = x.shape.map(() => d.below(3));
  const t = computeType(x.dtype);
  return b.map(
    x.dtype,
    x.shape.map((n, i) => n + before[i] + after[i]),
    (ix) =>
      padded(
        x,
        ix.map((e, i) => E.sub(e, index(before[i]))),
        constant(t, t === 'i64' || t === 'u64' ? 0n : 0),
      ),
  );
}

function padded(x: TileTensor, at: Indices, otherwise: E.Expr): E.Expr {
  let guard = constant('bool', true);
  at.forEach((e, i) => {
    guard = E.and(guard, E.and(E.ge(e, index(0)), E.lt(e, index(x.shape[i]))));
  });
  return guardedLoad(x, at, guard, otherwise);
}

function reduce(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  const t = computeType(x.dtype);
  if (t === 'bool') return x;
  const keep = x.shape.map(() => d.below(2) === 1);
  const shape = x.shape.filter((_, i) => keep[i]);
  const over = x.shape.filter((_, i) => !keep[i]);
  const at = (ix: Indices, rx: Indices): E.Expr[] => {
    let [i, r] = [0, 0];
    return keep.map((k) => (k ? ix[i++] : rx[r++]));
  };
  const kind = d.below(3);
  if (kind === 2 && over.length === 1) {
    return b.reduce(
      'i64',
      shape,
      over,
      argExtreme(t, 'max', d.below(2) === 1),
      (ix, rx) => [load(x, at(ix, rx)), cast('i64', rx[0]), constant('bool', true)],
      (s) => s[1],
    );
  }
  return b.reduce(x.dtype, shape, over, kind === 0 ? maximum(t) : sum(t), (ix, rx) => load(x, at(ix, rx)));
}

function matmul(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  if (x.shape.length < 1 || x.dtype !== 'f32') return elementwise(b, d, x);
  const k = x.shape[x.shape.length - 1];
  const n = d.pick(EXTENTS);
  const transposed = d.below(2) === 1;
  const w = b.constant(filled('f32', transposed ? [n, k] : [k, n], d));
  return b.reduce(
    'f32',
    [...x.shape.slice(0, -1), n],
    [k],
    sum('f32'),
    (ix, [r]) => {
      const j = ix[ix.length - 1];
      return E.mul(load(x, [...ix.slice(0, -1), r]), load(w, transposed ? [j, r] : [r, j]));
    },
    ([s]) => E.max(s, constant('f32', 0)),
  );
}

function convolve(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  if (x.dtype !== 'f32' || elementCount(x.shape) === 0) return reduce(b, d, x);
  const n = elementCount(x.shape);
  const c = d.pick([1, 2, 3].filter((k) => n % k === 0));
  const h = d.pick([1, 2, 3, 5].filter((k) => (n / c) % k === 0));
  const v = b.view(x, [c, h, n / c / h]);
  const [oc, kernel, stride, border] = [d.pick([1, 3, 8, 9]), d.pick([1, 3]), d.pick([1, 1, 2]), d.below(2)];
  const out = (size: number): number => Math.floor((size + 2 * border - kernel) / stride) + 1;
  if (out(h) < 1 || out(v.shape[2]) < 1) return x;
  const w = b.constant(filled('f32', [oc, c, kernel, kernel], d));
  const bias = b.constant(filled('f32', [oc], d));
  return b.reduce(
    'f32',
    [oc, out(h), out(v.shape[2])],
    [c, kernel, kernel],
    sum('f32'),
    ([o, y, z], [i, ky, kz]) => {
      const at = (a: E.Expr, k: E.Expr): E.Expr => E.sub(add(E.mul(a, index(stride)), k), index(border));
      return E.mul(padded(v, [i, at(y, ky), at(z, kz)], constant('f32', 0)), load(w, [o, i, ky, kz]));
    },
    ([s], [o]) => add(s, load(bias, [o])),
  );
}

function gather(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  if (x.shape.length === 0 || x.shape[0] === 0) return x;
  const n = d.pick(EXTENTS);
  const ids = Array.from({ length: n }, () => BigInt(d.below(x.shape[0])));
  const at = b.constant(tensorOf('i64', [n], ids));
  return b.map(x.dtype, [n, ...x.shape.slice(1)], ([i, ...rest]) => load(x, [cast('i32', load(at, [i])), ...rest]));
}

function concat(b: TileBuilder, _d: Dice, x: TileTensor): TileTensor {
  if (x.shape.length === 0 || elementCount(x.shape) > 2000) return x;
  const [n, ...rest] = x.shape;
  const out = b.alloc(x.dtype, [2 * n, ...rest]);
  for (const half of [0, 1]) {
    b.write(
      out,
      x.shape,
      ([i, ...r]) => [add(i, index(half * n)), ...r],
      (ix) => load(x, ix),
    );
  }
  return out;
}

function reshape(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  const n = elementCount(x.shape);
  const k = d.pick([1, 2, 3, 5, 8].filter((q) => n % q === 0));
  return b.view(x, d.below(2) ? [k, n / k] : [n / k, k]);
}

function convert(b: TileBuilder, d: Dice, x: TileTensor): TileTensor {
  const to = d.pick(TYPES);
  return b.map(to, x.shape, (ix) => cast(computeType(to), load(x, ix)));
}

function iota(b: TileBuilder, _d: Dice, x: TileTensor): TileTensor {
  return b.map('i32', x.shape, (ix) => ix.reduce((a, e) => add(E.mul(a, index(3)), e), index(1)));
}

function combine(b: TileBuilder, _d: Dice, x: TileTensor, pick: () => TileTensor): TileTensor {
  const y = pick();
  const same = y.dtype === x.dtype && y.shape.join() === x.shape.join() && x.dtype !== 'bool';
  return same ? b.map(x.dtype, x.shape, (ix) => E.sub(load(x, ix), load(y, ix))) : x;
}

const MAKERS: readonly Maker[] = [
  elementwise,
  elementwise,
  broadcast,
  transpose,
  slice,
  pad,
  reduce,
  reduce,
  matmul,
  matmul,
  convolve,
  convolve,
  gather,
  concat,
  reshape,
  reshape,
  convert,
  iota,
  combine,
  combine,
];

export function filled(dtype: DType, shape: readonly number[], d: { below(n: number): number }): TensorData {
  const unsigned = dtypeInfo(dtype).kind === 'uint';
  const top = dtype === 'bool' ? 2 : unsigned ? 4 : 7;
  const low = dtype === 'bool' || unsigned ? 0 : 3;
  const big = dtype === 'i64' || dtype === 'u64';
  const values = Array.from({ length: elementCount(shape) }, (_, i) => {
    const v = ((d.below(64) * 5 + i * 3 + (i >> 3)) % top) - low;
    return big ? BigInt(v) : v;
  });
  return tensorOf(dtype, shape, values);
}

export function build(rolls: readonly number[]): RandomProgram {
  const d = new Dice(rolls);
  const b = new TileBuilder();
  const dtype = d.pick(TYPES);
  const inputs = [0, 1].map((i) => newTensor(`in${i}`, i ? 'f32' : dtype, smallShape(d), 'input'));
  const made: TileTensor[] = [...inputs];
  const steps = 1 + d.below(8);
  for (let i = 0; i < steps; i++) {
    const x = d.below(3) ? made[made.length - 1] : d.pick(made);
    const y = d.pick(MAKERS)(b, d, x, () => d.pick(made));
    if (elementCount(y.shape) <= 6000) made.push(y);
  }
  const outputs = [made[made.length - 1], d.pick(made)];
  return {
    program: { inputs, outputs, steps: b.steps, checks: [] },
    feeds: inputs.map((t) => filled(t.dtype, t.shape, d)),
  };
}

/** Rolls from which `build` makes a program and its feeds. */
export const rolls: fc.Arbitrary<number[]> = fc.array(fc.nat(1000), {
  minLength: 12,
  maxLength: 40,
});
