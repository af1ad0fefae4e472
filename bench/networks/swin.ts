// Swin-T as PyTorch exports it: attention within windows of 7×7 positions, every second time of a map that is rolled
// by half a window, with a bias by relative position; between the stages four neighbours become one.
import { ModelBuilder, Tensor, type Value } from '../../src/web/build.ts';
import { feedForward, ints, layerNorm, linear, type Network, patches, randomFeed, scalar } from './layers.ts';

const WINDOW = 7;
const AREA = WINDOW * WINDOW;
const CLOSED = -100;

/** One stage: maps of [1, size, size, width] in heads of 32. */
interface Stage {
  readonly m: ModelBuilder;
  readonly size: number;
  readonly width: number;
  readonly heads: number;
}

/** Rows and columns moved towards the beginning, those that fall off appended. */
function rolled({ m }: Stage, x: Value, by: number): Value {
  return [1, 2].reduce((value, axis) => {
    const tail = m.node('Slice', [value, ints(by), ints(Number.MAX_SAFE_INTEGER), ints(axis)]);
    return m.node('Concat', [tail, m.node('Slice', [value, ints(0), ints(by), ints(axis)])], { axis });
  }, x);
}

/** Closes what the roll made neighbours of: [1, windows, 1, area, area]. */
function rollMask({ size }: Stage, by: number): Tensor {
  const across = size / WINDOW;
  const part = (i: number): number => (i < size - WINDOW ? 0 : i < size - by ? 1 : 2);
  const region = (window: number, at: number): number => {
    const row = Math.floor(window / across) * WINDOW + Math.floor(at / WINDOW);
    return 3 * part(row) + part((window % across) * WINDOW + (at % WINDOW));
  };
  const data = new Float32Array(across * across * AREA * AREA);
  for (let i = 0; i < data.length; i++) {
    const window = Math.floor(i / (AREA * AREA));
    const apart = region(window, Math.floor(i / AREA) % AREA) !== region(window, i % AREA);
    data[i] = apart ? CLOSED : 0;
  }
  return new Tensor('float32', data, [1, across * across, 1, AREA, AREA]);
}

function windowAttention(stage: Stage, x: Value, by: number): Value {
  const { m, size, width, heads } = stage;
  const across = size / WINDOW;
  const cut = m.node('Reshape', [by ? rolled(stage, x, by) : x, ints(1, across, WINDOW, across, WINDOW, width)]);
  const order = { perm: [0, 1, 3, 2, 4, 5] };
  const windows = m.node('Reshape', [m.node('Transpose', [cut], order), ints(across * across, AREA, width)]);
  const all = m.node('Reshape', [linear(m, windows, width, 3 * width), ints(across * across, AREA, 3, heads, 32)]);
  const turned = m.node('Transpose', [all], { perm: [2, 0, 3, 1, 4] });
  const [q, k, v] = [0n, 1n, 2n].map((i) => m.node('Gather', [turned, new Tensor('int64', [i], [])], { axis: 0 }));
  const scaled = m.node('Mul', [q, scalar(1 / Math.sqrt(32))]);
  const products = m.node('MatMul', [scaled, m.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
  let scores = m.node('Add', [products, m.random([1, heads, AREA, AREA], 0.2)]);
  if (by) {
    const apart = m.node('Reshape', [scores, ints(1, across * across, heads, AREA, AREA)]);
    scores = m.node('Reshape', [m.node('Add', [apart, rollMask(stage, by)]), ints(-1, heads, AREA, AREA)]);
  }
  const mixed = m.node('MatMul', [m.node('Softmax', [scores], { axis: -1 }), v]);
  const joined = m.node('Reshape', [m.node('Transpose', [mixed], { perm: [0, 2, 1, 3] }), ints(-1, AREA, width)]);
  const back = m.node('Reshape', [linear(m, joined, width, width), ints(1, across, across, WINDOW, WINDOW, width)]);
  const map = m.node('Reshape', [m.node('Transpose', [back], order), ints(1, size, size, width)]);
  return by ? rolled(stage, map, size - by) : map;
}

/** Four neighbours become one of twice the width. */
function merged({ m, width }: Stage, x: Value): Value {
  const every = (y: number, z: number): Value => {
    const rows = m.node('Slice', [x, ints(y), ints(Number.MAX_SAFE_INTEGER), ints(1), ints(2)]);
    return m.node('Slice', [rows, ints(z), ints(Number.MAX_SAFE_INTEGER), ints(2), ints(2)]);
  };
  const four = m.node('Concat', [every(0, 0), every(1, 0), every(0, 1), every(1, 1)], { axis: -1 });
  return linear(m, layerNorm(m, four, 4 * width), 4 * width, 2 * width, false);
}

export function swinTiny({ image = 224, classes = 1000, depths = [2, 2, 6, 2] } = {}): Network {
  const m = new ModelBuilder({ opset: 17 });
  const dims = [1, 3, image, image];
  let stage: Stage = { m, size: image / 4, width: 96, heads: 3 };
  let x = m.node('Transpose', [patches(m, m.input('image', 'float32', dims), 3, 96, 4)], { perm: [0, 2, 3, 1] });
  x = layerNorm(m, x, stage.width);
  depths.forEach((depth, level) => {
    if (level > 0) {
      x = merged(stage, x);
      stage = { m, size: stage.size / 2, width: 2 * stage.width, heads: 2 * stage.heads };
    }
    const { size, width } = stage;
    for (let i = 0; i < depth; i++) {
      const by = i % 2 === 1 && size > WINDOW ? Math.floor(WINDOW / 2) : 0;
      x = m.node('Add', [x, windowAttention(stage, layerNorm(m, x, width), by)]);
      x = m.node('Add', [x, feedForward(m, layerNorm(m, x, width), width, 4 * width)]);
    }
  });
  const last = m.node('Transpose', [layerNorm(m, x, stage.width)], { perm: [0, 3, 1, 2] });
  m.output(linear(m, m.node('Flatten', [m.node('GlobalAveragePool', [last])]), stage.width, classes));
  return { model: m, feeds: { image: randomFeed(dims) } };
}
