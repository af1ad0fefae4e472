// `tilewright compile MODEL -o DIR`: writes the ahead-of-time package of a model.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { UNIT_SEPARATOR } from '../5-codegen/targets/c/index.ts';
import type { Artifact } from '../6-runtime/artifact.ts';
import { compileUnits } from '../6-runtime/launch/native.ts';
import { compileFlags, cpuFeatures, findToolchain } from '../6-runtime/toolchain.ts';
import { nodeBackend } from '../backends/node.ts';
import { compileProgram } from '../compile.ts';
import { readModel } from '../node.ts';
import { nativePackage } from '../web/package/native-package.ts';
import { type Signature, signatureOf } from '../web/package/signature.ts';
import { wasmPackage } from '../web/package/wasm-package.ts';
import { tensorTypes } from './inputs.ts';
import { COMPILING, modelCommand, type Options, observerFrom, report, usage } from './options.ts';

type CompileOptions = Options & { out: string; relaxedSimd?: boolean };

export function compileCommand(): Command {
  const shared = [...COMPILING, 'shapes', 'dim', 'json'] as const;
  return modelCommand('compile', 'write a package that runs the model without Tilewright', shared)
    .requiredOption('-o, --out <dir>', 'folder to write')
    .option('--relaxed-simd', 'WebAssembly with fused multiply-add, which not every host has')
    .action(async (file: string, options: CompileOptions) => {
      const started = performance.now();
      const model = readModel(file);
      const { relaxedSimd = false } = options;
      const backend = await nodeBackend(options.target, { ...options, observer: observerFrom(options), relaxedSimd });
      const machine = backend.machine ?? usage(`target ${options.target} does not compile`, 'Use wasm or c.');
      const types = tensorTypes(model, options);
      const { artifact, inputs, outputs } = await compileProgram(model, types, machine, backend);
      const signature = signatureOf(artifact, inputs, outputs);
      const files = await PACKAGES[artifact.code.target](artifact, signature);
      fs.mkdirSync(options.out, { recursive: true });
      for (const [name, bytes] of files) fs.writeFileSync(path.join(options.out, name), bytes);
      const sizes = Object.fromEntries([...files].map(([name, bytes]) => [name, bytes.byteLength]));
      const { arenaBytes, kernels } = artifact;
      const figures = { target: options.target, ms: performance.now() - started, arenaBytes, kernels, files: sizes };
      report(figures, options, ({ ms }) => {
        for (const [name, n] of Object.entries(sizes))
          console.log(`${`${n}`.padStart(12)}  ${path.join(options.out, name)}`);
        console.log(`${kernels} kernels, arena ${arenaBytes} bytes, ${ms.toFixed(0)} ms`);
      });
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

const PACKAGES: Readonly<Record<string, (a: Artifact, s: Signature) => Promise<Map<string, Uint8Array>>>> = {
  wasm: async (artifact, signature) => wasmPackage(artifact, signature),
  c: async (artifact, signature) => {
    const units = new TextDecoder().decode(artifact.code.bytes).split(UNIT_SEPARATOR);
    const flags = compileFlags(findToolchain(), cpuFeatures());
    const library = `model.${{ darwin: 'dylib', win32: 'dll' }[process.platform as string] ?? 'so'}`;
    const files = nativePackage(artifact, signature, { units, flags, library });
    return files.set(library, await built(units, flags));
  },
};
