// Lowered kernels mean what their operators mean, for random programs.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpret, interpretTasks } from '../../src/3-tile/interpret.ts';
import { verifyTaskProgram } from '../../src/3-tile/verify.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { build, rolls } from './random-program.ts';

describe('lower', () => {
  for (const name of ['scalar', 'wasm-simd128', 'x86-avx512']) {
    it(`means what the program means on ${name}`, () => {
      fc.assert(
        fc.property(rolls, (r) => {
          const { program, feeds } = build(r);
          const expected = interpret(program, feeds);
          const device = namedDevice(name)!;
          const tasks = schedule(program, { device, lower: lowering, fuse: r[0] % 3 > 0 });
          verifyTaskProgram(tasks);
          const actual = interpretTasks(tasks, feeds);
          expect(actual.map(tensorValues)).toEqual(expected.map(tensorValues));
        }),
        { numRuns: Number(process.env['RUNS'] ?? 150), seed: 7 },
      );
    });
  }
});
