// The ahead-of-time package of a C artifact: source and header for any C program, weights, and an ES module that calls
// the built library through koffi. Names of the model appear only in that module's data and types.

import type { Artifact, Slot } from '../../6-runtime/artifact.ts';
import { version } from '../../version.ts';
import { moduleHead } from './module-text.ts';
import { packageFiles, type Signature, utf8 } from './signature.ts';

const SOURCES = `  /** The shared library built from model.c. */
  library?: string;`;

const slotMacros =
  (kind: 'INPUT' | 'OUTPUT') =>
  (s: Slot, i: number): string =>
    `/* ${kind.toLowerCase()} ${i}: ${s.dtype}[${s.shape.join(',')}] in the ${s.space} */
#define TILEWRIGHT_${kind}_${i}_OFFSET ${s.offset}u
#define TILEWRIGHT_${kind}_${i}_BYTES ${s.bytes}u`;

function header(artifact: Artifact): string {
  return `/* Made by Tilewright ${version}. */
#ifndef TILEWRIGHT_MODEL_H
#define TILEWRIGHT_MODEL_H
#include <stdint.h>
/* Read weights.bin into 64-byte aligned memory; give 64-byte aligned arena memory per call in flight. */
#define TILEWRIGHT_CONSTANT_BYTES ${artifact.constantBytes}u
#define TILEWRIGHT_ARENA_BYTES ${artifact.arenaBytes}u
${artifact.inputs.map(slotMacros('INPUT')).join('\n')}
${artifact.outputs.map(slotMacros('OUTPUT')).join('\n')}
#ifdef __cplusplus
extern "C"
#endif
/* Runs the model; 0: it has run, else the system gives the process no matrix registers. Re-entrant: all state is in the
   arena. \`given\`, or a pointer in it, may be null: what it has for every input, then output, is memory to use instead
   of that at its offset. Pointers are not used for outputs that lie among the constants, nor for those that are an
   input, or an earlier output, under other dims. */
int32_t tilewright_main(const uint8_t *constants, uint8_t *arena, uint8_t *const *given);
#endif
`;
}

function moduleText(s: Signature): string {
  return `import koffi from 'koffi';
${moduleHead(s, version)}
const SUFFIX = { darwin: 'dylib', win32: 'dll' };

function aligned(bytes) {
  const block = koffi.alloc('uint8_t', bytes + 64);
  const start = Number((64n - (koffi.address(block) % 64n)) % 64n);
  return new Uint8Array(koffi.view(block, bytes + 64)).subarray(start, start + bytes);
}

export async function load(sources = {}) {
  const { fileURLToPath } = await import('node:url');
  const file = sources.library ?? fileURLToPath(new URL('./model.' + (SUFFIX[process.platform] ?? 'so'), import.meta.url));
  const main = koffi.load(file).func('int32_t tilewright_main(const uint8_t *constants, uint8_t *arena, const void *given)');
  const constants = aligned(SIGNATURE.constantBytes);
  constants.set(await read(sources.weights, './weights.bin'));
  const arena = aligned(SIGNATURE.arenaBytes);
  return model(() => constants, () => arena, () => {
    if (main(constants, arena, null) !== 0) throw new Error('the system gives this process no matrix registers');
  });
}

export default load;
`;
}

/** How the library was built: what the package's build script repeats. */
type NativeBuild = Readonly<{ units: readonly string[]; flags: readonly string[]; library: string }>;

/** Files of the package; one C file per translation unit. */
export function nativePackage(artifact: Artifact, signature: Signature, build: NativeBuild): Map<string, Uint8Array> {
  const { units, flags, library } = build;
  const sources = units.map((_, i) => (i === 0 ? 'model.c' : `model_${i}.c`));
  const command = ['cc', ...flags, '-shared', '-o', library, ...sources, '-lm'].join(' ');
  const manifest = { dependencies: { koffi: '^3.3.4' }, scripts: { build: command } };
  const files = packageFiles(artifact, signature, { module: moduleText(signature), sources: SOURCES, manifest });
  for (const [i, unit] of units.entries()) files.set(sources[i], utf8(unit));
  return files.set('model.h', utf8(header(artifact)));
}
