// Contractions by Intel's matrix registers (AMX): 8 tiles of 16 rows of 64 bytes, of which four hold sums and two each
// the operand of rows and that of columns. In: a contraction or a product and where its operands lie. Out: lines of C.
import type { Contraction, Product } from '../../../3-tile/tile-op.ts';
import { invariant } from '../../../support/errors.ts';
import type { Unit } from './unit.ts';

/** CPU features that code with contractions needs. */
export const MATRIX_FEATURES = ['amx_bf16', 'amx_int8', 'amx_tile'];

/** The products by what they are of. */
const PRODUCT: Readonly<Record<string, string>> = { us: 'dpbusd', su: 'dpbsud', bf16: 'dpbf16ps' };

/** Rows of a register and words in one of them; the first registers of operands. */
const [SIDE, ROWS, COLUMNS] = [16, 4, 6];

/**
 * The instructions by the names of their intrinsics, unless those are macros already: compilers take the intrinsics for
 * code that touches no memory. Linux lets a process use the registers when it asks.
 */
const INSTRUCTIONS = `#ifndef _tile_loadconfig
#define TILE(...) __asm__ volatile(__VA_ARGS__ : "memory")
#define _tile_loadconfig(c) TILE("ldtilecfg (%0)" ::"r"(c))
#define _tile_release() TILE("tilerelease" ::)
#define _tile_zero(t) TILE("tilezero %%tmm" #t ::)
#define _tile_loadd(t, p, s) TILE("tileloadd (%0,%1,1), %%tmm" #t ::"r"(p), "r"((i64)(s)))
#define _tile_stored(t, p, s) TILE("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"(p), "r"((i64)(s)))
#define _tile_dpbusd(t, a, b) TILE("tdpbusd %%tmm" #b ", %%tmm" #a ", %%tmm" #t ::)
#define _tile_dpbsud(t, a, b) TILE("tdpbsud %%tmm" #b ", %%tmm" #a ", %%tmm" #t ::)
#define _tile_dpbf16ps(t, a, b) TILE("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #t ::)
INLINE i32 tiles_granted(void) {
  i64 r = 158; /* arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA) */
  __asm__ volatile("syscall" : "+a"(r) : "D"(0x1023L), "S"(18L) : "rcx", "r11", "memory");
  return r == 0;
}
#endif
`;

/** How many of `n` rows or columns each register has. */
const parts = (n: number): number[] => (n > SIDE ? [SIDE, n - SIDE] : [n]);

/** The registers of sums: number, row and column among them, rows and columns that each has. */
const registers = ({ rows, columns }: Contraction) =>
  parts(rows).flatMap((m, i) => parts(columns).map((n, j) => ({ t: 2 * i + j, i, j, m, n })));

/** The name of the constant with the sizes of all registers (palette 1). */
export function configuration(unit: Unit, s: Contraction): string {
  const name = `tiles_${s.rows}_${s.columns}_${s.depth}`;
  invariant(Math.max(s.rows, s.columns, 2 * s.depth) <= 2 * SIDE, `c: ${name} do not fit matrix registers`);
  const bytes = new Uint8Array(64).fill(1, 0, 1);
  const size = (t: number, rows: number, words: number): void => {
    [bytes[16 + 2 * t], bytes[48 + t]] = [4 * words, rows];
  };
  for (const { t, i, j, m, n } of registers(s)) {
    size(t, m, n);
    size(ROWS + i, m, s.depth);
    size(COLUMNS + j, s.depth, n);
  }
  unit.need('tiles', () => INSTRUCTIONS);
  return unit.need(name, () => `static const u8 ${name}[64] __attribute__((aligned(64))) = {${bytes}};\n`);
}

/** Zeroes the sums, and asks for the lines where they will go: stores of rows that lie far apart wait for each of them. */
export function zeroed(s: Contraction, at: string): string[] {
  const lines = Array.from(
    { length: Math.ceil(s.columns / SIDE) },
    (_, j) => `${at} + r * ${s.stride}LL + ${SIDE * j}`,
  );
  const asked = lines.map((line) => `__builtin_prefetch(${line}, 1);`);
  const zero = registers(s).map(({ t }) => `_tile_zero(${t});`);
  return [`for (i64 r = 0; r < ${s.rows}; ++r) { ${asked.join(' ')} }`, ...zero];
}

/** `at`: the C pointer to row 0 and column 0. */
export const stored = (s: Contraction, at: string): string[] =>
  registers(s).map(({ t, i, j }) => `_tile_stored(${t}, ${at} + ${SIDE * (i * s.stride + j)}, ${4 * s.stride});`);

/** `left` and `right`: C pointers to (0, 0) of the operands. */
export const multiplied = (s: Contraction, p: Product, left: string, right: string): string[] =>
  registers(s).flatMap(({ t, i, j }) => {
    const [a, b] = [ROWS + i, COLUMNS + j];
    const rows = `_tile_loadd(${a}, ${left} + ${SIDE * i * p.leftStride}, ${4 * p.leftStride});`;
    const columns = `_tile_loadd(${b}, ${right} + ${SIDE * j}, ${4 * p.rightStride});`;
    return [...(j === 0 ? [rows] : []), ...(i === 0 ? [columns] : []), `_tile_${PRODUCT[p.form]}(${t}, ${a}, ${b});`];
  });
