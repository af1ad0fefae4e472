// One axis of a resize as tables: which input positions every output position reads, and with which
// weights. Coordinates are rounded to f32 at each step, as other runtimes compute them, so that
// ties fall on the same side.

const f = Math.fround;

export interface ResizeAxis {
  readonly input: number;
  readonly output: number;
  /** Output over input as the model states it; output alone may have been rounded. */
  readonly scale: number;
  /** Normalised start and end of the region of interest. */
  readonly roi: readonly [number, number];
}

export interface ResizeStyle {
  readonly mode: 'nearest' | 'linear' | 'cubic';
  readonly transform: string;
  readonly nearest: string;
  readonly antialias: boolean;
  readonly cubicA: number;
  readonly excludeOutside: boolean;
}

type Coordinate = (x: number, a: ResizeAxis) => number;

const halfPixel: Coordinate = (x, a) => f(f(f(x + 0.5) / a.scale) - 0.5);
const width = (a: ResizeAxis): number => f(a.scale * a.input);

function symmetric(x: number, a: ResizeAxis): number {
  const adjustment = f(a.output / width(a));
  const offset = f((a.input / 2) * f(1 - adjustment));
  return f(offset + halfPixel(x, a));
}

function crop(x: number, a: ResizeAxis): number {
  const [start, end] = a.roi;
  if (a.output <= 1) return f(0.5 * f(start + end) * (a.input - 1));
  const step = f(f(f(x * f(end - start)) * (a.input - 1)) / f(width(a) - 1));
  return f(f(start * (a.input - 1)) + step);
}

/** Input coordinate of output position x. */
const COORDINATES: ReadonlyMap<string, Coordinate> = new Map([
  ['half_pixel', halfPixel],
  ['half_pixel_symmetric', symmetric],
  ['pytorch_half_pixel', (x, a) => (a.output > 1 ? halfPixel(x, a) : 0)],
  ['tf_half_pixel_for_nn', (x, a) => f(f(x + 0.5) / a.scale)],
  ['align_corners', (x, a) => (width(a) === 1 ? 0 : f(f(x * (a.input - 1)) / f(width(a) - 1)))],
  ['asymmetric', (x, a) => f(x / a.scale)],
  ['tf_crop_and_resize', crop],
]);

const ROUNDINGS: ReadonlyMap<string, (x: number) => number> = new Map([
  ['round_prefer_floor', (x) => Math.ceil(x - 0.5)],
  ['round_prefer_ceil', (x) => Math.floor(x + 0.5)],
  ['floor', Math.floor],
  ['ceil', Math.ceil],
]);

export const knowsTransform = (name: string): boolean => COORDINATES.has(name);
export const knowsRounding = (name: string): boolean => ROUNDINGS.has(name);

const positions = (a: ResizeAxis, style: ResizeStyle): number[] =>
  Array.from({ length: a.output }, (_, i) => COORDINATES.get(style.transform)!(i, a));

const clamp = (i: number, extent: number): number => Math.min(Math.max(i, 0), extent - 1);

/** Input position per output position. */
export function nearestTable(a: ResizeAxis, style: ResizeStyle): number[] {
  const round = ROUNDINGS.get(style.nearest)!;
  return positions(a, style).map((x) => clamp(round(x), a.input));
}

/** Output positions whose coordinate lies outside the input; only for a cropping transform. */
export function outsideTable(a: ResizeAxis, style: ResizeStyle): boolean[] {
  const crops = style.transform === 'tf_crop_and_resize';
  return positions(a, style).map((x) => crops && (x < 0 || x > a.input - 1));
}

function cubic(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/** Support of the filter on one side, and its value at a distance. */
function filterOf(style: ResizeStyle): { reach: number; weight: (distance: number) => number } {
  if (style.mode === 'cubic') return { reach: 2, weight: (d) => cubic(d, style.cubicA) };
  return { reach: 1, weight: (d) => Math.max(1 - Math.abs(d), 0) };
}

export interface Taps {
  readonly count: number;
  /** [output, count] row-major: input positions, within the input. */
  readonly at: readonly number[];
  readonly weights: readonly number[];
}

/** First tap relative to the position left of a coordinate, and the number of taps. */
function tapRange(a: ResizeAxis, style: ResizeStyle): { first: number; count: number; shrink: number } {
  const shrink = style.antialias ? Math.min(a.scale, 1) : 1;
  const first = Math.floor(-filterOf(style).reach / shrink) + 1;
  return { first, count: 2 - 2 * first, shrink };
}

/** Entries of the tables of an axis. */
export const tableSize = (a: ResizeAxis, style: ResizeStyle): number =>
  a.output * (style.mode === 'nearest' ? 1 : tapRange(a, style).count);

/** Taps of linear and cubic interpolation; an antialias filter stretches when the axis shrinks. */
export function tapTable(a: ResizeAxis, style: ResizeStyle): Taps {
  const { weight } = filterOf(style);
  const { first, count, shrink } = tapRange(a, style);
  const at: number[] = [];
  const weights: number[] = [];
  for (const x of positions(a, style)) {
    // The position left of x, so that the ratio lies in (0, 1].
    const base = Math.ceil(x) - 1;
    const row = Array.from({ length: count }, (_, k) => {
      const i = base + first + k;
      const outside = i < 0 || i >= a.input;
      return style.excludeOutside && outside ? 0 : weight((i - x) * shrink);
    });
    const total = row.reduce((s, w) => s + w, 0);
    const normalise = (style.antialias || style.excludeOutside) && total !== 0;
    for (const [k, w] of row.entries()) {
      at.push(clamp(base + first + k, a.input));
      weights.push(normalise ? w / total : w);
    }
  }
  return { count, at, weights };
}
