// Synthetic handwritten digits. In: a seeded random source and a digit. Out: a 28×28 grey picture.
// A digit is a set of strokes through a few control points; every drawing bends, slants, scales and
// moves them, varies the pen, and adds noise, so that no two pictures are alike.

/** Pixels per side of a picture. */
export const SIDE = 28;

export interface Picture {
  readonly digit: number;
  /** SIDE × SIDE values from 0 (paper) to 1 (ink), rows from top to bottom. */
  readonly pixels: Float32Array;
}

/** Uniform numbers in [0, 1) from a 32-bit seed: the mulberry32 generator. */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Point = readonly [x: number, y: number];
/** Control points of a curve; x to the right and y downwards, both from 0 to 1. */
type Stroke = readonly Point[];

/** Points on an ellipse around (cx, cy); angles in degrees, 0 to the right, 90 downwards. */
function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number): Point[] {
  const steps = Math.max(2, Math.ceil(Math.abs(to - from) / 30));
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)] as const;
  });
}

/** A straight stroke as more points, so that bending it looks like a hand. */
function line(from: Point, to: Point): Point[] {
  return [0, 0.5, 1].map((t) => [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t]);
}

/** The ways in which each digit is written. */
const WAYS: readonly (readonly (readonly Stroke[])[])[] = [
  [[arc(0.5, 0.5, 0.32, 0.46, -80, 280)], [arc(0.5, 0.5, 0.25, 0.46, -110, 260)]],
  [
    [line([0.5, 0.04], [0.5, 0.96])],
    [[...line([0.3, 0.25], [0.52, 0.04]), [0.52, 0.5], [0.52, 0.96]]],
    [[...line([0.3, 0.25], [0.52, 0.04]), [0.52, 0.96]], line([0.28, 0.96], [0.76, 0.96])],
  ],
  [
    [[...arc(0.48, 0.3, 0.28, 0.25, -170, 30), [0.45, 0.75], [0.2, 0.95]], line([0.2, 0.95], [0.82, 0.95])],
    [[...arc(0.48, 0.28, 0.27, 0.24, -160, 40), [0.34, 0.86], [0.2, 0.88], [0.3, 0.78], [0.5, 0.9], [0.84, 0.92]]],
  ],
  [
    [[...arc(0.46, 0.27, 0.27, 0.23, -160, 80)], [...arc(0.46, 0.73, 0.3, 0.23, -90, 160)]],
    [line([0.2, 0.06], [0.76, 0.06]), [[0.76, 0.06], [0.46, 0.42], ...arc(0.46, 0.68, 0.3, 0.26, -80, 150)]],
  ],
  [
    [
      [
        [0.56, 0.04],
        [0.38, 0.35],
        [0.16, 0.64],
      ],
      line([0.16, 0.64], [0.86, 0.64]),
      line([0.64, 0.4], [0.64, 0.96]),
    ],
    [
      [
        [0.24, 0.06],
        [0.2, 0.3],
        [0.2, 0.5],
      ],
      line([0.2, 0.5], [0.76, 0.5]),
      line([0.76, 0.06], [0.74, 0.96]),
    ],
    [line([0.64, 0.04], [0.14, 0.66]), line([0.14, 0.66], [0.86, 0.66]), line([0.64, 0.04], [0.64, 0.96])],
  ],
  [
    [line([0.78, 0.05], [0.3, 0.05]), line([0.3, 0.05], [0.25, 0.44]), arc(0.44, 0.66, 0.32, 0.28, -115, 150)],
    [line([0.26, 0.06], [0.24, 0.42]), arc(0.44, 0.66, 0.32, 0.28, -120, 140), line([0.26, 0.06], [0.76, 0.08])],
  ],
  [
    [[[0.68, 0.06], [0.36, 0.3], [0.22, 0.62], ...arc(0.48, 0.7, 0.26, 0.25, 180, -180)]],
    [[[0.6, 0.04], [0.3, 0.4], ...arc(0.48, 0.7, 0.24, 0.25, 200, -140)]],
  ],
  [
    [
      line([0.18, 0.06], [0.82, 0.06]),
      [
        [0.82, 0.06],
        [0.56, 0.5],
        [0.42, 0.96],
      ],
    ],
    [
      line([0.18, 0.08], [0.8, 0.06]),
      [
        [0.8, 0.06],
        [0.55, 0.5],
        [0.4, 0.96],
      ],
      line([0.36, 0.52], [0.74, 0.48]),
    ],
    [line([0.18, 0.2], [0.2, 0.06]), line([0.2, 0.06], [0.82, 0.06]), line([0.82, 0.06], [0.44, 0.96])],
  ],
  [
    [arc(0.5, 0.28, 0.23, 0.22, 90, 450), arc(0.5, 0.73, 0.29, 0.23, -90, 270)],
    [[...arc(0.5, 0.27, 0.23, 0.22, -30, -270), ...arc(0.5, 0.73, 0.28, 0.24, -90, 210), [0.7, 0.2]]],
  ],
  [
    [
      arc(0.48, 0.3, 0.27, 0.25, -20, 340),
      [
        [0.75, 0.25],
        [0.74, 0.6],
        [0.66, 0.96],
      ],
    ],
    [[...arc(0.48, 0.3, 0.26, 0.25, -20, 330), [0.74, 0.4], ...arc(0.46, 0.72, 0.27, 0.24, 10, 120)]],
  ],
];

