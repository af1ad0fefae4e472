// 3×3 convolutions with fewer multiplications (Winograd's minimal filtering). In: steps and a device. Out: the same
// steps, where a sum that slides a constant 3×3 window over data becomes a transform of overlapping tiles of the data,
// a batched product and a transform back into m×m results, if the cost model says that this is faster; of a window of
// more dimensions the last two, summed over the others as over channels. Recognised by its indices alone;
// test/schedule/winograd.test.ts bounds how much its rounding differs from that of the plain sum.
import { type Indices, TileBuilder } from '../3-tile/builder.ts';
import * as E from '../3-tile/expr.ts';
import { isUnordered, sum } from '../3-tile/monoids.ts';
import { newTensor, owner } from '../3-tile/tensor.ts';
import type { Step, TileOp } from '../3-tile/tile-op.ts';
import { type Device, lanesOf } from '../devices/device.ts';
import { bytesOf, elementCount, floats, type Places, scattered } from '../ir/tensor.ts';
import { stepCycles, trafficCycles } from './cost.ts';
import { type Chain, FILTERS, type Filter, type Matrix } from './gen/filters.ts';
import { coefficient, type Linear, linearise } from './linear.ts';
import { flatLinear } from './nest.ts';
import { transform } from './transform.ts';
import { bindAxes } from './welder/inline.ts';
import { loadsOf } from './welder/region.ts';

const { add, index, load, mul, sub } = E;
type Axis = E.Axis;
type Expr = E.Expr;

/** What `slidingOf` finds. */
type Sliding = NonNullable<ReturnType<typeof slidingOf>>;
/** Along one dimension of the data, results at `axis` read elements at axis + tap + a constant. */
type Slide = Readonly<{ dim: number; axis: Axis; tap: Axis }>;
type Bound = readonly (readonly [Axis, Expr])[];

const TAPS = 3;

/** A sum over a channel axis and two or more taps of data times constant weights; null for any other operator. */
function slidingOf(op: TileOp) {
  const { reduce } = op;
  const product = reduce?.elems[0];
  if (!reduce || product?.op !== 'mul' || product.dtype !== 'f32') return null;
  const { monoid } = reduce;
  if (!isUnordered(monoid) || monoid.combine[0].op !== 'add' || Number(monoid.init[0]) !== 0) return null;
  const isWeight = (e: Expr): boolean => e.op === 'load' && e.arg.dtype === 'f32' && owner(e.arg).data !== null;
  const [weight, data] = isWeight(product.src[0]) ? product.src : [...product.src].reverse();
  if (weight.op !== 'load' || !isWeight(weight) || !E.isLoad(data) || isWeight(data)) return null;
  const at = flatLinear(weight.arg, weight.src);
  const out = op.axes.find((a) => coefficient(at, a) !== 0);
  const taps = reduce.axes.filter((a) => a.extent > 1);
  if (!out || at.terms.size !== taps.length + 1 || taps.some((a) => coefficient(at, a) === 0)) return null;
  const forms = data.arg.shape.map((_, d) => linearise(data.src[d]));
  const terms = forms.flatMap((l) => [...l.terms.keys()]);
  if (new Set(terms).size < terms.length || terms.some((t) => t.op !== 'axis' || t.arg === out)) return null;
  const frames: Slide[] = [];
  const channels: Axis[] = [];
  for (const tap of taps) {
    const dim = forms.findIndex((l) => coefficient(l, tap) === 1);
    const axis = op.axes.find((a) => dim >= 0 && coefficient(forms[dim], a) === 1);
    if (axis && forms[dim].terms.size === 2) frames.push({ dim, axis, tap });
    else if (dim >= 0 && forms[dim].terms.size === 1) channels.push(tap);
  }
  const slides = frames.splice(-2);
  if (channels.length !== 1 || slides.length + frames.length + 1 < taps.length) return null;
  if (slides.length !== 2 || slides.some((s) => s.tap.extent !== TAPS)) return null;
  /** The other axes, and for each how many elements of the data its results are made of. */
  const images = op.axes.filter((a) => a !== out && slides.every((s) => s.axis !== a));
  const held = images.map((a) => a.extent - 1 + (frames.find((f) => f.axis === a)?.tap.extent ?? 1));
  /** What the sum is over but for the window. */
  const summed = [...frames.map((f) => f.tap), channels[0]];
  return { op, data, weights: weight.arg, at, slides, frames, summed, out, images, held };
}

