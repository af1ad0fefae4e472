// What the attention operators of com.microsoft share: masks given as lengths or as zeros and ones,
// and their joining with other additive masks.
import { type AttentionResult, attend, castTo } from './attention-core.ts';
import { positions, reshape } from './expansions.ts';
import type { ExpandContext, StaticTensor } from './op.ts';

export interface Extents {
  readonly batch: number;
  readonly queries: number;
  /** Past and present keys. */
  readonly keys: number;
}

/** Additive f32 mask [batch or 1, 1, queries or 1, keys]: 0 where attended, the filter elsewhere. */
export function paddingBias(c: ExpandContext, mask: StaticTensor, e: Extents): StaticTensor {
  const filter = c.constant('f32', [], [c.float('mask_filter_value', -10000)]);
  const zero = c.constant('f32', [], [0]);
  const shape = mask.shape;
  let kept: StaticTensor;
  if (shape.length === 1 && shape[0] === e.batch) {
    const lengths = reshape(c, castTo(c, mask, 'i64'), [e.batch, 1, 1, 1]);
    kept = c.one('Less', [positions(c, e.keys, 4), lengths]);
  } else {
    const rows = shape.length === 3 ? shape[1] : 1;
    const fits = shape[0] === e.batch && shape[shape.length - 1] === e.keys && (rows === 1 || rows === e.queries);
    if (shape.length < 2 || shape.length > 3 || !fits) {
      c.fail(`a mask of shape [${shape}] is not supported for ${e.keys} keys`, undefined, 'UNSUPPORTED_OPERATOR');
    }
    kept = castTo(c, reshape(c, mask, [e.batch, 1, rows, e.keys]), 'bool');
  }
  return c.one('Where', [kept, zero, filter]);
}

/** Causal mask [1, 1, queries, keys] after `past` earlier keys. */
export function causalBias(c: ExpandContext, e: Extents, past: number): StaticTensor {
  return c.one('AttentionBias', [], { queries: e.queries, keys: e.keys, causal: 1, offset: past, to: 1 }, 'tilewright');
}

/** The sum of the masks that are there. */
export function joined(c: ExpandContext, masks: readonly (StaticTensor | null)[]): StaticTensor | null {
  const given = masks.filter((m) => m !== null).map((m) => castTo(c, m, 'f32'));
  return given.length === 0 ? null : given.reduce((a, m) => c.one('Add', [a, m]));
}

/** Attention with f32 scores where a mask is f32. */
export function attendWith(
  c: ExpandContext,
  q: StaticTensor,
  k: StaticTensor,
  v: StaticTensor,
  bias: StaticTensor | null,
): AttentionResult {
  const asked = c.float('scale', 0);
  return attend(c, {
    q,
    k,
    v,
    scale: asked || 1 / Math.sqrt(q.shape[3]),
    softcap: c.float('softcap', 0),
    bias,
    guarded: false,
    softmaxType: q.dtype === 'f64' ? 'f64' : 'f32',
  });
}
