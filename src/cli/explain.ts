// `tilewright explain MODEL`: the program that a model becomes: segments, kernels, how often each is
// called, what it reads and writes, and the memory plan.
import { Command } from 'commander';
import { type FeedType, specialise } from '../2-graph/specialise.ts';
import { foldNode, toTiles } from '../3-tile/from-graph.ts';
import type { Kernel, Task, TaskProgram } from '../3-tile/task.ts';
import { walkStmts } from '../3-tile/task.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import { schedule } from '../4-schedule/schedule.ts';
import { lowering } from '../5-codegen/lower.ts';
import { nodeBackend } from '../backends/node.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import { DEFAULT_LIMITS } from '../ir/limits.ts';
import { elementCount } from '../ir/tensor.ts';
import { readModel } from '../node.ts';
import { operatorRegistry } from '../ops/registry.ts';
import { TilewrightError } from '../support/errors.ts';
import { boundShape, type ShapeOptions } from './inputs.ts';
import { collect } from './options.ts';

interface KernelReport {
  readonly kernel: string;
  readonly calls: number;
  readonly statements: number;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Bytes of all tensors of all calls. */
  readonly bytes: number;
}
interface SegmentReport {
  readonly kernels: readonly KernelReport[];
  readonly calls: number;
  readonly arenaBytes: number;
  readonly constantBytes: number;
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('the kernels a model becomes, what they move, and the memory plan')
    .argument('<model>', 'ONNX file')
    .option('--target <target>', 'wasm or c', 'wasm')
    .option('--shapes <shapes>', 'extents of inputs: name:1x3x224x224,…')
    .option('--dim <name=n>', 'value of a symbolic extent; repeatable', collect, [])
    .option('--json', 'print as JSON')
    .action(async (file: string, options: ShapeOptions & { target: string; json?: boolean }) => {
      const reports = await explainModel(file, options);
      if (options.json) console.log(JSON.stringify(reports, null, 2));
      else
        reports.forEach((r, i) => {
          print(r, i, reports.length);
        });
    });
}

async function explainModel(file: string, options: ShapeOptions & { target: string }): Promise<SegmentReport[]> {
  const model = readModel(file);
  const { machine } = await nodeBackend(options.target);
  if (!machine) throw new TilewrightError('USAGE', `target ${options.target} has no kernels`, {}, 'Use wasm or c.');
  const types = model.graph.inputs.map((v): FeedType | null => {
    if (model.graph.constants.has(v)) return null;
    if (v.type?.kind !== 'tensor')
      throw new TilewrightError('USAGE', 'explain takes models with tensor inputs', { value: v.name });
    return { kind: 'tensor', dtype: v.type.dtype, shape: boundShape(v, options) };
  });
  const s = specialise(model, types, {
    registry: operatorRegistry(),
    limits: DEFAULT_LIMITS,
    fold: foldNode,
    answers: [],
  });
  if (s.pending) console.error('the rest depends on a value that is known only at run time');
  return s.segments.map((g) => segmentReport(schedule(toTiles(g), { device: machine.device, lower: lowering })));
}

const typeOf = (t: TileTensor): string => `${t.dtype}[${t.shape.join(',')}]`;
const bytesOf = (t: TileTensor): number => elementCount(t.shape) * dtypeInfo(t.dtype).bytes;

function allRuns(tasks: readonly Task[]): (Task & { kind: 'run' })[] {
  return tasks.flatMap((t) => {
    if (t.kind === 'run') return [t];
    return t.kind === 'loop' ? allRuns(t.tasks) : [...allRuns(t.then), ...allRuns(t.else)];
  });
}

function written(kernel: Kernel): Set<TileTensor> {
  const found = new Set<TileTensor>();
  walkStmts(kernel.body, (s) => {
    if (s.kind === 'store') found.add(s.tensor);
  });
  return found;
}

function kernelReport(kernel: Kernel, runs: readonly (Task & { kind: 'run' })[]): KernelReport {
  const own = runs.filter((r) => r.kernel === kernel);
  const writes = written(kernel);
  let statements = 0;
  walkStmts(kernel.body, () => {
    statements++;
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

function segmentReport(program: TaskProgram): SegmentReport {
  const runs = program.lanes.flatMap((lane) => allRuns(lane));
  return {
    kernels: program.kernels.map((k) => kernelReport(k, runs)),
    calls: runs.length,
    arenaBytes: program.plan.arenaBytes,
    constantBytes: program.plan.constantBytes,
  };
}

function print(r: SegmentReport, i: number, count: number): void {
  if (count > 1) console.log(`segment ${i + 1} of ${count}`);
  for (const k of r.kernels) {
    console.log(
      `${String(k.calls).padStart(5)} x ${k.kernel.padEnd(28)} ${(k.bytes / 2 ** 20).toFixed(2).padStart(9)} MiB  ${k.reads.join(' ')} -> ${k.writes.join(' ')}`,
    );
  }
  console.log(
    `${r.kernels.length} kernels, ${r.calls} calls, arena ${r.arenaBytes} bytes, constants ${r.constantBytes} bytes`,
  );
}
