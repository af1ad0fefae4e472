// Attention that streams over its keys gives what attention over whole rows of scores gives, whatever the kind, where
// rows are masked in whole steps, and where scores are infinite or no numbers.
import { describe, expect, it } from 'vitest';
import type { Estimate } from '../../src/4-schedule/welder/weld.ts';
import { Plan } from '../../src/6-runtime/plan.ts';
import { targetBackend } from '../../src/backends/backend.ts';
import { nodeBackend } from '../../src/backends/node.ts';
import { modelCompiler, parseModel } from '../../src/compile.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { ModelBuilder } from '../../src/web/build.ts';
import { noCompiler } from '../c/harness.ts';
import { type Build, KINDS, type Sizes } from './attention-kinds.ts';

const LENGTH = 24;
const SIZES: Sizes = { heads: 4, keyHeads: 4, depth: 10 };
const GROUPED: Sizes = { ...SIZES, keyHeads: 2 };

/** Prefers every stream, and long runs, to anything else. */
const streaming: Estimate = (run, { members }) => (members.some((m) => m.steps > 1) ? 0 : 1 + 1 / run.length);

function feedsOf(
  build: Build,
  sizes: Sizes,
  change: (name: string, data: number[]) => void,
): [Uint8Array, TensorData[]] {
  const m = new ModelBuilder({ opset: 23 });
  build(m, LENGTH, sizes);
  const bytes = m.toBytes();
  const next = mulberry32(7);
  const feeds = parseModel(bytes).graph.inputs.map(({ name }) => {
    const heads = name === 'q' ? sizes.heads : sizes.keyHeads;
    const shape = name === 'mask' ? [1, 1, 1, LENGTH] : [1, heads, LENGTH, sizes.depth];
    const data = Array.from({ length: shape.reduce((a, b) => a * b) }, () => 4 * next() - 2);
    change(name, data);
    return tensorOf('f32', shape, data);
  });
  return [bytes, feeds];
}

interface Got {
  readonly values: number[];
  readonly streams: boolean;
}

async function run(target: string, bytes: Uint8Array, feeds: readonly TensorData[], steps: number[]): Promise<Got> {
  const { machine, observer, launch } = await nodeBackend(target);
  let streams = false;
  const emit: NonNullable<typeof machine>['target']['emit'] = (program, options) => {
    streams ||= program.kernels.some((k) => k.params.length > 8 && /Softmax/.test(k.name));
    return machine!.target.emit(program, options);
  };
  const tuned = { ...machine!, keySteps: () => steps, ...(steps.length > 0 && { estimate: streaming }) };
  const backend = targetBackend({ ...tuned, target: { ...machine!.target, emit } }, observer, launch!);
  const types = feeds.map((f) => ({ kind: 'tensor' as const, dtype: f.dtype, shape: f.shape }));
  const plan = new Plan(modelCompiler(parseModel(bytes), backend, DEFAULT_LIMITS), types);
  const [result] = (await plan.run(feeds)) as TensorData[];
  plan.dispose();
  return { values: tensorValues(result) as number[], streams };
}

function expectClose(got: readonly number[], want: readonly number[]): void {
  expect(got.length).toBe(want.length);
  for (const [i, x] of got.entries()) {
    if (Number.isNaN(want[i])) expect(x, `at ${i}`).toBeNaN();
    else expect(Math.abs(x - want[i]), `${x} at ${i}, not ${want[i]}`).toBeLessThan(1e-5);
  }
}

const untouched = (): void => {};

describe.each(['wasm', ...(noCompiler() ? [] : ['c'])])('attention over steps of keys on %s', (target) => {
  const compare = async (
    kind: string,
    steps: number,
    change: (name: string, data: number[]) => void = untouched,
  ): Promise<number[]> => {
    const [bytes, feeds] = feedsOf(KINDS[kind], kind === 'grouped-query' ? GROUPED : SIZES, change);
    const whole = await run(target, bytes, feeds, []);
    const online = await run(target, bytes, feeds, [steps]);
    expect(whole.streams).toBe(false);
    expect(online.streams).toBe(true);
    expectClose(online.values, whole.values);
    return online.values;
  };

  it.each(Object.keys(KINDS))('is the same, %s', async (kind) => {
    for (const steps of [3, 8]) await compare(kind, steps);
  });

  it('is the same where the first keys are masked', async () => {
    const values = await compare('masked', 4, (name, data) => {
      if (name === 'mask') data.fill(Number.NEGATIVE_INFINITY, 0, 10);
    });
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it('is the same where scores overflow or are no numbers', async () => {
    const values = await compare('of small operators', 4, (name, data) => {
      if (name !== 'k') return;
      data[5 * SIZES.depth] = Number.POSITIVE_INFINITY;
      data[LENGTH * SIZES.depth] = Number.NaN;
    });
    expect(values.some(Number.isNaN)).toBe(true);
    expect(values.some(Number.isFinite)).toBe(true);
  });
});
