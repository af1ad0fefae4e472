// Which operators share a kernel, and that equal work is one kernel.
import { describe, expect, it } from 'vitest';
import { broadcastLoad, TileBuilder } from '../../src/3-tile/builder.ts';
import * as E from '../../src/3-tile/expr.ts';
import { maximum, sum } from '../../src/3-tile/monoids.ts';
import { runsOf } from '../../src/3-tile/statements.ts';
import type { TaskProgram } from '../../src/3-tile/task.ts';
import { newTensor, owner, type TileTensor } from '../../src/3-tile/tensor.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { elementCount, emptyTensor } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { printKernel } from '../../src/web/text/print.ts';

const { add, constant, exp, load, max, mul, sub } = E;
type Made = (b: TileBuilder, input: (...shape: number[]) => TileTensor) => TileTensor;

function scheduled(make: Made, fuse = true, device = 'wasm-simd128'): TaskProgram {
  const b = new TileBuilder();
  const inputs: TileTensor[] = [];
  const out = make(b, (...shape) => {
    const t = newTensor('x', 'f32', shape, 'input');
    inputs.push(t);
    return t;
  });
  const program = { inputs, outputs: [out], steps: b.steps, checks: [] };
  return schedule(program, { device: namedDevice(device)!, lower: lowering, fuse });
}

const weights = (b: TileBuilder, ...shape: number[]): TileTensor => b.constant(emptyTensor('f32', shape));

function linear(b: TileBuilder, x: TileTensor, n: number): TileTensor {
  const [m, k] = x.shape;
  const w = weights(b, k, n);
  const y = b.reduce('f32', [m, n], [k], sum('f32'), ([i, j], [r]) => mul(load(x, [i, r]), load(w, [r, j])));
  const bias = weights(b, n);
  const z = b.map('f32', y.shape, (ix) => add(load(y, ix), broadcastLoad(bias, ix)));
  return b.map('f32', z.shape, (ix) => max(load(z, ix), constant('f32', 0)));
}

const relu = (b: TileBuilder, x: TileTensor): TileTensor =>
  b.map('f32', x.shape, (ix) => max(load(x, ix), constant('f32', 0)));

describe('fusion', () => {
  it('stores a matrix product with its bias and activation; equal layers are one kernel', () => {
    const three: Made = (b, input) => linear(b, linear(b, linear(b, input(8, 16), 16), 16), 16);
    const { kernels, lanes } = scheduled(three);
    expect(lanes[0]).toHaveLength(3);
    expect(kernels).toHaveLength(1);
    expect(scheduled(three, false).lanes[0]).toHaveLength(9);
  });

  it('computes an expensive value once for two readers, a cheap one twice', () => {
    const twice =
      (f: (x: E.Expr) => E.Expr): Made =>
      (b, input) => {
        const x = input(4, 32);
        const e = b.map('f32', [4, 32], (ix) => f(load(x, ix)));
        const s = b.reduce('f32', [4], [32], sum('f32'), ([i], [r]) => load(e, [i, r]));
        return b.map('f32', [4, 32], ([i, j]) => sub(load(e, [i, j]), load(s, [i])));
      };
    /** The input, the result, and what is stored whole between them. */
    const whole = (made: Made): number => {
      const used = scheduled(made)
        .lanes.flatMap(runsOf)
        .flatMap((run) => run.args.map(owner));
      return new Set(used.filter((t) => elementCount(t.shape) === 128)).size;
    };
    expect(whole(twice(exp))).toBe(3);
    expect(whole(twice((x) => add(x, x)))).toBe(2);
    // At even cost they share a kernel.
    expect(scheduled(twice(exp)).lanes[0]).toHaveLength(1);
  });

  it('keeps what several readers reduce many times', () => {
    const { lanes } = scheduled((b, input) => linear(b, relu(b, input(32, 16)), 16));
    expect(lanes[0]).toHaveLength(2);
  });

  it('writes into the parts of a concatenation directly', () => {
    const { lanes } = scheduled((b, input) => {
      const out = b.alloc('f32', [8, 16]);
      for (const k of [0, 1]) {
        const y = relu(b, input(4, 16));
        b.write(
          out,
          [4, 16],
          ([i, j]) => [add(i, constant('i32', 4 * k)), j],
          (ix) => load(y, ix),
        );
      }
      return out;
    });
    expect(lanes[0]).toHaveLength(2);
  });

  it('joins across reshapes that split and merge extents', () => {
    const { lanes } = scheduled((b, input) => {
      const x = input(6, 20);
      const y = b.reduce('f32', [6, 20], [3], maximum('f32'), (ix) => load(x, ix));
      const merged = relu(b, b.view(y, [2, 3, 20]));
      const flat = relu(b, b.view(merged, [120]));
      return relu(b, b.view(flat, [6, 4, 5]));
    });
    expect(lanes[0]).toHaveLength(1);
  });

  it('rounds to a narrow storage type where the tensor between would have', () => {
    const { kernels } = scheduled((b, input) => {
      const x = input(8);
      const h = b.map('f16', [8], (ix) => mul(load(x, ix), load(x, ix)));
      return b.map('f32', [8], (ix) => add(load(h, ix), constant('f32', 1)));
    });
    expect(kernels).toHaveLength(1);
    expect(printKernel(kernels[0])).toContain('round');
  });

  it('never joins across another write of the tensor between', () => {
    const { lanes } = scheduled((b, input) => {
      const x = input(8);
      const y = b.map('f32', [8], (ix) => mul(load(x, ix), constant('f32', 2)));
      b.write(
        y,
        [4],
        (ix) => ix,
        (ix) => load(x, ix),
      );
      return b.map('f32', [8], (ix) => add(load(y, ix), constant('f32', 1)));
    });
    expect(lanes[0]).toHaveLength(3);
  });
});

describe('lowered kernels', () => {
  it('reads as a register tile', () => {
    const { kernels } = scheduled((b, input) => {
      const [x, y] = [input(4, 8), input(8, 4)];
      return b.reduce('f32', [4, 4], [8], sum('f32'), ([i, j], [r]) => mul(load(x, [i, r]), load(y, [r, j])));
    });
    expect(printKernel(kernels[0])).toMatchSnapshot();
  });

  it('reads as one loop for an element-wise operator of any rank', () => {
    const { kernels } = scheduled((b, input) => relu(b, input(2, 3, 5, 7)));
    expect(printKernel(kernels[0])).toMatchSnapshot();
  });
});
