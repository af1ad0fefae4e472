// `tilewright run MODEL`: runs a model once and prints or saves its outputs.
import fs from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { isTensorValue, type RunValue } from '../6-runtime/plan.ts';
import { nodeBackend } from '../backends/node.ts';
import { runModel } from '../compile.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import { type TensorData, tensorValues } from '../ir/tensor.ts';
import { readModel } from '../node.ts';
import { describeValue, gatherInputs } from './inputs.ts';
import { writeNpy } from './npy.ts';
import { COMPILING, modelCommand, type Options, observerFrom } from './options.ts';

export function runCommand(): Command {
  const shared = [...COMPILING, 'revectorize', 'input', 'shapes', 'dim', 'json'] as const;
  return modelCommand('run', 'run a model once and print or save its outputs', shared)
    .option('--output <dir>', 'write each output as output_K.npy')
    .action(async (file: string, options: Options & { output?: string }) => {
      const model = readModel(file);
      const feeds = gatherInputs(model, file, options);
      const backend = await nodeBackend(options.target, { ...options, observer: observerFrom(options) });
      const started = performance.now();
      const { results } = await runModel(model, backend, feeds);
      const ms = performance.now() - started;
      if (options.output) save(options.output, results);
      const { outputs } = model.graph;
      if (options.json) {
        const named = outputs.map(({ name }, i) => ({ name, value: plain(results[i]) }));
        return console.log(JSON.stringify({ ms, outputs: named }));
      }
      for (const [i, v] of results.entries()) {
        console.log(`${outputs[i].name}: ${describeValue(v)}${isTensorValue(v) ? `  ${preview(v)}` : ''}`);
      }
      console.log(`compiled and ran in ${ms.toFixed(1)} ms`);
    });
}

function save(dir: string, results: readonly RunValue[]): void {
  fs.mkdirSync(dir, { recursive: true });
  const write = (name: string, v: RunValue | null): void => {
    if (!v) return;
    if (isTensorValue(v)) fs.writeFileSync(path.join(dir, `${name}.npy`), writeNpy(v));
    else if (v.kind === 'optional') write(name, v.value);
    else for (const [i, e] of v.elems.entries()) write(`${name}_${i}`, e);
  };
  for (const [i, v] of results.entries()) write(`output_${i}`, v);
}

const SHOWN = 8;

function preview(t: TensorData): string {
  if (dtypeInfo(t.dtype).kind === 'complex' || t.dtype === 'string') return '';
  const values = tensorValues(t);
  const text = (x: number | bigint): string =>
    typeof x === 'bigint' || Number.isInteger(x) ? `${x}` : x.toPrecision(6);
  return `${values.slice(0, SHOWN).map(text).join(' ')}${values.length > SHOWN ? ' …' : ''}`;
}

function plain(v: RunValue | null): unknown {
  if (!v) return null;
  if (!isTensorValue(v)) return v.kind === 'sequence' ? v.elems.map(plain) : plain(v.value);
  const element = (x: number | bigint): unknown => (typeof x === 'number' && Number.isFinite(x) ? x : String(x));
  return { type: dtypeInfo(v.dtype).api, dims: v.shape, data: tensorValues(v).map(element) };
}
