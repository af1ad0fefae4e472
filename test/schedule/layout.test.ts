// Layouts: what a sum over channels reads has its channels last, even where nothing else asks for that; so has a
// depthwise window whose image and result are the caller's, each turned once.
import { describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, index, load, mul } from '../../src/3-tile/expr.ts';
import { interpret } from '../../src/3-tile/interpret.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { newTensor, owner } from '../../src/3-tile/tensor.ts';
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

/** A depthwise window of three rows over an image of the caller, whose result is the caller's too: both by way of views. */
function depthwise() {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [CHANNELS, ROWS, COLUMNS], 'input');
  const image = newTensor('x', 'f32', [CHANNELS, 1, ROWS, COLUMNS], 'temp', { base: x });
  const w = b.constant(wholeNumbers([CHANNELS, 3]));
  const sums = b.reduce('f32', [CHANNELS, 1, ROWS - 2, COLUMNS], [3], sum('f32'), ([c, , i, j], [r]) =>
    mul(load(image, [c, index(0), add(i, r), j]), load(w, [c, r])),
  );
  const out = newTensor('y', 'f32', [CHANNELS, ROWS - 2, COLUMNS], 'output');
  const [op] = b.steps as TileOp[];
  const write = newTensor('y', 'f32', sums.shape, 'temp', { base: out });
  const program = { inputs: [x], outputs: [out], steps: [{ ...op, write }], checks: [] };
  return { program, feeds: [wholeNumbers(x.shape)] };
}

describe('a product with constants of what the caller sees', () => {
  /** Channels by pixels, and as many sums of them. */
  function product(pixels: number) {
    const b = new TileBuilder();
    const x = newTensor('x', 'f32', [CHANNELS, pixels], 'input');
    const w = b.constant(wholeNumbers([3, CHANNELS]));
    const out = b.reduce('f32', [3, pixels], [CHANNELS], sum('f32'), ([o, i], [c]) =>
      mul(load(x, [c, i]), load(w, [o, c])),
    );
    out.role = 'output';
    return { inputs: [x], outputs: [out], steps: b.steps, checks: [] };
  }

  it('stays as it is where pixels fill vectors, and is turned where they do not', () => {
    const [long, short] = [product(400), product(20)];
    expect(layOut(long)).toBe(long);
    expect(layOut(short).steps.length).toBeGreaterThan(1);
  });
});

describe('a depthwise window between views of what the caller sees', () => {
  const { program, feeds } = depthwise();
  const laid = layOut(program);

  it('has its channels last, between two turns', () => {
    const [before, window, after] = laid.steps as TileOp[];
    expect([before, window].map((op) => op.write.shape.slice(-2))).toEqual([
      [CHANNELS, 1],
      [CHANNELS, 1],
    ]);
    expect(owner(after.write)).toBe(program.outputs[0]);
  });

  it('is the same', () => {
    expect(tensorValues(interpret(laid, feeds)[0])).toEqual(tensorValues(interpret(program, feeds)[0]));
  });
});
