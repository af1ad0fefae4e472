// Random models agree on every backend: wasm with the interpreter on 2,000 of them, C on some, fused
// with unfused programs, and every stage of some verified.
import { describe, expect, it } from 'vitest';
import { resetExprs } from '../../src/3-tile/expr.ts';
import { interpretTasks } from '../../src/3-tile/interpret.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { nodeBackend } from '../../src/backends/node.ts';
import { webAssemblyDevice } from '../../src/devices/device.ts';
import { lowering } from '../../src/lowering.ts';
import { silent } from '../../src/observe.ts';
import { TilewrightError } from '../../src/support/errors.ts';
import { firstDifference, runOn } from './differential.ts';
import { joined, randomModel } from './random-model.ts';

const MINUTES = 60_000;
const seeds = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** A native compiler is optional: without one there is nothing to compare. */
async function nativeAvailable(): Promise<boolean> {
  try {
    await nodeBackend('c');
    return true;
  } catch (error) {
    if (error instanceof TilewrightError && error.code === 'TARGET_UNAVAILABLE') return false;
    throw error;
  }
}
const native = await nativeAvailable();

describe('random models', () => {
  it.each([1, 501, 1001, 1501])(
    'agree on wasm and the interpreter, seeds from %i',
    async (from) => {
      for (const seed of seeds(from, 500)) {
        const m = randomModel(seed);
        const want = await runOn(m, await nodeBackend('interpreter'));
        const difference = firstDifference(await runOn(m, await nodeBackend('wasm')), want, m.exact);
        expect(difference, `seed ${seed}`).toBeNull();
        if (seed % 50 === 0) resetExprs();
      }
    },
    5 * MINUTES,
  );

  it.skipIf(!native)(
    `agree on C and the interpreter${native ? '' : ' (skipped: no C compiler)'}`,
    async () => {
      for (const from of [9001, 9041, 9081, 9121]) {
        const m = joined(seeds(from, 40).map((s) => randomModel(s)));
        const want = await runOn(m, await nodeBackend('interpreter'));
        expect(firstDifference(await runOn(m, await nodeBackend('c')), want, m.exact), `seeds from ${from}`).toBeNull();
      }
    },
    5 * MINUTES,
  );

  it(
    'are legal at every stage (CHECK=1)',
    async () => {
      const observer = { ...silent, check: 1 };
      const wasm = await nodeBackend('wasm', { observer });
      for (const seed of seeds(20_001, 60)) {
        const m = randomModel(seed, 5);
        const want = await runOn(m, await nodeBackend('interpreter'));
        expect(firstDifference(await runOn(m, wasm), want, m.exact), `seed ${seed}`).toBeNull();
      }
    },
    5 * MINUTES,
  );

  it(
    'mean the same fused and unfused',
    async () => {
      const device = webAssemblyDevice();
      for (const fuse of [true, false]) {
        const backend = {
          name: 'scheduled',
          observer: silent,
          machine: null,
          build: async (program: Parameters<typeof schedule>[0]) => {
            const tasks = schedule(program, { device, lower: lowering, fuse });
            return {
              run: (feeds: Parameters<typeof interpretTasks>[1]) => interpretTasks(tasks, feeds),
              arenaBytes: 0,
              codeBytes: 0,
              kernels: 0,
              dispose: () => {},
            };
          },
        };
        for (const seed of seeds(30_001, 60)) {
          const m = randomModel(seed, 5);
          const want = await runOn(m, await nodeBackend('interpreter'));
          expect(firstDifference(await runOn(m, backend), want, m.exact), `seed ${seed}, fuse ${fuse}`).toBeNull();
        }
      }
    },
    5 * MINUTES,
  );
});

describe('models that once differed', () => {
  it.each([113_460, 140_959, 141_523, 142_665, 144_078])('agree: seed %i', async (seed) => {
    const m = randomModel(seed);
    const want = await runOn(m, await nodeBackend('interpreter'));
    expect(firstDifference(await runOn(m, await nodeBackend('wasm')), want, m.exact)).toBeNull();
  });
});
