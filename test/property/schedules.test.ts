// Whatever the scheduler is told to choose, programs mean the same; most of what is drawn is another program than the
// default one, and the comparison does see a wrong one.
import { describe, expect, it } from 'vitest';
import { resetExprs } from '../../src/3-tile/expr.ts';
import { nodeBackend } from '../../src/backends/node.ts';
import type { Observer } from '../../src/observe.ts';
import { firstDifference, runOn } from './differential.ts';
import { familyModel, scheduledBackend, scheduledModel } from './schedules.ts';

/** Keeps the text of the last program. */
class LastProgram implements Observer {
  readonly check = 1;
  text = '';

  see({ stage, text }: Parameters<Observer['see']>[0]): void {
    if (stage === 'schedule') this.text = text();
  }
}

const seeds = Array.from({ length: 56 }, (_, i) => i);

describe('random schedules', () => {
  it('give what the interpreter gives, by other programs than the default', { timeout: 120_000 }, async () => {
    const [drawn, usual] = [new LastProgram(), new LastProgram()];
    const wasm = await nodeBackend('wasm', { observer: usual });
    let others = 0;
    for (const seed of seeds) {
      const m = scheduledModel(seed, 6);
      const want = await runOn(m, await nodeBackend('interpreter'));
      const got = await runOn(m, scheduledBackend(wasm, seed, drawn));
      expect(firstDifference(got, want, m.exact), `seed ${seed}`).toBeNull();
      await runOn(m, wasm);
      others += drawn.text === usual.text ? 0 : 1;
      resetExprs();
    }
    expect(others).toBeGreaterThan(0.6 * seeds.length);
  });

  it('are seen where they go wrong', async () => {
    const m = familyModel(3);
    const [want] = await runOn(m, await nodeBackend('interpreter'));
    const bytes = want.bytes.slice();
    bytes[bytes.length - 1] ^= 0x40;
    expect(firstDifference([{ ...want, bytes }], [want], m.exact)).toMatch(/^output 0\[/);
  });
});