/** Σ factor · value, the terms that are subtracted last. */
function combination(row: readonly number[], x: readonly Expr[]): Expr {
  const times = (c: number, v: Expr): Expr => (c === 1 ? v : mul(v, E.constant('f32', c)));
  const all = row.flatMap((c, k) => (c === 0 ? [] : [{ c, v: x[k] }])).sort((a, b) => Math.sign(b.c) - Math.sign(a.c));
  const [first, ...rest] = all;
  return rest.reduce((s, { c, v }) => (c < 0 ? sub(s, times(-c, v)) : add(s, times(c, v))), times(first.c, first.v));
}

/** Element [i, j] of x with a chain of matrices on both sides. Axes that are unrolled choose while code is made. */
function applied(chain: Chain, i: Expr, j: Expr, x: (p: number, q: number) => Expr): Expr {
  const chosen = (at: Expr, value: (p: number) => Expr): Expr => {
    const values = range(chain[0].length, value);
    const all = chain.reduce((v, matrix) => matrix.map((row) => combination(row, v)), values);
    return all.reduceRight((rest, v, k) => E.select(E.eq(at, index(k)), v, rest));
  };
  return chosen(i, (p) => chosen(j, (q) => x(p, q)));
}

const range = <T>(n: number, f: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => f(i));

/** Where all elements along some axes are, those of the last axis side by side. */
const offsets = (at: Linear, axes: readonly Axis[]): number[] =>
  axes.reduce((all, a) => all.flatMap((x) => range(a.extent, (i) => x + i * coefficient(at, a))), [0]);

/** Outputs that are transformed side by side: what they store at one position fills cache lines. */
const BLOCK = 64;

/** The windows of all channels transformed, in f64 and rounded once, to places by [position, channel, out]. */
function scatterInto(
  to: Uint8Array,
  [positions, channels, outs]: Places,
  { weights, at, slides, summed, out }: Sliding,
  g: Matrix,
): void {
  const outStep = coefficient(at, out);
  const source = floats(owner(weights).data!.bytes);
  const n = g.length;
  const result = floats(to);
  const [y, x] = slides;
  const steps = offsets(at, [y.tap, x.tap]);
  const windows = offsets(at, summed);
  const taps = new Float64Array(TAPS * TAPS * BLOCK);
  const rows = new Float64Array(TAPS * n * BLOCK);
  const inOrder = Int32Array.from({ length: BLOCK }, (_, o) => o);
  /** A block of one channel, from `from` on: its taps, then the rows of its windows, then `n * n` positions. */
  const block = (from: number, base: number, places: Int32Array): void => {
    for (let o = 0, start = from; o < places.length; o++, start += outStep) {
      for (let k = 0; k < TAPS * TAPS; k++) taps[k * BLOCK + o] = source[start + steps[k]];
    }
    for (let y = 0; y < TAPS; y++) {
      for (let q = 0; q < n; q++) combine(g[q], taps, y * TAPS * BLOCK, BLOCK, rows, (y * n + q) * BLOCK, inOrder);
    }
    for (let k = 0; k < n * n; k++) {
      combine(g[Math.floor(k / n)], rows, (k % n) * BLOCK, n * BLOCK, result, base + positions[k], places);
    }
  };
  for (let o = 0; o < out.extent; o += BLOCK) {
    const places = outs.subarray(o, o + BLOCK);
    for (const [c, start] of windows.entries()) block(at.constant + start + o * outStep, channels[c], places);
  }
}

type Floats = Float64Array | Float32Array;

