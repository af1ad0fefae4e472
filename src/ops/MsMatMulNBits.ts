// com.microsoft MatMulNBits: A times the transpose of a matrix [N, K] held as 2, 4 or 8-bit codes in
// blocks along K, each block with a scale and an optional zero point.

import {
  add,
  and,
  type ComputeType,
  cast,
  computeType,
  div,
  type Expr,
  index,
  load,
  mul,
  rem,
  shr,
  sub,
} from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { type Dim, isStatic } from '../ir/dim.ts';
import { elementCount } from '../ir/tensor.ts';
import { FLOATS } from './elementwise.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';

interface Layout {
  readonly k: number;
  readonly n: number;
  readonly bits: number;
  readonly block: number;
  /** Blocks along K. */
  readonly blocks: number;
  /** Bytes of zero points per column. */
  readonly zeroBytes: number;
}

function layout(c: InferContext | LowerContext): Layout {
  const [k, n, bits, block] = [c.int('K', 0), c.int('N', 0), c.int('bits', 4), c.int('block_size', 0)];
  if (k < 1 || n < 1) c.fail(`K is ${k} and N ${n}, expected positive extents`);
  if (![2, 4, 8].includes(bits)) c.fail(`bits is ${bits}, expected 2, 4 or 8`);
  if (block < 16 || (block & (block - 1)) !== 0) c.fail(`block_size is ${block}, expected a power of two from 16`);
  const blocks = Math.ceil(k / block);
  return { k, n, bits, block, blocks, zeroBytes: Math.ceil((blocks * bits) / 8) };
}

function expectCount(c: InferContext, i: number, counts: readonly number[], what: string): void {
  if (!c.has(i)) return;
  const count = elementCount(c.shape(i));
  if (!counts.includes(count)) c.fail(`${what} has ${count} elements, expected ${counts.join(' or ')}`);
}

function shapeOf(c: InferContext): Dim[] {
  const { k, n, bits, block, blocks, zeroBytes } = layout(c);
  const a = c.dims(0);
  const last = a[a.length - 1];
  if (a.length === 0 || (isStatic(last) && last !== k)) c.fail(`A has shape [${a}], expected [..., ${k}]`);
  expectCount(c, 1, [(n * blocks * block * bits) / 8], 'B');
  expectCount(c, 2, [n * blocks], 'scales');
  if (c.has(3)) expectCount(c, 3, [c.dtype(3) === 'u8' ? n * zeroBytes : n * blocks], 'zero_points');
  expectCount(c, 4, [k, blocks * block], 'g_idx');
  expectCount(c, 5, [n], 'bias');
  return [...a.slice(0, -1), n];
}

const flat = (c: LowerContext, i: number): TileTensor => c.b.view(c.tensor(i), [elementCount(c.shape(i))]);

/** Code number `i` of a row of packed bytes that starts at byte `base`; low bits come first. */
function code(t: TileTensor, base: Expr, i: Expr, bits: number): Expr {
  const perByte = index(8 / bits);
  const byte = load(t, [add(base, div(i, perByte))]);
  return and(shr(byte, mul(rem(i, perByte), index(bits))), index((1 << bits) - 1));
}

/** Element (n, k) of the matrix as a real number. */
function weight(c: LowerContext, w: Layout, t: ComputeType, n: Expr, k: Expr): Expr {
  const group = c.has(4) ? cast('i32', load(flat(c, 4), [k])) : div(k, index(w.block));
  const raw = code(flat(c, 1), mul(n, index((w.blocks * w.block * w.bits) / 8)), k, w.bits);
  const at = add(mul(n, index(w.blocks)), group);
  const scale = cast(t, load(flat(c, 2), [at]));
  if (!c.has(3)) return mul(cast(t, sub(raw, index(1 << (w.bits - 1)))), scale);
  if (c.dtype(3) === 'u8') {
    const zero = code(flat(c, 3), mul(n, index(w.zeroBytes)), group, w.bits);
    return mul(cast(t, sub(raw, zero)), scale);
  }
  return mul(sub(cast(t, raw), cast(t, load(flat(c, 3), [at]))), scale);
}

export const MsMatMulNBits = op({
  name: 'MatMulNBits',
  domain: 'com.microsoft',
  inputs: [3, 6],
  types: { 0: FLOATS, 1: ['u8', 'i32'], 2: FLOATS, 3: ['u8', 'i32', ...FLOATS], 4: ['i32'], 5: FLOATS },
  infer: (c) => {
    if (c.dtype(1) !== 'u8') c.fail('B is not packed in bytes', undefined, 'UNSUPPORTED_TYPE');
    return [c.tensor(c.dtype(0), shapeOf(c))];
  },
  lower: (c) => {
    const w = layout(c);
    const dtype = c.outDtype();
    const t = computeType(dtype);
    const a = c.tensor(0);
    const out = c.b.reduce(
      dtype,
      c.outShape(),
      [w.k],
      sum(t),
      (ix, [k]) => mul(load(a, [...ix.slice(0, -1), k]), weight(c, w, t, ix[ix.length - 1], k)),
      ([total], ix) => (c.has(5) ? add(total, cast(t, load(flat(c, 5), [ix[ix.length - 1]]))) : total),
    );
    return [out];
  },
});
