// Whatever the scheduler is told to choose, programs mean the same; most of what is drawn is other code than the usual,
// and programs that are wrong are seen.
import { describe, expect, it } from 'vitest';
import type { Task, TaskProgram } from '../../src/3-tile/task.ts';
import { type Backend, targetBackend } from '../../src/backends/backend.ts';
import { nodeBackend } from '../../src/backends/node.ts';
import { silent } from '../../src/observe.ts';
import { compared, drawnSchedule, PER_MODEL, type Variant } from './schedules.ts';

/** Twice as many as families: every second model is of one. */
const MODELS = 20;
const SCHEDULES = 6;

async function variants(backend: Backend, count = SCHEDULES, schedules = drawnSchedule): Promise<Variant[]> {
  const all: Variant[] = [];
  for (let model = 0; model < MODELS; model++) {
    const seeds = Array.from({ length: count }, (_, i) => PER_MODEL * model + i);
    all.push(...(await compared(model, seeds, backend, 6, schedules)));
  }
  return all;
}

/** The backend with programs that other tasks are put into. */
function altered({ machine, observer, launch }: Backend, alter: (tasks: readonly Task[]) => readonly Task[]): Backend {
  const { target } = machine!;
  const emit: typeof target.emit = (program: TaskProgram, options) =>
    target.emit({ ...program, lanes: program.lanes.map(alter) }, options);
  return targetBackend({ ...machine!, target: { ...target, emit } }, observer, launch!);
}

describe('random schedules', () => {
  it('give what the interpreter gives, by other code than the usual', { timeout: 120_000 }, async () => {
    const all = await variants(await nodeBackend('wasm', { observer: { ...silent, check: 1 } }));
    expect(all.filter((v) => v.difference !== null)).toEqual([]);
    expect(all.filter((v) => v.other).length).toBeGreaterThan(0.8 * all.length);
  });

  it('are told from the usual one by code that does not change by itself', { timeout: 60_000 }, async () => {
    const all = await variants(await nodeBackend('wasm'), 1, () => ({}));
    expect(all.filter((v) => v.other || v.difference)).toEqual([]);
  });

  it('are seen where they go wrong', { timeout: 60_000 }, async () => {
    // Families: their last task makes some of the only output.
    const broken = altered(await nodeBackend('wasm'), (tasks) => tasks.slice(0, -1));
    const all = (await variants(broken, 1)).filter(({ seed }) => Math.floor(seed / PER_MODEL) % 2 === 0);
    expect(all.map((v) => v.difference)).toEqual(all.map(() => expect.stringMatching(/^output 0\[/)));
  });
});
