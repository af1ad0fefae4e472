// `tilewright explain MODEL`: the program that a model becomes: segments, kernels, how often each is called, what it
// reads and writes, and the memory plan.
import type { Command } from 'commander';
import { toTiles } from '../3-tile/from-graph.ts';
import { type RunTask, runsOf } from '../3-tile/statements.ts';
import { type Kernel, type TaskProgram, walkStmts } from '../3-tile/task.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import { schedule } from '../4-schedule/schedule.ts';
import { lowering } from '../5-codegen/lower.ts';
import { nodeBackend } from '../backends/node.ts';
import { modelCompiler } from '../compile.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import { DEFAULT_LIMITS } from '../ir/limits.ts';
import { elementCount } from '../ir/tensor.ts';
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
      const reports = segments.map((g) => segmentReport(schedule(toTiles(g), { device, lower: lowering })));
      const title = (i: number): string => (reports.length > 1 ? `segment ${i + 1} of ${reports.length}\n` : '');
      report(reports, options, () => {
        for (const [i, r] of reports.entries()) console.log(title(i) + textOf(r));
      });
    },
  );
}

const typeOf = (t: TileTensor): string => `${t.dtype}[${t.shape.join(',')}]`;
const bytesOf = (t: TileTensor): number => elementCount(t.shape) * dtypeInfo(t.dtype).bytes;

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

function segmentReport(program: TaskProgram) {
  const runs = program.lanes.flatMap(runsOf);
  const { arenaBytes, constantBytes } = program.plan;
  return { kernels: program.kernels.map((k) => kernelReport(k, runs)), calls: runs.length, arenaBytes, constantBytes };
}

function textOf({ kernels, calls, arenaBytes, constantBytes }: ReturnType<typeof segmentReport>): string {
  const lines = kernels.map((k) => {
    const head = `${String(k.calls).padStart(5)} x ${k.kernel.padEnd(28)} ${(k.bytes / 2 ** 20).toFixed(2).padStart(9)} MiB`;
    return `${head}  ${k.reads.join(' ')} -> ${k.writes.join(' ')}\n`;
  });
  const memory = `arena ${arenaBytes} bytes, constants ${constantBytes} bytes`;
  return `${lines.join('')}${kernels.length} kernels, ${calls} calls, ${memory}`;
}
