// Control flow of a tile program as tasks. In: loop and branch steps. Out: loop and branch tasks
// whose carried values are moved by copies, in an order that gives the same result as moving all at
// once; cycles and overlaps go through temporaries.
import { axisExpr, load, newAxis } from '../../3-tile/expr.ts';
import { newTensor, owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { LoopStep, TileOp } from '../../3-tile/tile-op.ts';
import { elementCount } from '../../ir/tensor.ts';

export type Move = Readonly<{ from: TileTensor; to: TileTensor }>;

const flatView = (t: TileTensor, n: number): TileTensor =>
  t.shape.length === 1 ? t : newTensor(t.name, t.dtype, [n], 'temp', { base: t });

/** An operator that copies all elements. */
export function copyOp(from: TileTensor, to: TileTensor): TileOp {
  const n = elementCount(to.shape);
  const axis = newAxis('i', n);
  const at = [axisExpr(axis)];
  return {
    kind: 'op',
    name: 'copy',
    axes: [axis],
    reduce: null,
    write: flatView(to, n),
    at,
    value: load(flatView(from, n), at),
  };
}

/** Copies that together move every `from` to its `to` as if at once. */
export function parallelCopies(moves: readonly Move[]): TileOp[] {
  let pending = moves.filter((m) => owner(m.from) !== owner(m.to) && elementCount(m.to.shape) > 0);
  const out: TileOp[] = [];
  while (pending.length > 0) {
    const needed = new Set(pending.map((m) => owner(m.from)));
    const ready = pending.filter((m) => !needed.has(owner(m.to)));
    if (ready.length > 0) {
      out.push(...ready.map((m) => copyOp(m.from, m.to)));
      pending = pending.filter((m) => !ready.includes(m));
      continue;
    }
    const blocked = owner(pending[0].to);
    const saved = newTensor('carried', blocked.dtype, blocked.shape, 'temp');
    out.push(copyOp(blocked, saved));
    pending = pending.map((m) => (owner(m.from) === blocked ? { from: saved, to: m.to } : m));
  }
  return out;
}

/** The moves before a loop and after each of its iterations. */
export function loopMoves(step: LoopStep): { before: Move[]; after: Move[] } {
  const pairs = [...step.carried, ...(step.cond ? [step.cond] : [])];
  return {
    before: pairs.map((p) => ({ from: p.init, to: p.state })),
    after: pairs.map((p) => ({ from: p.next, to: p.state })),
  };
}
