// Kernels timed on the device that they are for. In: calls of kernels, and what loads artifacts here. Out: milliseconds of
// so many turns of some of them. All are one program, so that a compiler starts once and takes them side by side.
import { and, cast, constant, index, mul } from '../3-tile/expr.ts';
import { loopFrom, type RunTask, store } from '../3-tile/statements.ts';
import type { Kernel, Task } from '../3-tile/task.ts';
import { newTensor, type TileTensor } from '../3-tile/tensor.ts';
import { planMemory } from '../4-schedule/memory.ts';
import { makeArtifact } from '../6-runtime/artifact.ts';
import type { Machine } from '../compile.ts';
import { type TensorData, tensorOf } from '../ir/tensor.ts';
import type { Launch } from './backend.ts';

export type Work = readonly RunTask[];

/** Small numbers: memory that nothing wrote reads faster, and exponentials of large ones are slow, as denormal numbers. */
function filler(bytes: number): Kernel {
  const all = newTensor('all', 'f32', [bytes >> 2], 'temp');
  const fill = loopFrom(0, bytes >> 2, (i) => [
    store(all, [i], mul(cast('f32', and(i, index(1023))), constant('f32', 2 ** -15))),
  ]);
  return { id: 0, name: 'fill', params: [all], body: [fill] };
}

/** Milliseconds that this process has run, without those of others on the machine; where a host does not say, all. */
function now(): number {
  const used = globalThis.process?.cpuUsage?.();
  return used ? (used.user + used.system) / 1000 : performance.now();
}

/** Loads works, each in a loop; they share memory but for `held`, of which `fed` are fed. Throws as `launch`. */
export async function loadTimer(
  { target, features }: Machine,
  launch: Launch,
  works: readonly Work[],
  fed: readonly TileTensor[] = [],
  held: readonly TileTensor[] = fed,
) {
  const counter = newTensor('counter', 'i64', [], 'temp');
  const trips = [...works, null].map(() => newTensor('trip', 'i64', [], 'input'));
  const loop = (tasks: Work, i: number): Task => ({ kind: 'loop', trip: trips[i], cond: null, counter, tasks });
  const kept = [...held, ...trips];
  const { plan } = planMemory(works.map(loop), kept, kept);
  const kernel = filler(plan.arenaBytes);
  const places = new Map(plan.places).set(kernel.params[0], { space: 'arena', offset: 0, bytes: plan.arenaBytes });
  const program = {
    kernels: [...works.flatMap((w) => w.map((t) => t.kernel)), kernel],
    // What fills all memory overwrites trip counts: it comes last.
    lanes: [[...works, [{ kind: 'run' as const, kernel, args: kernel.params }]].map(loop)],
    plan: { ...plan, places },
    inputs: [...fed, ...trips],
    ...{ outputs: [], constants: [], checks: [] },
  };
  const loaded = await launch(makeArtifact(program, await target.emit(program, { features })));
  const time = (work: number, turns: number, feeds: readonly TensorData[] = []): number => {
    const given = trips.map((_, i) => tensorOf('i64', [], [BigInt(i === work ? turns : 0)]));
    const started = now();
    loaded.run([...feeds, ...given]);
    return now() - started;
  };
  return { time, fill: () => time(works.length, 1), dispose: () => loaded.dispose() };
}
