// `tilewright verify MODEL`: the same inputs through several targets and, on request, another runtime;
// compares every output, or every intermediate value, and names the first that departs.
import fs from 'node:fs';
import { Command } from 'commander';
import { feedType, isTensorValue, Plan, type RunValue } from '../6-runtime/plan.ts';
import { nodeBackend } from '../backends/node.ts';
import { modelCompiler } from '../compile.ts';
import type { Model, Value } from '../ir/graph.ts';
import { DEFAULT_LIMITS } from '../ir/limits.ts';
import type { TensorData } from '../ir/tensor.ts';
import { readModel } from '../node.ts';
import { printable, TilewrightError } from '../support/errors.ts';
import { compareTensors } from './compare.ts';
import { gatherInputs, type ShapeOptions } from './inputs.ts';
import { collect } from './options.ts';
import { loadPeer } from './peers.ts';

interface Options extends ShapeOptions {
  target: string;
  against?: string;
  input: string[];
  rtol: string;
  atol: string;
  intermediates?: boolean;
  json?: boolean;
}
interface Difference {
  readonly value: string;
  readonly between: string;
  readonly ok: boolean;
  readonly reason: string;
  readonly maxAbs: number;
  readonly maxUlp: number;
}

export function verifyCommand(): Command {
  return new Command('verify')
    .description('compare targets, the interpreter and other runtimes on the same inputs')
    .argument('<model>', 'ONNX file')
    .option('--target <targets>', 'targets to compare, separated by commas', 'wasm')
    .option('--against <peer>', 'onnxruntime-node (with its optimisations off)')
    .option('--input <name=source>', 'FILE.npy, FILE.pb or random:SEED; repeatable', collect, [])
    .option('--shapes <shapes>', 'extents of inputs: name:1x3x224x224,…')
    .option('--dim <name=n>', 'value of a symbolic extent; repeatable', collect, [])
    .option('--intermediates', 'compare every intermediate tensor, in order')
    .option('--rtol <number>', 'relative tolerance', '1e-3')
    .option('--atol <number>', 'absolute tolerance', '1e-5')
    .option('--json', 'print as JSON')
    .action(async (file: string, options: Options) => {
      const differences = await verifyModel(file, options);
      if (options.json) console.log(JSON.stringify({ model: file, differences }, null, 2));
      else print(differences);
      process.exitCode = differences.every((d) => d.ok) ? 0 : 1;
    });
}

/** The model with its intermediate tensors as outputs. */
function exposing(model: Model): Model {
  const outputs = new Set<Value>(model.graph.nodes.flatMap((n) => n.outputs.filter((v): v is Value => v !== null)));
  for (const v of model.graph.outputs) outputs.add(v);
  return { ...model, graph: { ...model.graph, outputs: [...outputs] } };
}

async function verifyModel(file: string, options: Options): Promise<Difference[]> {
  const original = readModel(file);
  const model = options.intermediates ? exposing(original) : original;
  const feeds = gatherInputs(model, file, options.input, options);
  const names = model.graph.outputs.map((v) => v.name);
  const reference = await runOn('interpreter', model, feeds);
  const differences: Difference[] = [];
  for (const target of options.target.split(',').filter((t) => t !== 'interpreter')) {
    const got = await runOn(target, model, feeds);
    names.forEach((name, i) => {
      differences.push(...difference(name, `${target} and interpreter`, got[i], reference[i], options));
    });
  }
  if (options.against) differences.push(...(await againstPeer(file, original, feeds, names, reference, options)));
  return differences;
}

async function runOn(target: string, model: Model, feeds: readonly (RunValue | null)[]): Promise<RunValue[]> {
  const plan = new Plan(
    modelCompiler(model, await nodeBackend(target), DEFAULT_LIMITS),
    feeds.map((f) => f && feedType(f)),
  );
  try {
    return await plan.run(feeds);
  } finally {
    plan.dispose();
  }
}

async function againstPeer(
  file: string,
  model: Model,
  feeds: readonly (RunValue | null)[],
  names: readonly string[],
  reference: readonly RunValue[],
  options: Options,
): Promise<Difference[]> {
  const peer = await loadPeer(options.against!, file, fs.readFileSync(file), { threads: 1, optimise: false });
  const named: Record<string, TensorData> = {};
  model.graph.inputs.forEach((v, i) => {
    const f = feeds[i];
    if (!f) return;
    if (!isTensorValue(f))
      throw new TilewrightError('USAGE', `input ${v.name} is not a tensor: ${peer.name} is not fed with it`);
    named[v.name] = f;
  });
  const theirs = await peer.run(named);
  await peer.release();
  return names.flatMap((name, i) =>
    theirs[name] ? difference(name, `interpreter and ${peer.name}`, reference[i], theirs[name], options) : [],
  );
}

function difference(value: string, between: string, got: RunValue, want: RunValue, options: Options): Difference[] {
  if (!isTensorValue(got) || !isTensorValue(want)) return [];
  const { ok, reason, maxAbs, maxUlp } = compareTensors(got, want, {
    rtol: Number(options.rtol),
    atol: Number(options.atol),
  });
  return [{ value, between, ok, reason, maxAbs, maxUlp }];
}

function print(differences: readonly Difference[]): void {
  for (const d of differences) {
    console.log(
      `${d.ok ? 'same   ' : 'DIFFERS'} ${printable(d.value)} (${d.between}): max abs ${d.maxAbs.toExponential(2)}, max ULP ${d.maxUlp}${d.reason ? `; ${d.reason}` : ''}`,
    );
  }
  const first = differences.find((d) => !d.ok);
  console.log(
    first ? `first departure: ${printable(first.value)} (${first.between})` : `${differences.length} values agree`,
  );
}
