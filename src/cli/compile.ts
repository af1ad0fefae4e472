// `tilewright compile MODEL -o DIR`: writes the ahead-of-time package of a model.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import type { FeedType } from '../2-graph/specialise.ts';
import { UNIT_SEPARATOR } from '../5-codegen/targets/c/index.ts';
import type { Artifact } from '../6-runtime/artifact.ts';
import { compileUnits } from '../6-runtime/launch/native.ts';
import { nativePackage } from '../6-runtime/package/native-package.ts';
import { wasmPackage } from '../6-runtime/package/wasm-package.ts';
import { compileFlags, cpuFeatures, findToolchain } from '../6-runtime/toolchain.ts';
import { nodeBackend } from '../backends/node.ts';
import type { Model } from '../ir/graph.ts';
import { DEFAULT_LIMITS } from '../ir/limits.ts';
import { readModel } from '../node.ts';
import { compileProgram } from '../package.ts';
import { TilewrightError } from '../support/errors.ts';
import { boundShape, type ShapeOptions } from './inputs.ts';
import { observerFrom } from './observer.ts';
import { runOptions, type TargetOptions } from './options.ts';

interface Options extends ShapeOptions, TargetOptions {
  out: string;
  json?: boolean;
}

export function compileCommand(): Command {
  const command = new Command('compile')
    .description('write a package that runs the model without Tilewright')
    .argument('<model>', 'ONNX file')
    .requiredOption('-o, --out <dir>', 'folder to write')
    .option('--json', 'print figures as JSON');
  return runOptions(command).action(async (file: string, options: Options) => {
    const started = performance.now();
    const model = readModel(file);
    const backend = await nodeBackend(options.target, { observer: observerFrom(options) });
    if (!backend.machine)
      throw new TilewrightError('USAGE', `target ${options.target} does not compile`, {}, 'Use wasm or c.');
    const program = await compileProgram(model, feedTypes(model, options), backend.machine, backend, DEFAULT_LIMITS);
    const { artifact, inputs, outputs } = program;
    const files = await PACKAGES[artifact.code.target](artifact, inputs, outputs);
    fs.mkdirSync(options.out, { recursive: true });
    for (const [name, bytes] of files) fs.writeFileSync(path.join(options.out, name), bytes);
    report(files, artifact, performance.now() - started, options);
  });
}

/** The shared library of these translation units. */
async function built(units: readonly string[], flags: readonly string[]): Promise<Uint8Array> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-'));
  try {
    return fs.readFileSync(await compileUnits(units, findToolchain(), flags, dir));
  } finally {
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

type MakePackage = (
  a: Artifact,
  inputs: readonly string[],
  outputs: readonly string[],
) => Promise<Map<string, Uint8Array>>;

const PACKAGES: Readonly<Record<string, MakePackage>> = {
  wasm: async (a, inputs, outputs) => wasmPackage(a, inputs, outputs),
  c: async (a, inputs, outputs) => {
    const units = new TextDecoder().decode(a.code.bytes).split(UNIT_SEPARATOR);
    const flags = compileFlags(findToolchain(), cpuFeatures());
    const library = `model.${{ darwin: 'dylib', win32: 'dll' }[process.platform as string] ?? 'so'}`;
    const files = nativePackage(a, inputs, outputs, units, { flags, library });
    files.set(library, await built(units, flags));
    return files;
  },
};

function feedTypes(model: Model, options: ShapeOptions): (FeedType | null)[] {
  return model.graph.inputs.map((v) => {
    if (model.graph.constants.has(v)) return null;
    if (v.type?.kind !== 'tensor') {
      throw new TilewrightError(
        'UNSUPPORTED_TYPE',
        'a package takes tensors only',
        { value: v.name },
        'Use Session for this model.',
      );
    }
    return { kind: 'tensor', dtype: v.type.dtype, shape: boundShape(v, options) };
  });
}

function report(files: ReadonlyMap<string, Uint8Array>, artifact: Artifact, ms: number, options: Options): void {
  const sizes = Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.byteLength]));
  const figures = {
    target: artifact.code.target,
    ms,
    arenaBytes: artifact.arenaBytes,
    kernels: artifact.kernels,
    files: sizes,
  };
  if (options.json) {
    console.log(JSON.stringify(figures));
    return;
  }
  for (const [name, bytes] of Object.entries(sizes))
    console.log(`${String(bytes).padStart(12)}  ${path.join(options.out, name)}`);
  console.log(`${figures.kernels} kernels, arena ${figures.arenaBytes} bytes, ${ms.toFixed(0)} ms`);
}
