// Plans for machines of workgroups that no target compiles for yet: what `explain --device` prints. In: the tile program
// of a segment and a description. Out: operators joined in registers, each with its rTiles, best first, as plain data;
// and that as text.
import type { TileOp, TileProgram } from '../../3-tile/tile-op.ts';
import { layOut } from '../../4-schedule/layout.ts';
import { Binding, canonicalNest, Pool } from '../../4-schedule/nest.ts';
import { prepare } from '../../4-schedule/prepare.ts';
import { type RTile, rollTiles } from '../../4-schedule/roller/grow.ts';
import { fuse } from '../../4-schedule/welder/fuse.ts';
import { walkSteps } from '../../4-schedule/welder/region.ts';
import type { Device } from '../../devices/device.ts';
import { elementCount } from '../../ir/tensor.ts';
import { lowering } from '../../lowering.ts';

export interface PlannedKernel {
  readonly kernel: string;
  readonly calls: number;
  readonly writes: string;
  readonly axes: readonly { name: string; extent: number }[];
  /** What the levels of a tile are called: registers, then memory. */
  readonly levels: readonly string[];
  /** Best first; none where no size keeps all rules within the capacities. */
  readonly tiles: readonly RTile[];
}

/** The operators of a program, each kind of work once, with its rTiles. Routines are left out: data decides them. */
export function planned(program: TileProgram, device: Device): readonly PlannedKernel[] {
  const { steps } = fuse(layOut(program), (joined) => joined);
  const pool = new Pool();
  const kernels = new Map<string, PlannedKernel>();
  const levels = ['registers', ...device.levels.slice(0, -1).map((l) => l.name)];
  const isWork = (op: TileOp): boolean => op.axes.every((a) => a.extent > 0) && elementCount(op.write.shape) > 0;
  for (const step of walkSteps(steps)) {
    if (step.kind !== 'op' || !isWork(step)) continue;
    const binding = new Binding(pool);
    const { op, key } = canonicalNest(step, pool, binding);
    const id = `${binding.key()} ${key}`;
    const before = kernels.get(id);
    kernels.set(id, {
      kernel: step.name,
      writes: `${step.write.dtype}[${step.write.shape}]`,
      axes: [...op.axes, ...(op.reduce?.axes ?? [])].map(({ name, extent }) => ({ name, extent })),
      levels,
      tiles: before?.tiles ?? rollTiles(prepare(op, device, lowering), device),
      calls: (before?.calls ?? 0) + 1,
    });
  }
  return [...kernels.values()];
}

const micros = (ns: number): string => `${(ns / 1000).toFixed(1)} us`;

/** `count`: rTiles per kernel. */
export function plannedText(kernels: readonly PlannedKernel[], count = 3): string {
  const lines = kernels.flatMap(({ kernel, calls, writes, axes, levels, tiles }, k) => {
    const extents = axes.map(({ name, extent }) => `${name} ${extent}`).join(', ');
    const head = `${String(calls).padStart(5)} x k${k} ${kernel} -> ${writes}  ${extents || 'one point'}`;
    const none = tiles.length === 0 ? ['          no tile keeps all rules'] : [];
    return [head, ...none, ...tiles.slice(0, count).flatMap((t) => tileLines(t, levels))];
  });
  const total = kernels.reduce((n, { calls, tiles: [first] }) => n + (first ? calls * first.ns : 0), 0);
  const calls = kernels.reduce((n, k) => n + k.calls, 0);
  return [...lines, `${kernels.length} kernels, ${calls} calls, ${micros(total)} predicted, none measured`].join('\n');
}

function tileLines(t: RTile, levels: readonly string[]): string[] {
  const tiles = t.levels.map((sizes, i) => `${levels[i]} ${sizes.join('x') || '1'}`).join(', ');
  const split = t.split > 1 ? `, reduction in ${t.split} parts` : '';
  const group = `${t.lanes} lanes, ${t.sharedBytes} bytes shared, ${t.laneRegisters} registers per lane`;
  const grid = `grid ${t.grid}, ${t.resident} per unit, ${t.waves.toFixed(2)} waves`;
  return [
    `          ${micros(t.ns).padStart(12)}  bound by ${t.bound.padEnd(10)}  ${tiles}${split}`,
    `${' '.repeat(26)}${group}; ${grid}`,
  ];
}