/** out[to + at[i]] = Σ row[k] · x[from + k · step + i]. */
function combine(row: Matrix[0], x: Floats, from: number, step: number, out: Floats, to: number, at: Int32Array) {
  const [a, b, c] = row;
  for (let i = 0; i < at.length; i++) {
    const p = from + i;
    out[to + at[i]] = a * x[p] + b * x[p + step] + c * x[p + 2 * step];
  }
}

const scaled = (x: Expr, by: number): Expr => mul(x, index(by));
const extents = (axes: readonly Axis[]): number[] => axes.map((a) => a.extent);

/** Tiles along an axis: those that are whole, and what is left of the last one. */
const pieces = (extent: number, m: number) =>
  [
    { from: 0, tiles: Math.floor(extent / m), points: m },
    { from: Math.floor(extent / m), tiles: 1, points: extent % m },
  ].filter((p) => p.tiles * p.points > 0);

/** The three operators, the last one once for every kind of tile. */
function filtered(s: Sliding, { m, input, window, output }: Filter): readonly Step[] {
  const { op, data, slides, frames, summed, out } = s;
  const n = window.length;
  const images = extents(s.images);
  const tiles = slides.map(({ axis }) => Math.ceil(axis.extent / m));
  const channel = summed.at(-1)!;
  const b = new TileBuilder();
  b.place = { node: '', op: op.name };
  const imagesAt = (at: Indices): Bound => s.images.map((a, d) => [a, at[d]]);

  const v = b.alloc('f32', [n * n, ...s.held, ...tiles, channel.extent]);
  const element = (at: Indices, offsets: readonly number[]): Expr => {
    const firsts = slides.map(({ axis }, k) => [axis, scaled(at[images.length + k], m)] as const);
    const taps = slides.map(({ tap }, k) => [tap, index(offsets[k])] as const);
    const first = op.reduce!.axes.map((a) => [a, index(0)] as const);
    const places = new Map([...first, ...imagesAt(at), ...firsts, ...taps, [channel, at.at(-1)!]]);
    // Tiles may reach over the last result: what only such results would see is zero.
    const over = slides.filter(({ axis }) => axis.extent % m > 0);
    const inside = over.map(({ dim }) => E.lt(bindAxes(data.src[dim], places, null), index(data.arg.shape[dim])));
    return bindAxes(data, places, inside.length > 0 ? inside.reduce(E.and) : null);
  };
  b.write(
    v,
    [n, n, ...s.held, ...tiles, channel.extent],
    ([i, j, ...at]) => [add(scaled(i, n), j), ...at],
    ([i, j, ...at]) => applied(input, i, j, (p, q) => element(at, [p, q])),
  );

  const shape = [n * n, elementCount(extents(summed)), out.extent];
  const weights = scattered('f32', shape, (to, places) => scatterInto(to, places, s, window));
  const u = newTensor(s.weights.name, 'f32', shape, 'constant', { data: weights });
  const sums = b.reduce('f32', [n * n, ...images, ...tiles, out.extent], extents(summed), sum('f32'), (ix, r) => {
    const frame = (a: Axis): Expr => r[frames.findIndex((f) => f.axis === a)] ?? index(0);
    const at = [...s.images.map((a, d) => add(ix[1 + d], frame(a))), ...ix.slice(1 + images.length, -1)];
    const row = r.reduce((sum, e, k) => add(scaled(sum, summed[k].extent), e));
    return mul(load(v, [ix[0], ...at, r.at(-1)!]), load(u, [ix[0], row, ix.at(-1)!]));
  });

  const [down, across] = slides.map(({ axis }) => pieces(axis.extent, m));
  for (const [y, x] of down.flatMap((piece) => across.map((other) => [piece, other]))) {
    const over = (ix: Indices): ((e: Expr) => Expr) => {
      const [ti, i, tj, j, o] = ix.slice(images.length);
      const tile = [add(ti, index(y.from)), add(tj, index(x.from))];
      const results = slides.map(({ axis }, k) => [axis, add(scaled(tile[k], m), [i, j][k])] as const);
      const places = new Map([...imagesAt(ix), ...results, [out, o]]);
      const at = [...ix.slice(0, images.length), ...tile, o];
      const total = applied(output, i, j, (p, q) => load(sums, [index(p * n + q), ...at]));
      return (e) => transform(bindAxes(e, places, null), (node) => (node.op === 'acc' ? total : undefined));
    };
    b.write(
      op.write,
      [...images, y.tiles, y.points, x.tiles, x.points, out.extent],
      (ix) => op.at.map(over(ix)),
      (ix) => over(ix)(op.value),
    );
  }
  return b.steps;
}

