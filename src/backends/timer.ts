// Kernels timed on the device that they are for. In: calls of kernels, and what loads artifacts here. Out: milliseconds of
// so many turns of some of them. All are one program, so that a compiler starts once and takes them side by side.
import { and, cast, index } from '../3-tile/expr.ts';
import { loopFrom, type RunTask, store } from '../3-tile/statements.ts';
import type { Kernel, Task } from '../3-tile/task.ts';
import { newTensor, type TileTensor } from '../3-tile/tensor.ts';
import { planMemory } from '../4-schedule/memory.ts';
import { makeArtifact } from '../6-runtime/artifact.ts';
import type { Machine } from '../compile.ts';
import { type TensorData, tensorOf } from '../ir/tensor.ts';
import type { Launch } from './backend.ts';

export type Work = readonly RunTask[];

/** Numbers from 0 to 1023: memory that nothing wrote reads faster, and arithmetic on denormal numbers is slower. */
function filler(bytes: number): Kernel {
  const all = newTensor('all', 'f32', [bytes >> 2], 'temp');
  const fill = loopFrom(0, bytes >> 2, (i) => [store(all, [i], cast('f32', and(i, index(1023))))]);
  return { id: 0, name: 'fill', params: [all], body: [fill] };
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
    const started = performance.now();
    loaded.run([...feeds, ...given]);
    return performance.now() - started;
  };
  return { time, fill: () => time(works.length, 1), dispose: () => loaded.dispose() };
}
