// The stages from tiles to an artifact, in order, on one page. In: a tile program and a machine (a
// device, a target and its features). Out: an Artifact. Every stage goes through the observer.
import type { Target } from './5-codegen/targets/target.ts';
import { lowering } from './5-codegen/lower.ts';
import { type Artifact, makeArtifact } from './6-runtime/artifact.ts';
import { schedule } from './4-schedule/schedule.ts';
import type { TaskProgram } from './3-tile/task.ts';
import type { TileProgram } from './3-tile/tile-op.ts';
import type { Device } from './devices/device.ts';
import type { ModelLimits } from './ir/limits.ts';
import type { Observer, Stage } from './observe.ts';
import { TilewrightError } from './support/errors.ts';
import { textOf } from './texts.ts';

/** What is compiled for. */
export interface Machine {
  readonly device: Device;
  readonly target: Target;
  readonly features: ReadonlySet<string>;
}

export interface PipelineOptions {
  readonly machine: Machine;
  readonly observer: Observer;
  readonly limits: ModelLimits;
}

/** Runs one stage under the observer. */
export function runStage<T>(observer: Observer, stage: Stage, run: () => T, text: (result: T) => string): T {
  const started = performance.now();
  const result = run();
  observer.see({ stage, pass: '', ms: performance.now() - started, text: () => text(result), changed: true });
  return result;
}

/** Schedules, lowers and emits a tile program. */
export async function buildArtifact(program: TileProgram, options: PipelineOptions): Promise<Artifact> {
  const { machine, observer, limits } = options;
  const tasks = runStage(observer, 'schedule', () => schedule(program, { device: machine.device, lower: lowering }), textOf.tasks);
  checkPlan(tasks, limits);
  const code = await machine.target.emit(tasks, { features: machine.features });
  runStage(observer, 'code', () => code, textOf.code);
  return makeArtifact(tasks, code);
}

function checkPlan({ plan }: TaskProgram, limits: ModelLimits): void {
  if (plan.arenaBytes <= limits.plannedBytes) return;
  throw new TilewrightError('LIMIT_EXCEEDED',
    `the program needs ${plan.arenaBytes} bytes of intermediate memory, at most ${limits.plannedBytes} are allowed`, {},
    'Use smaller input shapes, or raise ModelLimits.plannedBytes if the model is trusted.');
}
