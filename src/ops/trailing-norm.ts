// Normalisations over all axes from `axis` on: checks, the view as [rows, row] and the broadcast of
// scale and bias to the input.

import type { NodeView } from '../2-graph/operator.ts';
import { broadcastLoad } from '../3-tile/builder.ts';
import type { Expr } from '../3-tile/expr.ts';
import { isStatic } from '../ir/dim.ts';
import { type DType, dtypeFromOnnx } from '../ir/dtype.ts';
import type { InferContext, LowerContext, TileTensor } from './op.ts';

/** The type of mean and inverse deviation, from stash_type. */
export function stashType(c: NodeView): DType {
  // 0 names no type; exporters write it where the stashed results are not used.
  const dtype = dtypeFromOnnx(c.int('stash_type', 1) || 1);
  if (dtype !== 'f32' && dtype !== 'bf16' && dtype !== 'f16' && dtype !== 'f64') {
    return c.fail(`stash_type ${c.int('stash_type', 1)} is not a float type`, undefined, 'UNSUPPORTED_TYPE');
  }
  return dtype;
}

/** Refuses when input `i` does not broadcast to input 0 in one direction. */
export function checkBroadcastToInput(c: InferContext, i: number, what: string): void {
  if (!c.has(i)) return;
  const [dims, target] = [c.dims(i), c.dims(0)];
  const skip = target.length - dims.length;
  const fits =
    skip >= 0 &&
    dims.every((d, k) => {
      const t = target[k + skip];
      return d === 1 || d === t || !isStatic(d) || !isStatic(t);
    });
  if (!fits) c.fail(`${what} of shape [${dims}] does not broadcast to [${target}]`);
}

/** Non-negative first normalised axis. */
export const normAxis = (c: InferContext | LowerContext): number => c.axis(c.int('axis', -1), c.rank(0));

/** Extents before the axis, and from it on. */
export function splitShape(c: LowerContext): {
  outer: readonly number[];
  inner: readonly number[];
} {
  const axis = normAxis(c);
  return { outer: c.shape(0).slice(0, axis), inner: c.shape(0).slice(axis) };
}

/** Element of a scale or bias at an index of the input. */
export const parameterAt = (t: TileTensor, ix: readonly Expr[]): Expr => broadcastLoad(t, ix);
