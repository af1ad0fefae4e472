// Why a kernel is what it is, for people and `tilewright explain`. In: a tile graph, the register tiles chosen for its
// operators, and what the welder says of other ways and the graph after it. Out: plain data: members, what stays inside
// and at which level of memory, traffic and estimated cycles beside those of the same operators apart.
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { TileOp } from '../../3-tile/tile-op.ts';
import { rankedTiles } from '../../4-schedule/roller/choose.ts';
import type { Around } from '../../4-schedule/roller/pack.ts';
import type { Made, Tiled } from '../../4-schedule/schedule.ts';
import { isFill, single, type TileGraph } from '../../4-schedule/welder/graph.ts';
import type { Nodes } from '../../4-schedule/welder/nodes.ts';
import { planCost, sketch } from '../../4-schedule/welder/plan-cost.ts';
import type { Joint } from '../../4-schedule/welder/weld.ts';
import { type Measured, takenOf } from '../../backends/measure.ts';
import type { Device } from '../../devices/device.ts';
import { dtypeInfo } from '../../ir/dtype.ts';
import { elementCount } from '../../ir/tensor.ts';
import { wayText } from '../text/way.ts';
import { farBytes } from './bytes.ts';

export type KernelWhy = ReturnType<typeof whyOf>;
export type Candidate = KernelWhy['tiles'][number]['candidates'][number];

/** Loops over tiles, outer first: extent and step. */
function loopsOf(nodes: Nodes<unknown>): { extent: number; step: number }[] {
  return nodes.flatMap((n) => (n.kind === 'loop' ? [{ extent: n.extent, step: n.step }, ...loopsOf(n.body)] : []));
}

/** Members but for fills of a border whose inside another member stores. */
function membersOf({ members, scratch }: TileGraph) {
  const stored = (op: TileOp): TileTensor => owner(op.write);
  const shown = members.filter(({ op }) => {
    return !isFill(op) || !members.some((m) => !isFill(m.op) && stored(m.op) === stored(op));
  });
  const kept = [...scratch.keys()];
  return shown.map(({ op, tiles, slide }) => ({
    name: op.name,
    tiles,
    /** Rows, along a dimension, that its tiles begin with as the tile before has made them, and those that they make. */
    slide: slide && { dim: slide.dim, kept: slide.kept, step: slide.step },
    writes: `${op.write.dtype}[${stored(op).shape}]`,
    /** Which of the tensors that stay inside it stores; -1: none of them. */
    inside: kept.indexOf(stored(op)),
  }));
}

/** How many tiles a member has, of what, and what each keeps of the one before. */
export const tilesText = ({ tiles, slide }: KernelWhy['members'][number], of = ''): string => {
  const kept = slide && `each keeping ${slide.kept} of ${slide.kept + slide.step} along dimension ${slide.dim}`;
  return `${tiles} tile${tiles === 1 ? '' : 's'}${of && ` of ${of}`}${kept ? `, ${kept}` : ''}`;
};

function shapeOf({ op, tile }: Tiled) {
  const { lanes, vector, extents, order } = tile;
  const axes = [...order, ...(op.reduce?.axes ?? [])];
  return {
    loops: axes.map((a) => ({ axis: a.name, extent: a.extent, step: extents.get(a) ?? 1 })),
    lanes: vector ? { axis: vector.name, count: lanes } : null,
  };
}

/** Candidates that are told where none is measured. */
const SHOWN = 3;

/** A tile, and those that rank first: predicted cycles of the operator's loops, measured milliseconds of its kernel. */
function tileOf({ op, tile }: Tiled, device: Device, around: Around, timesOf?: Measured['timesOf']) {
  const ms = timesOf?.(op, around);
  const candidates = rankedTiles(op, device, around).slice(0, ms?.length ?? SHOWN);
  const taken = takenOf(ms);
  return {
    member: op.name,
    ...shapeOf({ op, tile }),
    candidates: candidates.map((c, i) => {
      return { ...shapeOf({ op, tile: c.tile }), cycles: c.cost, ms: ms?.[i] ?? null, taken: i === taken };
    }),
  };
}

export type JoinTried = ReturnType<Measured['waysOf']>;
/** Ways to join these operators that were tried; without measuring those that rank first. */
export const joinTried = (joint: Joint, measured?: Measured): JoinTried =>
  measured?.waysOf(joint) ?? { ways: joint.ways.slice(0, SHOWN), ms: undefined, taken: joint.ways[0] };

/** Predicted cycles and measured milliseconds of ways to join operators, one of which made this kernel. */
const joinOf = ({ ways, ms, taken }: JoinTried) =>
  ways.map((w, i) => ({ way: wayText(w), cycles: w.cost, ms: ms?.[i] ?? null, taken: w === taken }));

/** What a graph is, moves and is expected to take; bytes and cycles of all its tiles. `tried`: where it was joined. */
export function whyOf(made: Made, device: Device, timesOf?: Measured['timesOf'], tried?: JoinTried) {
  const { graph, tiled, around, withNext } = made;
  const ops = graph.members.map((m) => m.op);
  const sketches = ops.map(sketch);
  const inside = [...graph.scratch].map(([t, place]) => ({
    tensor: t.name,
    shape: place.map((s) => s.size),
    bytes: elementCount(place.map((s) => s.size)) * dtypeInfo(t.dtype).bytes,
  }));
  const near = inside.reduce((n, t) => n + t.bytes, 0);
  const level = device.levels.find((l) => l.bytes >= near) ?? device.levels.at(-1)!;
  const cache = device.levels.at(-2)?.bytes ?? 0;
  const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
  return {
    members: membersOf(graph),
    loops: loopsOf(graph.nodes),
    inside,
    level: inside.length > 0 ? level.name : null,
    tiles: tiled.map((t) => tileOf(t, device, around, timesOf)),
    bytes: { together: farBytes(graph, cache), apart: sum(graph.ops.map((op) => farBytes(single(op), cache))) },
    cycles: {
      together: planCost(sketches, graph, device),
      apart: sum(graph.ops.map((op) => planCost([sketch(op)], single(op), device))),
    },
    joins: tried ? joinOf(tried) : [],
    next: withNext ?? null,
  };
}
