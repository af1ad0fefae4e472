// The window of a transposed convolution seen from its output: which input element, if any, meets
// an output element through a given tap. Also serves the folding of columns into images.
import type { NodeView } from '../2-graph/attributes.ts';
import {
  type ComputeType,
  constant,
  div,
  type Expr,
  eq,
  ge,
  guardedLoad,
  index,
  load,
  lt,
  mul,
  rem,
  sub,
} from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { groupCount } from './convolution.ts';
import { allOf, flatIndex, plus, times } from './index-math.ts';
import type { LowerContext, TileTensor } from './op.ts';
import { perAxis } from './window.ts';

/** Numbers per spatial axis. */
export interface TransposedWindow {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Elements cut from the front of the full result. */
  readonly before: readonly number[];
  readonly input: readonly number[];
  readonly output: readonly number[];
}

/** Reads the attributes of a transposed convolution. */
export function transposedWindow(c: NodeView, input: readonly number[], kernel: readonly number[]): TransposedWindow {
  const n = kernel.length;
  const stated = c.ints('kernel_shape');
  if (stated && stated.join() !== kernel.join()) {
    c.fail(`kernel_shape [${stated}] differs from the weight's [${kernel}]`);
  }
  if (kernel.some((k) => k < 1)) c.fail(`kernel [${kernel}] has an empty axis`);
  const strides = perAxis(c, 'strides', n, 1, 1);
  const dilations = perAxis(c, 'dilations', n, 1, 1);
  const extra = perAxis(c, 'output_padding', n, 0, 0);
  const pads = perAxis(c, 'pads', 2 * n, 0, 0);
  const auto = c.string('auto_pad', 'NOTSET');
  const same = auto === 'SAME_UPPER' || auto === 'SAME_LOWER';
  const listed = c.ints('output_shape') ?? [];
  const asked = listed.length === 0 ? undefined : listed.slice(-n);
  if (asked && asked.length !== n) c.fail(`output_shape has ${asked.length} values, expected ${n}`);
  const full = input.map((d, i) => strides[i] * (d - 1) + extra[i] + (kernel[i] - 1) * dilations[i] + 1);
  const explicit = auto === 'VALID' ? new Array<number>(2 * n).fill(0) : pads;
  const target =
    asked ?? (same ? input.map((d, i) => d * strides[i]) : full.map((d, i) => d - explicit[i] - explicit[n + i]));
  if (target.some((d) => d < 0)) c.fail(`the result would have extents [${target}]`);
  const before =
    asked || same
      ? full.map((d, i) => {
          const total = Math.max(d - target[i], 0);
          return auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
        })
      : explicit.slice(0, n);
  return { kernel, strides, dilations, before, input, output: target };
}

/** Input coordinates that meet output `o` through tap `k`, and the conditions for it. */
export function transposedTap(
  p: TransposedWindow,
  o: readonly Expr[],
  k: readonly Expr[],
): { at: Expr[]; guards: Expr[] } {
  const guards: Expr[] = [];
  const at = p.input.map((extent, i) => {
    const stride = p.strides[i];
    const reach = plus(o[i], p.before[i]);
    const far = p.kernel[i] === 1 ? reach : sub(reach, times(k[i], p.dilations[i]));
    if (p.kernel[i] > 1) guards.push(ge(far, index(0)));
    if (stride > 1) guards.push(eq(rem(far, index(stride)), index(0)));
    const e = stride === 1 ? far : div(far, index(stride));
    if (p.output[i] - 1 + p.before[i] >= extent * stride) guards.push(lt(e, index(extent)));
    return e;
  });
  return { at, guards };
}

/** x [N, C, spatial…] with weight [C, M/group, taps…] gives [N, M, spatial…]. */
export function transposedConvolve(
  c: LowerContext,
  x: TileTensor,
  w: TileTensor,
  sumType: ComputeType,
  finish: (total: Expr, m: Expr) => Expr,
): TileTensor {
  const group = groupCount(c);
  const p = transposedWindow(c, x.shape.slice(2), w.shape.slice(2));
  const [n, channels] = x.shape;
  const perGroup = w.shape[1];
  const groups = group === 1 ? [] : [group];
  const lead = groups.length;
  const xs = c.b.view(x, [n, ...groups, channels / group, ...p.input]);
  const ws = c.b.view(w, [...groups, channels / group, perGroup, ...p.kernel]);
  const out = c.b.reduce(
    c.outDtype(),
    [n, ...groups, perGroup, ...p.output],
    [channels / group, ...p.kernel],
    sum(sumType),
    (ix, [r, ...k]) => {
      const g = ix.slice(1, lead + 1);
      const { at, guards } = transposedTap(p, ix.slice(lead + 2), k);
      const all = [ix[0], ...g, r, ...at];
      const value = guards.length === 0 ? load(xs, all) : guardedLoad(xs, all, allOf(guards), constant(sumType, 0));
      return mul(value, load(ws, [...g, r, ix[lead + 1], ...k]));
    },
    ([total], ix) => finish(total, flatIndex(ix.slice(1, lead + 2), [...groups, perGroup])),
  );
  return c.b.view(out, [n, perGroup * group, ...p.output]);
}
