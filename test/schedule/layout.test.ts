// Layouts: what a sum over channels reads has its channels last, even where nothing else asks for that.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { load, mul } from '../../src/3-tile/expr.ts';
import { interpret } from '../../src/3-tile/interpret.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { TileOp } from '../../src/3-tile/tile-op.ts';
import { layOut } from '../../src/4-schedule/layout.ts';
import { loadsOf } from '../../src/4-schedule/welder/region.ts';
import { tensorValues } from '../../src/ir/tensor.ts';
import { wholeNumbers } from './whole-numbers.ts';

const [CHANNELS, ROWS, COLUMNS] = [6, 4, 5];

/** Tokens turned into an image, channels first, and a 1×1 convolution of it. */
function turned() {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [ROWS, COLUMNS, CHANNELS], 'input');
  const w = b.constant(wholeNumbers([3, CHANNELS]));
  const image = b.map('f32', [CHANNELS, ROWS, COLUMNS], ([c, i, j]) => mul(load(x, [i, j, c]), load(x, [i, j, c])));
  const out = b.reduce('f32', [3, ROWS, COLUMNS], [CHANNELS], sum('f32'), ([o, i, j], [c]) =>
    mul(load(image, [c, i, j]), load(w, [o, c])),
  );
  return { program: { inputs: [x], outputs: [out], steps: b.steps, checks: [] }, feeds: [wholeNumbers(x.shape)] };
}

describe('a sum over channels of an image made of tokens', () => {
  const { program, feeds } = turned();
  const laid = layOut(program);
  const ops = laid.steps as TileOp[];

  it('reads them next to each other', () => {
    const made = ops[0].write;
    expect(made.shape).toEqual([ROWS, COLUMNS, CHANNELS]);
    expect(ops.filter((op) => loadsOf(op).some((e) => e.arg === made))).toHaveLength(1);
  });

  it('is the same', () => {
    expect(tensorValues(interpret(laid, feeds)[0])).toEqual(tensorValues(interpret(program, feeds)[0]));
  });
});