/** Uniform in [-spread, spread]. */
const around = (random: Random, spread: number): number => (random() * 2 - 1) * spread;

/** A random map from the unit square of a stroke to pixel coordinates. */
function handwriting(random: Random): (p: Point) => Point {
  const turn = around(random, 0.2);
  const slant = around(random, 0.3);
  const [width, height] = [12 + random() * 7, 17 + random() * 6];
  const [dx, dy] = [around(random, 2), around(random, 2)];
  const bends = [0, 1].map(() => ({
    size: random() * 0.05,
    frequency: 2 + random() * 5,
    phase: random() * 2 * Math.PI,
  }));
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  return ([px, py]) => {
    const x0 = px - 0.5 + bends[0].size * Math.sin(bends[0].frequency * py + bends[0].phase);
    const y0 = py - 0.5 + bends[1].size * Math.sin(bends[1].frequency * px + bends[1].phase);
    const x = (x0 - slant * y0) * width;
    const y = y0 * height;
    return [SIDE / 2 + cos * x - sin * y + dx, SIDE / 2 + sin * x + cos * y + dy];
  };
}

/** A smooth curve through the points (Catmull-Rom), four pieces between two of them. */
function smooth(points: readonly Point[]): Point[] {
  const curve: Point[] = [points[0]];
  for (let i = 0; i + 1 < points.length; i++) {
    const [a, b, c, d] = [-1, 0, 1, 2].map((k) => points[Math.min(Math.max(i + k, 0), points.length - 1)]);
    for (let step = 1; step <= 4; step++) {
      const t = step / 4;
      const at = (k: 0 | 1): number => {
        const cubic = (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t * t * t;
        const square = (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t * t;
        return (2 * b[k] + (c[k] - a[k]) * t + square + cubic) / 2;
      };
      curve.push([at(0), at(1)]);
    }
  }
  return curve;
}

/** Raises each pixel near the segment to the ink that a round pen of this radius leaves there. */
function ink(pixels: Float32Array, [ax, ay]: Point, [bx, by]: Point, radius: number): void {
  const reach = radius + 1;
  const length2 = (bx - ax) ** 2 + (by - ay) ** 2 || 1;
  const first = (a: number, b: number): number => Math.max(0, Math.floor(Math.min(a, b) - reach));
  const last = (a: number, b: number): number => Math.min(SIDE - 1, Math.ceil(Math.max(a, b) + reach));
  for (let y = first(ay, by); y <= last(ay, by); y++) {
    for (let x = first(ax, bx); x <= last(ax, bx); x++) {
      const along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length2;
      const t = Math.min(Math.max(along, 0), 1);
      const distance = Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay));
      const value = Math.min(Math.max(radius + 0.5 - distance, 0), 1);
      if (value > pixels[y * SIDE + x]) pixels[y * SIDE + x] = value;
    }
  }
}

/** Draws the digit once. */
export function drawDigit(digit: number, random: Random): Picture {
  const pixels = new Float32Array(SIDE * SIDE);
  const way = WAYS[digit][Math.floor(random() * WAYS[digit].length)];
  const toPixels = handwriting(random);
  const pen = 0.7 + random() * 1.1;
  const jitter = random() * 0.035;
  for (const stroke of way) {
    const shaken = stroke.map(([x, y]): Point => [x + around(random, jitter), y + around(random, jitter)]);
    const curve = smooth(shaken.map(toPixels));
    for (let i = 0; i + 1 < curve.length; i++) {
      ink(pixels, curve[i], curve[i + 1], pen * (0.9 + 0.2 * random()));
    }
  }
  const contrast = 0.75 + random() * 0.25;
  const noise = random() * 0.12;
  for (let i = 0; i < pixels.length; i++) {
    pixels[i] = Math.min(Math.max(pixels[i] * contrast + around(random, noise), 0), 1);
  }
  return { digit, pixels };
}

/** `count` pictures, the digits in turn. */
export function drawDigits(count: number, random: Random): Picture[] {
  return Array.from({ length: count }, (_, i) => drawDigit(i % 10, random));
}