/** Elements, and bytes of all that is used as often as they are. */
type Stream = readonly [elements: number, around: number];

/** Cycles of even work over streams of f32: the longer of computing and moving, and what the other does not hide. */
function cycles(arithmetic: number, accesses: number, streams: readonly Stream[], device: Device): number {
  const work = { arithmetic, loads: accesses / 2, stores: accesses / 2, overhead: 0, chain: 0 };
  const moving = streams.reduce((n, [elements, around]) => n + trafficCycles(4 * elements, around, device), 0);
  const computing = stepCycles(work, device);
  return Math.max(computing, moving) + 0.2 * Math.min(computing, moving);
}

/** Estimated cycles of the sum as it is, or of what a filter makes of it, among `constants` bytes of weights in all. */
function cost(s: Sliding, device: Device, constants: number, f?: Filter): number {
  const { slides, images, held, summed, out } = s;
  const [c, o] = extents([summed.at(-1)!, out]);
  const sums = elementCount(extents(summed)) * o;
  const lanes = lanesOf(device, 'f32');
  const m = f?.m ?? 1;
  const tiles = slides.reduce((t, { axis }) => t * Math.ceil(axis.extent / m), elementCount(extents(images)));
  const positions = (f?.window.length ?? TAPS) ** 2;
  const multiplications = (tiles * positions * sums * (device.fma === 'none' ? 2 : 1)) / lanes;
  // Weights are met again in the next run, after all others.
  const weights: Stream = [positions * sums, (constants * positions) / TAPS ** 2];
  const read = (tiles * elementCount(held)) / elementCount(extents(images));
  const data = (f ? positions : 1) * (read * c + tiles * o);
  const main = cycles(multiplications, 0, [weights, [data, 4 * data]], device);
  if (!f) return main;
  const change = (chain: Chain, tiles: number, channels: number): number => {
    const terms = chain.flat(2).filter((x) => x !== 0).length * (chain[0].length + chain[1].length);
    const elements = positions + m * m;
    const vectors = (tiles * channels) / lanes;
    const moved = tiles * channels * elements;
    return cycles(vectors * terms, vectors * elements, [[moved, 4 * moved]], device);
  };
  return change(f.input, read, c) + main + change(f.output, tiles, o);
}

/** What another way may cost of the sum's own cycles: it takes more memory and rounds more. */
const WORTH = 0.8;
/** Channels on either side from which on transforms and longer code pay. */
const MIN_CHANNELS = 16;

/** What picks a filter for a sliding sum; null: the sum stays as it is. */
export type ChooseFilter = typeof cheapest;

function cheapest(s: Sliding, device: Device, constants: number): Filter | null {
  if (Math.min(s.summed.at(-1)!.extent, s.out.extent) < MIN_CHANNELS) return null;
  const costs = FILTERS.map((f) => cost(s, device, constants, f));
  const least = Math.min(...costs);
  return least < WORTH * cost(s, device, constants) ? FILTERS[costs.indexOf(least)] : null;
}

/** The steps with sliding sums done by the filter that `choose` gives, if any. */
export function minimalFilters(
  steps: readonly Step[],
  device: Device,
  choose: ChooseFilter = cheapest,
): readonly Step[] {
  const loads = steps.flatMap((s) => (s.kind === 'op' ? loadsOf(s) : []));
  const held = new Set(loads.map((e) => owner(e.arg)).filter((t) => t.data));
  const constants = [...held].reduce((n, t) => n + bytesOf(t), 0);
  return steps.flatMap((step): readonly Step[] => {
    const s = step.kind === 'op' ? slidingOf(step) : null;
    const f = s && choose(s, device, constants);
    return f ? filtered(s, f) : [step];
  });
}
