// Rotary embeddings of a tensor [batch, heads, positions, size] or [batch, positions, heads * size]
// with caches of cosines and sines, for the operators that have them.

import { reshape } from './expansions.ts';
import type { ExpandContext, StaticTensor } from './op.ts';

export interface Rotary {
  readonly x: StaticTensor;
  /** [positions in the cache, half], or [batch, positions, half] without ids. */
  readonly cos: StaticTensor;
  readonly sin: StaticTensor;
  /** [batch, positions], or null. */
  readonly ids: StaticTensor | null;
  readonly interleaved: boolean;
  /** Needed when x has three axes. */
  readonly heads: number;
  /** Elements of each head that rotate; 0: all. */
  readonly rotated: number;
}

/** Checks the caches and gives them as [batch or 1, positions, half]. */
function cache(
  c: ExpandContext,
  r: Rotary,
  t: StaticTensor,
  batch: number,
  length: number,
  half: number,
): StaticTensor {
  const rank = r.ids ? 2 : 3;
  if (t.shape.length !== rank || t.shape[rank - 1] !== half) {
    c.fail(`a cache of shape [${t.shape}] does not hold ${half} angles per position`);
  }
  const rows = r.ids ? c.one('Gather', [t, r.ids], { axis: 0 }) : t;
  const [b, s] = rows.shape;
  if (rows.shape.length !== 3 || (b !== 1 && b !== batch) || s !== length)
    c.fail(`a cache of shape [${rows.shape}] does not fit [${batch}, ${length}]`);
  return rows;
}

export function rotate(c: ExpandContext, r: Rotary): StaticTensor {
  const { x } = r;
  if (x.shape.length !== 3 && x.shape.length !== 4) c.fail(`input has rank ${x.shape.length}, expected 3 or 4`);
  const flat = x.shape.length === 3;
  const [batch, length] = flat ? x.shape : [x.shape[0], x.shape[2]];
  if (flat && (r.heads < 1 || x.shape[2] % r.heads !== 0)) {
    c.fail(`width ${x.shape[2]} does not split into ${r.heads} heads`);
  }
  const whole = flat ? reshape(c, x, [batch, length, r.heads, x.shape[2] / r.heads]) : x;
  const size = whole.shape[3];
  const rotated = r.rotated === 0 ? size : r.rotated;
  if (rotated < 0 || rotated > size || rotated % 2 !== 0)
    c.fail(`${rotated} of ${size} elements cannot rotate in pairs`);
  const [cos, sin] = [r.cos, r.sin].map((t) => cache(c, r, t, batch, length, rotated / 2));
  const turned = c.one('Rotate', [whole, cos, sin], { interleaved: r.interleaved, heads_first: !flat }, 'tilewright');
  return flat ? reshape(c, turned, x.shape) : turned;
}
