// `tilewright run MODEL`: runs a model once and prints or saves its outputs.
import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { feedType, isTensorValue, Plan, type RunValue } from '../6-runtime/plan.ts';
import { nodeBackend } from '../backends/node.ts';
import { modelCompiler } from '../compile.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import { DEFAULT_LIMITS } from '../ir/limits.ts';
import { elementCount, elements, type TensorData } from '../ir/tensor.ts';
import { readModel } from '../node.ts';
import { describeValue, gatherInputs, type ShapeOptions } from './inputs.ts';
import { writeNpy } from './npy.ts';
import { observerFrom } from './observer.ts';
import { collect, runOptions, type TargetOptions } from './options.ts';

interface Options extends ShapeOptions, TargetOptions {
  input: string[];
  output?: string;
  json?: boolean;
}

export function runCommand(): Command {
  const command = new Command('run')
    .description('run a model once and print or save its outputs')
    .argument('<model>', 'ONNX file')
    .option('--input <name=source>', 'FILE.npy, FILE.pb or random:SEED; repeatable', collect, [])
    .option('--output <dir>', 'write each output as output_K.npy')
    .option('--json', 'print results as JSON');
  return runOptions(command).action(async (file: string, options: Options) => {
    const model = readModel(file);
    const feeds = gatherInputs(model, file, options.input, options);
    const backend = await nodeBackend(options.target, { observer: observerFrom(options) });
    const plan = new Plan(
      modelCompiler(model, backend, DEFAULT_LIMITS),
      feeds.map((f) => f && feedType(f)),
    );
    const started = performance.now();
    const results = await plan.run(feeds);
    const ms = performance.now() - started;
    const names = model.graph.outputs.map((v) => v.name);
    if (options.output) save(options.output, results);
    if (options.json) printJson(names, results, ms);
    else print(names, results, ms);
    plan.dispose();
  });
}

function save(dir: string, results: readonly RunValue[]): void {
  fs.mkdirSync(dir, { recursive: true });
  const write = (name: string, v: RunValue | null): void => {
    if (!v) return;
    if (isTensorValue(v)) fs.writeFileSync(path.join(dir, `${name}.npy`), writeNpy(v));
    else if (v.kind === 'sequence')
      v.elems.forEach((e, i) => {
        write(`${name}_${i}`, e);
      });
    else write(name, v.value);
  };
  results.forEach((v, i) => {
    write(`output_${i}`, v);
  });
}

const SHOWN = 8;

function preview(t: TensorData): string {
  if (dtypeInfo(t.dtype).kind === 'complex' || t.dtype === 'string') return '';
  const n = elementCount(t.shape);
  const cells = elements(t.dtype, t.bytes);
  const shown = Array.from({ length: Math.min(n, SHOWN) }, (_, i) => {
    const x = cells.get(i);
    return typeof x === 'number' && !Number.isInteger(x) ? x.toPrecision(6) : String(x);
  });
  return `${shown.join(' ')}${n > SHOWN ? ' …' : ''}`;
}

function print(names: readonly string[], results: readonly RunValue[], ms: number): void {
  results.forEach((v, i) => {
    console.log(`${names[i]}: ${describeValue(v)}${isTensorValue(v) ? `  ${preview(v)}` : ''}`);
  });
  console.log(`compiled and ran in ${ms.toFixed(1)} ms`);
}

function plain(v: RunValue | null): unknown {
  if (!v) return null;
  if (!isTensorValue(v)) return v.kind === 'sequence' ? v.elems.map(plain) : plain(v.value);
  const cells = elements(v.dtype, v.bytes);
  const data = Array.from({ length: elementCount(v.shape) }, (_, i) => {
    const x = cells.get(i);
    return typeof x === 'bigint' ? x.toString() : Number.isFinite(x) ? x : String(x);
  });
  return { type: dtypeInfo(v.dtype).api, dims: v.shape, data };
}

function printJson(names: readonly string[], results: readonly RunValue[], ms: number): void {
  const outputs = names.map((name, i) => ({ name, value: plain(results[i]) }));
  console.log(JSON.stringify({ ms, outputs }));
}
