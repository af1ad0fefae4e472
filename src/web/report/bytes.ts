// What a plan moves to and from tensors that others see as well, in bytes: the traffic that reports compare.
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import { pointsOf } from '../../3-tile/tile-op.ts';
import type { Plan } from '../../4-schedule/welder/graph.ts';
import { accessesOf, pointsIn } from '../../4-schedule/welder/propagate.ts';
import { dtypeInfo } from '../../ir/dtype.ts';
import { bytesOf } from '../../ir/tensor.ts';

/**
 * Bytes that all tiles of a plan read from and write to tensors that others see as well (Welder §2). What a tile reads
 * again after another comes from `cache`, in bytes, where that holds all that a tile touches.
 */
export function farBytes({ members, scratch }: Plan, cache = 0): number {
  const most = new Map<TileTensor, readonly [tile: number, all: number]>();
  for (const { op, spans, reads, tiles, steps } of members) {
    const own = [...spans.values()];
    for (const [t, part] of [...reads, [owner(op.write), own] as const]) {
      // Rows that data chooses are no more than are asked for.
      const loads = accessesOf(op).filter((a) => a.target === t).length * steps * pointsOf(op.reduce?.axes ?? []);
      const elements = Math.min(pointsIn(part), pointsIn(own) * Math.max(1, loads));
      const tile = elements * dtypeInfo(t.dtype).bytes;
      const [before, all] = most.get(t) ?? [0, 0];
      most.set(t, [Math.max(before, tile), Math.max(all, tile * tiles)]);
    }
  }
  const near = [...most.values()].reduce((n, [tile]) => n + tile, 0) <= cache;
  const far = [...most].filter(([t]) => !scratch.has(t));
  return far.reduce((n, [t, [, all]]) => n + (near ? Math.min(all, bytesOf(t)) : all), 0);
}
