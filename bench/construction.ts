// `npm run bench:construction`: how long it takes to construct kernels for the 119 operators of Roller's evaluation, at
// batches of 1 and 128 and without measuring any candidate: from the operator to its schedule and loop statements, and
// at batch 1 on to a program that is loaded. With --device, rTiles for a described device instead, at a batch of 128 as
// published. Writes bench/results/construction-TARGET.json, or -DEVICE.
import { Command } from 'commander';
import { resetExprs } from '../src/3-tile/expr.ts';
import { toTiles } from '../src/3-tile/from-graph.ts';
import type { TileProgram } from '../src/3-tile/tile-op.ts';
import { schedule } from '../src/4-schedule/schedule.ts';
import { makeArtifact } from '../src/6-runtime/artifact.ts';
import type { Backend } from '../src/backends/backend.ts';
import { nodeBackend } from '../src/backends/node.ts';
import { describedDevice } from '../src/cli/devices.ts';
import { modelCompiler, parseModel } from '../src/compile.ts';
import type { Device } from '../src/devices/device.ts';
import { DEFAULT_LIMITS } from '../src/ir/limits.ts';
import { emptyTensor } from '../src/ir/tensor.ts';
import { lowering } from '../src/lowering.ts';
import { planned } from '../src/web/report/rtiles.ts';
import { MACHINE, saveResult } from './machine.ts';
import { modelOf, type RollerCase, rollerCases } from './roller-cases.ts';
import { geomean, median, timed } from './statistics.ts';

// Compilers' results that are kept on disk would make loading look faster than it is.
process.env['TILEWRIGHT_CACHE'] = 'off';

/** Mean seconds per operator as published (Roller, OSDI 2022, section 5): Ansor's search, Roller without measuring. */
const PUBLISHED = { ansor: 2380, roller: 0.41 };
/** Programs of more memory are not loaded. */
const MOST_BYTES = 2 ** 29;

function tilesOf(c: RollerCase, backend: Backend): TileProgram {
  const model = parseModel(modelOf(c, c.weights && emptyTensor('f32', c.weights)));
  const types = [{ kind: 'tensor' as const, dtype: 'f32' as const, shape: c.input }];
  return toTiles(modelCompiler(model, backend, DEFAULT_LIMITS).specialise(types, []).segments[0]);
}

interface Row {
  readonly name: string;
  readonly batch: number;
  /** Ms from the operator as tiles to scheduled loop statements. */
  readonly constructMs: number;
  /** Ms from the operator as tiles to a loaded program; null where it was not loaded. */
  readonly loadMs: number | null;
}

function constructed(c: RollerCase, backend: Backend) {
  const program = tilesOf(c, backend);
  const started = performance.now();
  const tasks = schedule(program, { device: backend.machine!.device, lower: lowering });
  return { tasks, constructMs: performance.now() - started };
}

/** Ms from loop statements to a loaded program; null where its memory is too much. */
async function loading(c: RollerCase, backend: Backend): Promise<number | null> {
  const { target, features } = backend.machine!;
  const { tasks } = constructed(c, backend);
  const { arenaBytes, constantBytes } = tasks.plan;
  const load = async () =>
    (await backend.launch!(makeArtifact(tasks, await target.emit(tasks, { features })))).dispose();
  const ms = arenaBytes + constantBytes < MOST_BYTES ? await timed(load) : null;
  resetExprs();
  return ms;
}

/** All are constructed before any is loaded: a compiler in between leaves nothing in the caches. */
async function measured(backend: Backend): Promise<Row[]> {
  const cases = [1, 128].flatMap((batch) => rollerCases(batch).map((c) => ({ c, batch })));
  const times = cases.map(({ c }) => {
    const { constructMs } = constructed(c, backend);
    resetExprs();
    return constructMs;
  });
  const rows: Row[] = [];
  for (const [i, { c, batch }] of cases.entries()) {
    const rest = batch === 1 ? await loading(c, backend) : null;
    rows.push({ name: c.name, batch, constructMs: times[i], loadMs: rest && times[i] + rest });
  }
  return rows;
}

/** The time from operators as tiles to ranked rTiles, and what the first of them is predicted to take. */
function rolled(c: RollerCase, device: Device, backend: Backend) {
  const program = tilesOf(c, backend);
  const started = performance.now();
  const kernels = planned(program, device);
  const constructMs = performance.now() - started;
  resetExprs();
  const predictedMs = kernels.reduce((n, k) => n + (k.calls * (k.tiles[0]?.ns ?? Number.NaN)) / 1e6, 0);
  return { name: c.name, batch: 128, constructMs, kernels: kernels.length, predictedMs };
}

async function rollAll(name: string, save: boolean): Promise<void> {
  const device = describedDevice(name);
  const backend = await nodeBackend('wasm');
  const rows = rollerCases(128).map((c) => rolled(c, device, backend));
  const construct = summary(rows.map((r) => r.constructMs));
  tell(rows, construct);
  if (save)
    write({ suite: `construction-${name}`, construct, load: null, timesFaster: timesFaster(construct.mean), rows });
}

function summary(times: readonly number[]) {
  const mean = times.reduce((a, b) => a + b, 0) / times.length;
  return { count: times.length, median: median(times), mean, geomean: geomean(times), most: Math.max(...times) };
}

const timesFaster = (meanMs: number) => ({
  ansor: (1000 * PUBLISHED.ansor) / meanMs,
  roller: (1000 * PUBLISHED.roller) / meanMs,
});

const ms = ({ median: m, mean, most }: ReturnType<typeof summary>): string =>
  `median ${m.toFixed(1)} ms, mean ${mean.toFixed(1)} ms, most ${most.toFixed(1)} ms`;

function tell(rows: readonly Pick<Row, 'name' | 'batch' | 'constructMs'>[], construct: ReturnType<typeof summary>) {
  for (const r of [...rows].sort((a, b) => b.constructMs - a.constructMs).slice(0, 5)) {
    console.log(`${r.name} at batch ${r.batch}: ${r.constructMs.toFixed(1)} ms`);
  }
  const { ansor, roller } = timesFaster(construct.mean);
  console.log(`construction of ${construct.count}: ${ms(construct)}`);
  console.log(`published: Ansor ${PUBLISHED.ansor} s, ${ansor.toExponential(1)} times the mean`);
  console.log(`published: Roller ${PUBLISHED.roller} s, ${roller.toFixed(0)} times the mean`);
}

function write({ suite, ...found }: { suite: string } & Record<string, unknown>): void {
  saveResult({ suite, ...MACHINE, published: PUBLISHED, ...found });
}

async function main(o: { target: string; device?: string; save: boolean }): Promise<void> {
  if (o.device !== undefined) return rollAll(o.device, o.save);
  const backend = await nodeBackend(o.target);
  const rows = await measured(backend);
  const construct = summary(rows.map((r) => r.constructMs));
  const load = summary(rows.flatMap((r) => r.loadMs ?? []));
  tell(rows, construct);
  console.log(`to a loaded program, ${load.count} at batch 1: ${ms(load)}`);
  if (!o.save) return;
  write({ suite: `construction-${o.target}`, construct, load, timesFaster: timesFaster(construct.mean), rows });
}

await new Command('bench:construction')
  .option('--target <target>', 'c or wasm', 'wasm')
  .option('--device <name>', 'construct rTiles for a described device of workgroups instead: v100, …')
  .option('--no-save', 'do not write bench/results')
  .action(main)
  .parseAsync();
