// Random legal schedules. In: a variant's number and a backend. Out: its model, and the backend with its schedule: register
// tiles, ranked or not, covers and cuts of the welder by costs that are drawn, minimal filters, packing and joining.
// What is legal is decided here for tiles and by the compiler for all else.
import { createHash } from 'node:crypto';
import { axisExpr, resetExprs } from '../../src/3-tile/expr.ts';
import type { TileOp } from '../../src/3-tile/tile-op.ts';
import { FILTERS } from '../../src/4-schedule/gen/filters.ts';
import { linearise } from '../../src/4-schedule/linear.ts';
import { rankedTiles } from '../../src/4-schedule/roller/choose.ts';
import { extentIn, type Tile } from '../../src/4-schedule/roller/tile.ts';
import type { ScheduleOptions } from '../../src/4-schedule/schedule.ts';
import { loadsOf } from '../../src/4-schedule/welder/region.ts';
import type { Target } from '../../src/5-codegen/targets/target.ts';
import { type Backend, interpreterBackend, targetBackend } from '../../src/backends/backend.ts';
import type { TensorData } from '../../src/ir/tensor.ts';
import { silent } from '../../src/observe.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { firstDifference, runOn } from './differential.ts';
import { familyModel } from './families.ts';
import { type RandomModel, randomModel } from './random-model.ts';

export type Drawn = Pick<
  ScheduleOptions,
  'fuse' | 'winograd' | 'filter' | 'choose' | 'join' | 'pack' | 'estimate' | 'keySteps'
>;
type Next = () => number;

/** Schedules in a row that are of one model, which share what the interpreter gives. */
export const PER_MODEL = 8;

/** Points and statements that a drawn tile unrolls, at most: bounds the code. */
const MOST_POINTS = 32;
const MOST_UNROLLED = 96;

/** Whether results may be computed in any order: every one has a place of its own, and none is read. */
function isFree(op: TileOp): boolean {
  const { terms } = linearise(op.at[0]);
  const affine = [...terms.keys()].every((t) => t.op === 'axis');
  const apart = op.axes.every((a) => a.extent === 1 || terms.has(axisExpr(a)));
  return affine && apart && !loadsOf(op).some((e) => e.arg === op.write);
}

function shuffled<T>(list: readonly T[], next: Next): T[] {
  return list
    .map((x) => [next(), x] as const)
    .sort(([a], [b]) => a - b)
    .map(([, x]) => x);
}

/** A tile like the given one with other extents and another order of loops, which need not be ranked. */
function otherTile(op: TileOp, tile: Tile, next: Next): Tile {
  const extents = new Map(tile.extents);
  const size = (): number =>
    [...extents].reduce((n, [a, e]) => (a.role === 'spatial' ? (n * e) / (a === tile.vector ? tile.lanes : 1) : n), 1);
  for (const axis of shuffled(op.axes, next)) {
    if (axis === tile.turned || next() < 0.4) continue;
    const unit = axis === tile.vector ? tile.lanes : 1;
    const most = Math.min(
      Math.floor(axis.extent / unit),
      Math.floor((MOST_POINTS * extentIn(tile, axis)) / unit / size()),
    );
    if (most > 0) extents.set(axis, unit * (1 + Math.floor(next() * Math.min(most, 7))));
  }
  // Of a reduction a suffix is unrolled, in the order of its elements.
  const inner = op.reduce?.axes.at(-1);
  if (inner && tile.vector?.role !== 'reduce') {
    for (const a of op.reduce!.axes) extents.delete(a);
    extents.set(inner, 1 + Math.floor(next() * Math.min(inner.extent, 5, MOST_UNROLLED / size())));
  }
  return { ...tile, extents, order: shuffled(tile.order, next) };
}

/** Numbered schedules; `filters` as for `drawnSchedule`. */
export type Schedules = (seed: number, filters: boolean) => Drawn;

/** What the scheduler is told instead of deciding by cost. `filters`: also where a window is too small for them to pay. */
export const drawnSchedule: Schedules = (seed, filters) => {
  const next = mulberry32(seed);
  const weight = 2 * next();
  return {
    fuse: next() < 0.9,
    winograd: next() < 0.7,
    pack: next() < 0.7,
    ...(filters && { filter: () => (next() < 0.2 ? null : FILTERS[Math.floor(next() * FILTERS.length)]) }),
    choose: (op, device, origins) => {
      const ranked = rankedTiles(op, device, origins);
      const { tile } = ranked[Math.floor(next() * ranked.length)];
      return next() < 0.5 && !tile.matrix && isFree(op) ? otherTile(op, tile, next) : tile;
    },
    join: ({ ways }) => ways[Math.floor(next() * ways.length)],
    // Independent of what is estimated, so that any legal cover and any cut may be the cheapest; the weight says how
    // much a schedule likes long runs.
    estimate: (run) => next() * run.length ** weight,
    keySteps: (keys) => [2, 3, 4, 8].filter((n) => n < keys),
  };
};

/** Filters round, so only the families take them anywhere: values of random models may have to be exact. */
const isFamily = (model: number): boolean => model % 2 === 0;

/** The model of this number: half are of the families, half of any operators. */
export const scheduledModel = (model: number, size: number): RandomModel =>
  isFamily(model) ? familyModel(model / 2) : randomModel(model, size);

/** The backend, and the code that it has made so far. */
function recorded({ machine, launch, observer }: Backend, drawn: Drawn = {}): { backend: Backend; code: () => string } {
  const hash = createHash('sha256');
  const emit: Target['emit'] = async (program, options) => {
    const code = await machine!.target.emit(program, options);
    hash.update(code.bytes);
    return code;
  };
  const target = { ...machine!.target, emit };
  return {
    backend: targetBackend({ ...machine!, ...drawn, target }, observer, launch!),
    code: () => hash.digest('hex'),
  };
}

export interface Variant {
  readonly seed: number;
  /** What is wrong; null: nothing. */
  readonly difference: string | null;
  /** Whether its code is not that of the schedule that costs decide. */
  readonly other: boolean;
}

/** Schedules of these seeds for one model on a backend, each beside the interpreter of the unscheduled program. */
export async function compared(
  model: number,
  seeds: readonly number[],
  backend: Backend,
  size: number,
  schedules = drawnSchedule,
): Promise<Variant[]> {
  const m = scheduledModel(model, size);
  const run = async (b: Backend): Promise<TensorData[] | string> =>
    runOn(m, b).catch((error) => `crash: ${error instanceof Error ? error.message : String(error)}`);
  const want = await run(interpreterBackend(silent));
  const usual = recorded(backend);
  await run(usual.backend);
  const usualCode = usual.code();
  const variants: Variant[] = [];
  for (const seed of seeds) {
    const own = recorded(backend, schedules(seed, isFamily(model)));
    const got = await run(own.backend);
    const crash = [want, got].find((r) => typeof r === 'string');
    const difference = crash ?? firstDifference(got as TensorData[], want as TensorData[], m.exact);
    variants.push({ seed, difference, other: own.code() !== usualCode });
  }
  resetExprs();
  return variants;
}
