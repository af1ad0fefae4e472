// Internal: rotary embedding of x by angles per position. x is [batch, positions, heads, size] or,
// with `heads_first`, [batch, heads, positions, size]; cosines and sines are [batch or 1, positions,
// half]. The first 2 * half elements of each head rotate in pairs: (i, i + half), or neighbours when
// `interleaved`.
import { add, cast, computeType, type Expr, eq, index, load, mul, select, sub } from '../3-tile/expr.ts';
import { sameTypes } from './elementwise.ts';
import { plus, times } from './index-math.ts';
import { op } from './op.ts';

export const Rotate = op({
  name: 'Rotate',
  domain: 'tilewright',
  inputs: [3, 3],
  infer: (c) => {
    sameTypes(c);
    return [c.tensor(c.dtype(0), c.dims(0))];
  },
  lower: (c) => {
    const { b } = c;
    const [x, cosines, sines] = [c.tensor(0), c.tensor(1), c.tensor(2)];
    const dtype = computeType(x.dtype);
    const interleaved = c.int('interleaved', 0) !== 0;
    const position = c.int('heads_first', 0) !== 0 ? 2 : 1;
    const [lead, size] = [x.shape.slice(0, 3), x.shape[3]];
    const half = cosines.shape[2];
    const out = b.alloc(x.dtype, x.shape);
    /** Where member `side` (0 or 1) of pair `i` is stored. */
    const at = (side: Expr, i: Expr): Expr => (interleaved ? add(times(i, 2), side) : add(times(side, half), i));
    const value = (ix: readonly Expr[], side: Expr, i: Expr): Expr => {
      const angle = [cosines.shape[0] === 1 ? index(0) : ix[0], ix[position], i];
      const [re, im] = [0, 1].map((s) => cast(dtype, load(x, [...ix, at(index(s), i)])));
      const [cos, sin] = [load(cosines, angle), load(sines, angle)];
      return select(eq(side, index(0)), sub(mul(cos, re), mul(sin, im)), add(mul(sin, re), mul(cos, im)));
    };
    const extents = interleaved ? [half, 2] : [2, half];
    b.write(
      out,
      [...lead, ...extents],
      (ix) => [...ix.slice(0, 3), interleaved ? at(ix[4], ix[3]) : at(ix[3], ix[4])],
      (ix) => (interleaved ? value(ix.slice(0, 3), ix[4], ix[3]) : value(ix.slice(0, 3), ix[3], ix[4])),
    );
    const rest = size - 2 * half;
    if (rest > 0) {
      const tail = (ix: readonly Expr[]): Expr[] => [...ix.slice(0, 3), plus(ix[3], 2 * half)];
      b.write(out, [...lead, rest], tail, (ix) => load(x, tail(ix)));
    }
    return [out];
  },
});
