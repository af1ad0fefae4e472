// The memory plan never lets two tensors that are in use at once share bytes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, constant, load, mul } from '../../src/3-tile/expr.ts';
import type { Task } from '../../src/3-tile/task.ts';
import { newTensor, owner, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { TileProgram } from '../../src/3-tile/tile-op.ts';
import { ALIGNMENT, Contents, lifetimes } from '../../src/4-schedule/memory.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { tensorOf } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { build, rolls } from '../lower/random-program.ts';

const device = namedDevice('wasm-simd128')!;
const plan = (program: TileProgram, fuse: boolean) => schedule(program, { device, lower: lowering, fuse });

/** Positions at which a straight-line program uses each owner, found without the planner. */
function spans(tasks: readonly Task[]): Map<TileTensor, [number, number]> {
  const out = new Map<TileTensor, [number, number]>();
  tasks.forEach((t, i) => {
    if (t.kind !== 'run') return;
    for (const a of t.args.map(owner)) out.set(a, [out.get(a)?.[0] ?? i, i]);
  });
  return out;
}

describe('memory plan', () => {
  it('keeps tensors in use apart, aligned and inside the arena', () => {
    fc.assert(
      fc.property(rolls, fc.boolean(), (r, fused) => {
        const { program } = build(r);
        const { plan: memory, lanes, inputs, outputs } = plan(program, fused);
        const live = spans(lanes[0]);
        for (const t of inputs) live.set(owner(t), [-1, live.get(owner(t))?.[1] ?? -1]);
        for (const t of outputs) live.set(owner(t), [live.get(owner(t))?.[0] ?? -1, lanes[0].length]);
        const used = [...live].map(([t, span]) => ({ span, place: memory.places.get(t)! }));
        for (const a of used) {
          expect(a.place.offset % ALIGNMENT).toBe(0);
          const size = a.place.space === 'arena' ? memory.arenaBytes : memory.constantBytes;
          expect(a.place.offset + a.place.bytes).toBeLessThanOrEqual(size);
          for (const b of used) {
            if (a === b || a.place.space !== 'arena' || b.place.space !== 'arena') continue;
            if (a.span[1] < b.span[0] || b.span[1] < a.span[0]) continue;
            const apart =
              a.place.offset + a.place.bytes <= b.place.offset || b.place.offset + b.place.bytes <= a.place.offset;
            expect(apart || a.place.bytes === 0 || b.place.bytes === 0).toBe(true);
          }
        }
      }),
      { numRuns: 200, seed: 3 },
    );
  });

  it('finds equal constants among many that differ at their ends only', () => {
    const contents = new Contents();
    const [count, length] = [60, 2048];
    const made = [...Array(count).keys()].map((i) => {
      const data = tensorOf('f32', [length], new Array<number>(length - 1).fill(0).concat(i % (count / 2)));
      return newTensor('c', 'f32', [length], 'constant', { data });
    });
    const firsts = [...made, ...made].map((t) => made.indexOf(contents.first(t)));
    expect(firsts).toEqual([...made, ...made].map((_, i) => i % (count / 2)));
  });

  it('stores equal constants once', () => {
    const b = new TileBuilder();
    const x = newTensor('x', 'f32', [3], 'input');
    const one = (): TileTensor => b.constant(tensorOf('f32', [3], [1, 2, 3]));
    const [c, d] = [one(), one()];
    const sum = b.map('f32', [3], (ix) => add(add(load(x, ix), load(c, ix)), mul(load(d, ix), load(x, ix))));
    const { plan: memory } = plan({ inputs: [x], outputs: [sum], steps: b.steps, checks: [] }, true);
    expect(c).not.toBe(d);
    expect(memory.constantBytes).toBe(ALIGNMENT);
    expect(memory.places.get(c)).toEqual(memory.places.get(d));
  });

  it('keeps what enters or goes round a loop through the whole loop', () => {
    const b = new TileBuilder();
    const scalar = (name: string, dtype: 'i64' | 'bool' | 'f32'): TileTensor => newTensor(name, dtype, [], 'temp');
    const x = newTensor('x', 'f32', [8], 'input');
    const outside = b.map('f32', [8], (ix) => mul(load(x, ix), constant('f32', 3)));
    const state = b.alloc('f32', [8], 'state');
    const init = b.map('f32', [8], (ix) => load(x, ix));
    const trip = b.constant(tensorOf('i64', [], [4n]));
    const body = b.nested();
    const inner = body.map('f32', [8], (ix) => mul(load(state, ix), constant('f32', 2)));
    const next = body.map('f32', [8], (ix) => add(load(inner, ix), load(outside, ix)));
    b.loop({
      trip,
      cond: null,
      counter: scalar('i', 'i64'),
      carried: [{ init, state, next }],
      steps: body.steps,
    });
    const program = { inputs: [x], outputs: [state], steps: b.steps, checks: [] };
    const { lanes } = plan(program, false);
    const lives = lifetimes(lanes[0], program.inputs, program.outputs);
    const at = lanes[0].findIndex((t) => t.kind === 'loop') + 1;
    for (const t of [outside, state]) {
      expect(lives.get(t)!.from).toBeLessThanOrEqual(at);
      expect(lives.get(t)!.to).toBeGreaterThan(lives.get(next)!.to);
    }
    expect(lives.get(inner)!.from).toBeGreaterThan(at);
  });

  it('plans tensors without elements', () => {
    const b = new TileBuilder();
    const x = newTensor('x', 'f32', [0, 4], 'input');
    const y = b.map('f32', [0, 4], (ix) => load(x, ix));
    const { plan: memory, lanes } = plan({ inputs: [x], outputs: [y], steps: b.steps, checks: [] }, true);
    expect(lanes[0]).toEqual([]);
    expect(memory.arenaBytes).toBe(0);
    expect(memory.places.get(y)).toEqual({ space: 'arena', offset: 0, bytes: 0 });
  });
});
