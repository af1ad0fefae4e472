// The window of a transposed convolution seen from its output: which input element, if any, meets
// an output element through a given tap. Also serves the folding of columns into images.
import type { NodeView } from '../2-graph/operator.ts';
import {
  add,
  type ComputeType,
  computeType,
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
import { checkReach, perAxis } from './window.ts';

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
  for (const [i, d] of target.entries()) checkReach(c, d + Math.max(full[i], explicit[i]));
  const before =
    asked || same
      ? full.map((d, i) => {
          const total = Math.max(d - target[i], 0);
          return auto === 'SAME_UPPER' ? Math.floor(total / 2) : Math.ceil(total / 2);
        })
      : explicit.slice(0, n);
  return { kernel, strides, dilations, before, input, output: target };
}

/** Whether the taps that can meet an output element follow from its phase within the stride. */
const hasPhases = (p: TransposedWindow, i: number): boolean => p.strides[i] === 1 || p.dilations[i] === 1;

/** How many taps may meet one output element, per axis. */
export const meetingTaps = (p: TransposedWindow): number[] =>
  p.kernel.map((k, i) => (hasPhases(p, i) ? Math.ceil(k / p.strides[i]) : k));

export interface Meeting {
  /** Input coordinates and tap, per axis. */
  readonly at: readonly Expr[];
  readonly tap: readonly Expr[];
  /** Conditions under which the tap exists, and those under which the input element does. */
  readonly tapGuards: readonly Expr[];
  readonly inputGuards: readonly Expr[];
}

/** What meets output `o` in meeting `j` (below `meetingTaps`). */
export function meeting(p: TransposedWindow, o: readonly Expr[], j: readonly Expr[]): Meeting {
  const [tapGuards, inputGuards]: [Expr[], Expr[]] = [[], []];
  const pairs = p.input.map((extent, i) => {
    const [stride, dilation, kernel] = [p.strides[i], p.dilations[i], p.kernel[i]];
    const reach = plus(o[i], p.before[i]);
    const most = Math.floor((p.output[i] - 1 + p.before[i]) / stride);
    if (!hasPhases(p, i)) {
      const far = sub(reach, times(j[i], dilation));
      const at = div(far, index(stride));
      inputGuards.push(ge(far, index(0)), eq(rem(far, index(stride)), index(0)));
      if (most >= extent) inputGuards.push(lt(at, index(extent)));
      return { at, tap: j[i] };
    }
    // With phase f = (o + before) mod stride the taps are f, f + stride, …
    const first = stride === 1 ? reach : div(reach, index(stride));
    const at = kernel <= stride ? first : sub(first, times(j[i], dilation));
    const last = (Math.ceil(kernel / stride) - 1) * dilation;
    if (last > Math.floor(p.before[i] / stride)) inputGuards.push(ge(at, index(0)));
    if (most >= extent) inputGuards.push(lt(at, index(extent)));
    const tap = stride === 1 ? j[i] : add(rem(reach, index(stride)), times(j[i], stride));
    if (kernel % stride !== 0) tapGuards.push(lt(tap, index(kernel)));
    return { at, tap };
  });
  return { at: pairs.map((q) => q.at), tap: pairs.map((q) => q.tap), tapGuards, inputGuards };
}

/** A load that gives 0 unless all conditions hold. */
export function loadWhere(t: TileTensor, at: readonly Expr[], guards: readonly Expr[]): Expr {
  if (guards.length === 0) return load(t, at);
  return guardedLoad(t, at, allOf(guards), constant(computeType(t.dtype), 0));
}

/** Phases above which one reduction with guards stands for all. */
const MAX_PHASES = 27;

/** One residue of the output positions: they are start, start + stride, …, and meet taps first, first + stride, … */
interface Phase {
  readonly start: number;
  readonly count: number;
  readonly first: number;
  readonly taps: number;
  /** Input position of output `i` and meeting `j` is shift + i - j · dilation. */
  readonly shift: number;
}

