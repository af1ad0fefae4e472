// What a plan moves to and from tensors that others see as well, in bytes: the traffic that reports compare.
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { Plan } from '../../4-schedule/welder/graph.ts';
import { dtypeInfo } from '../../ir/dtype.ts';

/** Bytes that all tiles of a plan read from and write to tensors that others see as well (Welder §2). */
export function farBytes({ members, scratch }: Plan): number {
  const most = new Map<TileTensor, number>();
  for (const { op, spans, reads, tiles } of members) {
    for (const [t, part] of [...reads, [owner(op.write), [...spans.values()]] as const]) {
      if (scratch.has(t)) continue;
      const bytes = part.reduce((n, s) => n * s.size, tiles) * dtypeInfo(t.dtype).bytes;
      most.set(t, Math.max(most.get(t) ?? 0, bytes));
    }
  }
  return [...most.values()].reduce((n, b) => n + b, 0);
}
