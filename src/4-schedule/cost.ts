// The one cost model. In: what a step of work issues, and how often. Out: estimated cycles. Roller, welder and rammer
// rank with these functions; constants come from the device, never from a table of a paper.
import { type Device, lanesOf } from '../devices/device.ts';

/** Bytes of a page: where prefetching stops; rows this far apart also meet in few sets of a cache. */
export const PAGE = 4096;

/** How many of so many rows, a stride of bytes apart, meet in one set of a cache whose ways are pages. */
export function meetingRows(stride: number, rows: number): number {
  let sets = 1;
  while (sets < rows && (stride * sets) % PAGE !== 0) sets *= 2;
  return rows / Math.min(sets, rows);
}

/** Instructions of one step of an inner loop. */
export interface StepWork {
  readonly arithmetic: number;
  readonly loads: number;
  readonly stores: number;
  /** Scalar instructions for indices and loop control. */
  readonly overhead: number;
  /** Operations in the longest chain from one step to the next. */
  readonly chain: number;
}

/** Instructions that start per cycle, whatever their kind. */
const ISSUE_WIDTH = 4;

/** What each instruction beyond the bottleneck costs: ties go to fewer instructions. */
const PRESSURE = 0.02;

/** Instructions that a processor looks ahead over. */
export const WINDOW = 256;

/** A chain takes longer than its latency: operands arrive unevenly. */
const WAIT = 1.15;

/** Cycles per step when steps follow one another without a stall from memory. */
export function stepCycles(work: StepWork, device: Device): number {
  const { arithmetic, loads, stores, overhead, chain } = work;
  const all = arithmetic + loads + stores + overhead;
  const bottleneck = Math.max(
    arithmetic / device.arithmeticPorts,
    loads / device.loadPorts,
    stores,
    all / ISSUE_WIDTH,
    chain * device.latency * WAIT,
  );
  return bottleneck + PRESSURE * all;
}

/** Cycles to move bytes through the level that first holds `footprint` bytes. */
export function trafficCycles(bytes: number, footprint: number, device: Device): number {
  const level = device.levels.find((l) => footprint <= l.bytes) ?? device.levels[device.levels.length - 1];
  return (bytes / level.bandwidth) * device.clock;
}

/** How much of the shorter of computing and moving is not hidden behind the other. */
const EXPOSED = 0.2;
export const overlapped = (computing: number, moving: number, exposed = EXPOSED): number =>
  Math.max(computing, moving) + exposed * Math.min(computing, moving);

/** Instructions of single lanes that a unit finishes per nanosecond: those of f32, at the described peak. */
export const laneRate = ({ peaks }: Device): number =>
  peaks.find((p) => p.dtype === 'f32' && p.form === 'fma')!.rate / 2;

/**
 * Instructions of all lanes of a workgroup, how many of its unit wait for none of the others, and bytes from each level
 * in whole transactions. Barriers keep a workgroup from overlapping with itself; the others that are resident go on.
 */
type GroupWork = Readonly<{ instructions: number; independent: number; bytes: readonly number[]; resident: number }>;
/** Nanoseconds of a kernel of equal workgroups, which units run one after the other, and what takes most of them. */
export function groupsTime(groups: number, work: GroupWork, device: Device): { ns: number; bound: string } {
  const busy = Math.min(1, work.independent / (device.latency * device.arithmeticPorts * lanesOf(device, 'f32')));
  const computing = work.instructions / (laneRate(device) * busy);
  const moving = device.levels.map((l, i) => work.bytes[i] / l.bandwidth);
  const most = Math.max(...moving);
  const one = overlapped(computing, most, Math.max(EXPOSED, 1 / work.resident));
  const bound = computing >= most ? 'arithmetic' : device.levels[moving.indexOf(most)].name;
  return { ns: device.launch + Math.ceil(groups / device.units) * one, bound };
}
