// The stages from tiles to an artifact, in order, on one page. In: a tile program and a machine (a device, a target and
// its features). Out: an Artifact. Every stage goes through the observer.
import type { TileProgram } from './3-tile/tile-op.ts';
import { schedule } from './4-schedule/schedule.ts';
import { lowering } from './5-codegen/lower.ts';
import type { Target } from './5-codegen/targets/target.ts';
import { makeArtifact } from './6-runtime/artifact.ts';
import type { Device } from './devices/device.ts';
import { checkLimit, type ModelLimits } from './ir/limits.ts';
import type { Observer } from './observe.ts';
import { checkMeaning, runStage, SIBLINGS } from './stages.ts';

/** What is compiled for, and whether as `ScheduleOptions.winograd` says. */
export type Machine = Readonly<{ device: Device; target: Target; features: ReadonlySet<string>; winograd?: boolean }>;

/** Schedules, lowers and emits a tile program. Throws LIMIT_EXCEEDED when its arena is over the limit. */
export async function buildArtifact(program: TileProgram, machine: Machine, limits: ModelLimits, observer: Observer) {
  const { target, features, ...rest } = machine;
  const options = { ...rest, lower: lowering };
  const tasks = runStage(observer, 'schedule', SIBLINGS.schedule, () => schedule(program, options));
  if (observer.check >= 3) checkMeaning(program, tasks);
  checkLimit(limits, 'plannedBytes', tasks.plan.arenaBytes);
  const code = await target.emit(tasks, { features });
  runStage(observer, 'code', SIBLINGS.code, () => code);
  return makeArtifact(tasks, code);
}
