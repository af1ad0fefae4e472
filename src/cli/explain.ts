// `tilewright explain MODEL`: the program that a model becomes: segments, kernels, how often each is called, what it
// reads and writes, and the memory plan; for each kernel why it is so.
import type { Command } from 'commander';
import { toTiles } from '../3-tile/from-graph.ts';
import { type RunTask, runsOf } from '../3-tile/statements.ts';
import { type Kernel, walkStmts } from '../3-tile/task.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import type { TileProgram } from '../3-tile/tile-op.ts';
import { type KernelWhy, type Made, whyOf } from '../4-schedule/report.ts';
import { schedule } from '../4-schedule/schedule.ts';
import { lowering } from '../5-codegen/lower.ts';
import { nodeBackend } from '../backends/node.ts';
import { modelCompiler } from '../compile.ts';
import type { Device } from '../devices/device.ts';
import { DEFAULT_LIMITS } from '../ir/limits.ts';
import { bytesOf } from '../ir/tensor.ts';
import { readModel } from '../node.ts';
import { tensorTypes } from './inputs.ts';
import { modelCommand, type Options, report, usage } from './options.ts';

export function explainCommand(): Command {
  const about = 'the kernels a model becomes, what they move, and the memory plan';
  return modelCommand('explain', about, ['target', 'shapes', 'dim', 'json']).action(
    async (file: string, options: Options) => {
      const model = readModel(file);
      const backend = await nodeBackend(options.target);
      const { device } = backend.machine ?? usage(`target ${options.target} has no kernels`, 'Use wasm or c.');
      const compiler = modelCompiler(model, backend, DEFAULT_LIMITS);
      const { segments, pending } = compiler.specialise(tensorTypes(model, options), []);
      if (pending) console.error('the rest depends on a value that is known only at run time');
      const reports = segments.map((g) => explained(toTiles(g), device));
      const title = (i: number): string => (reports.length > 1 ? `segment ${i + 1} of ${reports.length}\n` : '');
      report(reports, options, () => {
        for (const [i, r] of reports.entries()) console.log(title(i) + textOf(r));
      });
    },
  );
}

const typeOf = (t: TileTensor): string => `${t.dtype}[${t.shape.join(',')}]`;

function kernelReport(kernel: Kernel, runs: readonly RunTask[]) {
  const own = runs.filter((r) => r.kernel === kernel);
  const writes = new Set<TileTensor>();
  let statements = 0;
  walkStmts(kernel.body, (s) => {
    statements++;
    if (s.kind === 'store') writes.add(s.tensor);
  });
  const args = own[0]?.args ?? [];
  const side = (isWrite: boolean): string[] =>
    args.filter((_, i) => writes.has(kernel.params[i]) === isWrite).map(typeOf);
  return {
    kernel: `k${kernel.id} ${kernel.name}`,
    calls: own.length,
    statements,
    reads: side(false),
    writes: side(true),
    bytes: own.reduce((n, r) => n + r.args.reduce((m, t) => m + bytesOf(t), 0), 0),
  };
}

function explained(tiles: TileProgram, device: Device) {
  const why = new Map<Kernel, KernelWhy>();
  const made = (kernel: Kernel, how: Made): unknown => why.set(kernel, whyOf(how, device));
  const program = schedule(tiles, { device, lower: lowering, made });
  const runs = program.lanes.flatMap(runsOf);
  const { arenaBytes, constantBytes } = program.plan;
  const kernels = program.kernels.map((k) => ({ ...kernelReport(k, runs), why: why.get(k) ?? null }));
  return { kernels, calls: runs.length, arenaBytes, constantBytes };
}

const MiB = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
const million = (cycles: number): string => `${(cycles / 1e6).toFixed(3)} M cycles`;

/** Members with their register tiles, what stays inside, and what the next kernel would have cost in this one. */
function detail({ members, loops, inside, level, tiles, bytes, cycles, next }: KernelWhy): string[] {
  const joined = members.length > 1;
  const stepped = loops.map(({ extent, step }) => `${extent} by ${step}`).join(', ');
  const head = joined
    ? [`tiles: ${stepped}; inside ${level ?? 'nothing'}: ${MiB(inside.reduce((n, t) => n + t.bytes, 0))}`]
    : [];
  const gain = [
    `moves ${MiB(bytes.together)}, apart ${MiB(bytes.apart)}`,
    `${million(cycles.together)}, apart ${million(cycles.apart)}`,
  ];
  const registers = tiles.map((t) => {
    const own = t.loops.map(({ axis, extent, step }) => `${axis} ${extent}${step > 1 ? ` by ${step}` : ''}`).join(', ');
    return `registers: ${own}${t.lanes ? `; ${t.lanes.count} lanes along ${t.lanes.axis}` : ''}`;
  });
  const left =
    next?.together == null ? 'cannot share tiles' : `together ${million(next.together)}, apart ${million(next.apart)}`;
  return [
    ...(joined ? members.map((m) => `${m.name}: ${m.tiles} tiles of ${m.writes}`) : []),
    ...head,
    gain.join('; '),
    ...new Set(registers),
    ...(next ? [`without ${next.name}: ${left}`] : []),
  ];
}

function textOf({ kernels, calls, arenaBytes, constantBytes }: ReturnType<typeof explained>): string {
  const lines = kernels.map((k) => {
    const head = `${String(k.calls).padStart(5)} x ${k.kernel.padEnd(28)} ${MiB(k.bytes).padStart(13)}`;
    const below = k.why ? detail(k.why).map((l) => `          ${l}\n`) : [];
    return `${head}  ${k.reads.join(' ')} -> ${k.writes.join(' ')}\n${below.join('')}`;
  });
  const total = (of: (w: KernelWhy) => number): number =>
    kernels.reduce((n, k) => n + k.calls * (k.why ? of(k.why) : 0), 0);
  const moved = `${MiB(total((w) => w.bytes.together))} moved, ${MiB(total((w) => w.bytes.apart))} by the same operators apart`;
  const memory = `arena ${arenaBytes} bytes, constants ${constantBytes} bytes`;
  return `${lines.join('')}${kernels.length} kernels, ${calls} calls, ${moved}, ${memory}`;
}