/** The phases along an axis that have output elements. */
function phasesOf(p: TransposedWindow, axis: number): Phase[] {
  const [stride, before, output] = [p.strides[axis], p.before[axis], p.output[axis]];
  return Array.from({ length: Math.min(stride, output) }, (_, start) => {
    const first = (start + before) % stride;
    const taps = Math.max(0, Math.ceil((p.kernel[axis] - first) / stride));
    return {
      start,
      count: Math.ceil((output - start) / stride),
      first,
      taps,
      shift: (start + before - first) / stride,
    };
  });
}

const combinations = <T>(lists: readonly (readonly T[])[]): T[][] =>
  lists.reduce<T[][]>((all, list) => all.flatMap((c) => list.map((x) => [...c, x])), [[]]);

interface Operands {
  readonly x: TileTensor;
  readonly w: TileTensor;
  readonly lead: number;
  readonly sumType: ComputeType;
  readonly finish: (total: Expr, ix: readonly Expr[]) => Expr;
}

/** Every phase as a convolution of its own without guards on taps, stored at its positions of `out`. */
function convolvePhases(c: LowerContext, p: TransposedWindow, out: TileTensor, o: Operands): void {
  const { x, w, lead, sumType, finish } = o;
  const channels = x.shape[lead + 1];
  const shape = out.shape.slice(0, lead + 2);
  for (const phase of combinations(p.input.map((_, i) => phasesOf(p, i)))) {
    const elems = (ix: readonly Expr[], [r, ...j]: readonly Expr[]): Expr => {
      const [g, spatial] = [ix.slice(1, lead + 1), ix.slice(lead + 2)];
      const at = phase.map((f, i) => sub(plus(spatial[i], f.shift), times(j[i], p.dilations[i])));
      const guards = phase.flatMap((f, i) => {
        const lowest = f.shift - (f.taps - 1) * p.dilations[i];
        return [
          ...(lowest < 0 ? [ge(at[i], index(0))] : []),
          ...(f.shift + f.count > p.input[i] ? [lt(at[i], index(p.input[i]))] : []),
        ];
      });
      const tap = phase.map((f, i) => plus(times(j[i], p.strides[i]), f.first));
      return mul(loadWhere(x, [ix[0], ...g, r, ...at], guards), load(w, [...g, r, ix[lead + 1], ...tap]));
    };
    const place = (ix: readonly Expr[]): Expr[] => [
      ...ix.slice(0, lead + 2),
      ...phase.map((f, i) => plus(times(ix[lead + 2 + i], p.strides[i]), f.start)),
    ];
    const extents = [...shape, ...phase.map((f) => f.count)];
    const folds = [channels, ...phase.map((f) => f.taps)];
    c.b.reduceInto(out, extents, folds, sum(sumType), elems, ([total], ix) => finish(total, ix), place);
  }
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
  const ending = (total: Expr, ix: readonly Expr[]): Expr =>
    finish(total, flatIndex(ix.slice(1, lead + 2), [...groups, perGroup]));
  const shape = [n, ...groups, perGroup, ...p.output];
  const phased = p.input.every((_, i) => hasPhases(p, i)) && p.strides.reduce((a, b) => a * b, 1) <= MAX_PHASES;
  if (phased && shape.every((d) => d > 0)) {
    const out = c.b.alloc(c.outDtype(), shape);
    convolvePhases(c, p, out, { x: xs, w: ws, lead, sumType, finish: ending });
    return c.b.view(out, [n, perGroup * group, ...p.output]);
  }
  const out = c.b.reduce(
    c.outDtype(),
    shape,
    [channels / group, ...meetingTaps(p)],
    sum(sumType),
    (ix, [r, ...j]) => {
      const g = ix.slice(1, lead + 1);
      const { at, tap, tapGuards, inputGuards } = meeting(p, ix.slice(lead + 2), j);
      const value = loadWhere(xs, [ix[0], ...g, r, ...at], inputGuards);
      return mul(value, loadWhere(ws, [...g, r, ix[lead + 1], ...tap], tapGuards));
    },
    ([total], ix) => ending(total, ix),
  );
  return c.b.view(out, [n, perGroup * group, ...p.output]);
}
