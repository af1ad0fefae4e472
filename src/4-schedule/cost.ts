// The one cost model. In: what a step of work issues, and how often. Out: estimated cycles. Roller, welder and rammer
// rank with these functions; constants come from the device, never from a table of a paper.
import type { Device } from '../devices/device.ts';

/** Bytes of a page: where prefetching stops; rows this far apart also meet in few sets of a cache. */
export const PAGE = 4096;

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

/** Cycles per step when steps follow one another without a stall from memory. */
export function stepCycles(work: StepWork, device: Device): number {
  const { arithmetic, loads, stores, overhead, chain } = work;
  const all = arithmetic + loads + stores + overhead;
  const bottleneck = Math.max(
    arithmetic / device.arithmeticPorts,
    loads / device.loadPorts,
    stores,
    all / ISSUE_WIDTH,
    chain * device.latency,
  );
  return bottleneck + PRESSURE * all;
}

/** Cycles to move bytes through the level that first holds `footprint` bytes. */
export function trafficCycles(bytes: number, footprint: number, device: Device): number {
  const level = device.levels.find((l) => footprint <= l.bytes) ?? device.levels[device.levels.length - 1];
  return (bytes / level.bandwidth) * device.clock;
}
