// Work timed on the device that it is for. In: kernels and their calls, where their tensors lie, and what loads artifacts
// here. Out: milliseconds of so many turns of one of them. All are one program, so that a compiler is started once.
import { constant, eq, index, load, select } from '../3-tile/expr.ts';
import { loopFrom, store } from '../3-tile/statements.ts';
import type { Kernel, Placement, Task } from '../3-tile/task.ts';
import { newTensor, type TileTensor } from '../3-tile/tensor.ts';
import { makeArtifact } from '../6-runtime/artifact.ts';
import type { Machine } from '../compile.ts';
import { type TensorData, tensorOf } from '../ir/tensor.ts';
import type { Launch } from './backend.ts';

export type Work = Readonly<{ kernels: readonly Kernel[]; tasks: readonly Task[] }>;
type Places = readonly (readonly [TileTensor, Placement])[];
/** Where the tensors of all works lie, below `bytes`; `inputs` are fed for every run. */
export type Memory = Readonly<{ places: Places; bytes: number; inputs: readonly TileTensor[] }>;

/** Compiles and loads the works, each in a loop of its own; its owner disposes of it. Throws as `launch` does. */
export async function loadTimer(machine: Machine, launch: Launch, works: readonly Work[], memory: Memory) {
  const which = newTensor('which', 'i32', [1], 'input');
  const turns = newTensor('turns', 'i64', [1], 'input');
  const counter = newTensor('counter', 'i64', [], 'temp');
  const trips = newTensor('trips', 'i64', [works.length], 'temp');
  const place = (bytes: number, offset: number): Placement => ({ space: 'arena', offset: memory.bytes + offset, bytes });
  const own = [counter, which, turns].map((t, i) => [t, place(8, 64 * i)] as const);
  /** Loops take scalars: the elements of `trips`. */
  const each = works.map((_, i) => [newTensor('trip', 'i64', [], 'temp'), place(8, 192 + 8 * i)] as const);
  const places = new Map([...memory.places, ...own, ...each, [trips, place(8 * works.length, 192)]]);
  const turnsOf = loopFrom(0, works.length, (i) => [
    store(trips, [i], select(eq(i, load(which, [index(0)])), load(turns, [index(0)]), constant('i64', 0))),
  ]);
  const args = [which, turns, trips];
  const start: Kernel = { id: 0, name: 'start', params: args, body: [turnsOf] };
  const loops = works.map(({ tasks }, i): Task => ({ kind: 'loop', trip: each[i][0], cond: null, counter, tasks }));
  const program = {
    kernels: [start, ...works.flatMap((w) => w.kernels)],
    lanes: [[{ kind: 'run' as const, kernel: start, args }, ...loops]],
    plan: { constantBytes: 0, arenaBytes: memory.bytes + 192 + 8 * works.length, places },
    inputs: [which, turns, ...memory.inputs],
    ...{ outputs: [], constants: [], checks: [] },
  };
  const code = await machine.target.emit(program, { features: machine.features });
  const loaded = await launch(makeArtifact(program, code));
  return {
    /** Milliseconds of so many turns of the work at this position. */
    time(work: number, n: number, feeds: readonly TensorData[] = []): number {
      const started = performance.now();
      loaded.run([tensorOf('i32', [1], [work]), tensorOf('i64', [1], [BigInt(n)]), ...feeds]);
      return performance.now() - started;
    },
    dispose: () => loaded.dispose(),
  };
}
