// Which sizes of a tile the hardware serves without waste: the four alignment rules of Roller (OSDI 2022, §3). In:
// extents and figures of a device. Out: sizes that keep the rules, and padding. Construction takes only such sizes.
import { type Device, lanesOf, type MemoryLevel } from '../../devices/device.ts';

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
export const lcm = (a: number, b: number): number => (a / gcd(a, b)) * b;
export const roundUp = (n: number, unit: number): number => Math.ceil(n / unit) * unit;

/** Execution units: the lanes of a workgroup step together in every partition of a unit. */
export const laneUnit = (device: Device): number => lanesOf(device, 'f32') * device.workgroups!.partitions;

/** Memory transactions: elements that fill whole ones of each of these levels. */
export const transactionUnit = (levels: readonly MemoryLevel[], bytes: number): number =>
  levels.reduce((n, l) => lcm(n, Math.max(1, l.transaction / bytes)), 1);

/** Banks: elements after each stored row of `stored`, so that neighbours who read `read` each meet different banks. */
export function bankPadding(stored: number, read: number, banks: number, width: number): number {
  const all = banks * width;
  return (all + width * Math.ceil(read / width) - (stored % all)) % all;
}

/** Shapes: what padding to whole tiles adds is at most this part of the extent. */
export const tolerated = (extent: number, size: number, tolerance: number): boolean =>
  roundUp(extent, size) - extent <= tolerance * extent;

/** Tolerances in the order in which they are tried; the last is for operators below the size of one workgroup. */
export const TOLERANCES = [0, 0.2, 0.4, 0.6, 0.8, 1, Number.POSITIVE_INFINITY];

/** How many times its size an axis may grow at once. */
const MAX_GROWTH = 64;

/**
 * The next size after `from` in multiples of `unit`: one that divides the extent, or at least twice as much within the
 * tolerance; or the whole axis, in multiples of the tile inside. Null: there is none.
 */
export function nextSize(extent: number, from: number, unit: number, inner: number, tolerance: number): number | null {
  const whole = roundUp(extent, inner);
  const last = Math.min(whole - 1, MAX_GROWTH * Math.max(from, unit));
  for (let size = roundUp(from + 1, unit); size <= last; size += unit) {
    if (extent % size === 0 || (size >= 2 * from && tolerated(extent, size, tolerance))) return size;
  }
  return from < whole && last === whole - 1 ? whole : null;
}
