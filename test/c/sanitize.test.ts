// The kernels of the op and storage tests under the address and undefined-behaviour sanitisers: a
// small C program calls the entry function over an arena with poisoned gaps between tensors.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TaskProgram } from '../../src/3-tile/task.ts';
import { ENTRY, emitC } from '../../src/5-codegen/targets/c/program.ts';
import { makeArtifact } from '../../src/6-runtime/artifact.ts';
import { compileFlags, cpuFeatures, findToolchain } from '../../src/6-runtime/toolchain.ts';
import type { TensorData } from '../../src/ir/tensor.ts';
import { noCompiler, privateDirectory } from './harness.ts';
import { OpCases } from './op-cases.ts';
import { StorageCases } from './storage-cases.ts';

const SANITISE = ['-O1', '-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const features = cpuFeatures();

function canSanitise(): string | null {
  const missing = noCompiler();
  if (missing !== null) return missing;
  const dir = privateDirectory();
  try {
    writeFileSync(join(dir.path, 'a.c'), 'int main(void) { return 0; }\n');
    const cc = findToolchain();
    const built = spawnSync(cc.path, [...SANITISE, '-o', 'a', 'a.c'], { cwd: dir.path });
    if (built.status !== 0) return 'the compiler has no sanitisers';
    return spawnSync(join(dir.path, 'a')).status === 0 ? null : 'sanitised programs do not run here';
  } finally {
    dir.remove();
  }
}

/** A main that reads the arena from a file, poisons the gaps and runs the program. */
function driver(program: TaskProgram): string {
  const { plan } = program;
  const gaps = [...plan.places.values()]
    .filter((p) => p.space === 'arena' && p.bytes % 64 !== 0)
    .map((p) => `  __asan_poison_memory_region(arena + ${p.offset + p.bytes}, ${64 - (p.bytes % 64)});\n`);
  return `#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
void __asan_poison_memory_region(void const volatile *, size_t);
int32_t ${ENTRY}(const uint8_t *, uint8_t *, uint8_t *const *);
int main(int argc, char **argv) {
  uint8_t *arena = aligned_alloc(64, ${Math.ceil(plan.arenaBytes / 64) * 64 || 64});
  FILE *f = fopen(argv[argc - 1], "rb");
  if (fread(arena, 1, ${plan.arenaBytes}, f) != ${plan.arenaBytes}) return 9;
  fclose(f);
${gaps.join('')}  int32_t r = ${ENTRY}((const uint8_t *)0, arena, 0);
  free(arena);
  return r;
}
`;
}

function runSanitised(program: TaskProgram, feeds: readonly TensorData[]): string {
  const dir = privateDirectory();
  try {
    const avx512 = ['avx512f', 'avx512vl', 'avx512bw', 'avx512dq'].every((x) => features.has(x));
    const units = emitC(program, { f16c: features.has('f16c'), avx512, exposeKernels: false });
    for (const [i, text] of units.entries()) writeFileSync(join(dir.path, `u${i}.c`), text);
    writeFileSync(join(dir.path, 'main.c'), driver(program));
    const arena = new Uint8Array(program.plan.arenaBytes);
    const { inputs } = makeArtifact(program, {
      target: 'c',
      extension: 'c',
      bytes: new Uint8Array(0),
      features: [],
    });
    for (const [i, slot] of inputs.entries()) arena.set(feeds[i].bytes, slot.offset);
    writeFileSync(join(dir.path, 'arena'), arena);
    const cc = findToolchain();
    const args = [
      ...compileFlags(cc, features),
      ...SANITISE,
      '-o',
      'test',
      'main.c',
      ...units.map((_, i) => `u${i}.c`),
      '-lm',
    ];
    const built = spawnSync(cc.path, args, { cwd: dir.path, encoding: 'utf8' });
    if (built.status !== 0) return built.stderr.slice(0, 2000);
    const run = spawnSync(join(dir.path, 'test'), [join(dir.path, 'arena')], { encoding: 'utf8' });
    return `${run.status}${run.stderr.slice(0, 2000)}`;
  } finally {
    dir.remove();
  }
}

describe.skipIf(canSanitise() !== null)('sanitised C', () => {
  it('runs every op on every type without a report', () => {
    const ops = new OpCases([1]);
    expect(runSanitised(ops.program(), ops.feeds)).toBe('0');
  });

  it('loads, stores and rounds every storage type without a report', () => {
    const storage = new StorageCases([1, 16]);
    expect(runSanitised(storage.program(), storage.feeds)).toBe('0');
  });
});
