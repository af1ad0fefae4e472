// Small networks whose operators share tiles, for schedules to differ on. In: a seed. Out: a model of one of the families
// below, with extents that are drawn, and its feeds. Beside random models, whose operators seldom meet like this.

import { parseModel } from '../../src/compile.ts';
import { elementCount, tensorOf } from '../../src/ir/tensor.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { ModelBuilder, type Value } from '../../src/web/build.ts';
import type { RandomModel } from './random-model.ts';

type Draw = (from: number, to: number) => number;
type Family = (m: ModelBuilder, int: Draw) => readonly (readonly [name: string, shape: readonly number[]])[];

const image = (m: ModelBuilder, int: Draw, channels: number) => {
  const shape = [1, channels, int(5, 14), int(5, 14)];
  return { x: m.input('x', 'float32', shape), feeds: [['x', shape]] as const };
};

/** A convolution of k by k; `depth`: also along a dimension before those, which it leaves as long. */
function conv(m: ModelBuilder, x: Value, [o, c, k]: readonly number[], group = 1, stride = 1, depth?: number): Value {
  const window = depth === undefined ? [k, k] : [depth, k, k];
  const before = window.map((n) => Math.floor((n - 1) / 2));
  const pads = [...before, ...window.map((n, i) => n - 1 - before[i])];
  const attributes = { pads, strides: window.map(() => stride), group };
  const size = elementCount([c, ...window]);
  return m.node('Conv', [x, m.random([o, c / group, ...window], size ** -0.5), m.random([o], 0.5)], attributes);
}

const softmaxOf = (m: ModelBuilder, x: Value): Value => m.node('Softmax', [x], { axis: -1 });

function normalised(m: ModelBuilder, x: Value, width: number): Value {
  return m.node('LayerNormalization', [x, m.random([width], 1), m.random([width], 1)], { axis: -1 });
}

/** Networks of a few operators that share tiles, each with extents that are drawn. */
const FAMILIES: readonly Family[] = [
  (m, int) => {
    const [a, b, c] = [int(3, 20), int(3, 16), int(3, 40)];
    const { x, feeds } = image(m, int, a);
    const inner = m.node('Relu', [conv(m, x, [b, a, 3])]);
    m.output(m.node('MaxPool', [conv(m, inner, [c, b, int(0, 1) * 2 + 1], 1, int(1, 2))], { kernel_shape: [2, 2] }));
    return feeds;
  },
  (m, int) => {
    const [c, o] = [int(4, 20), int(4, 40)];
    const { x, feeds } = image(m, int, c);
    const wide = m.node('Clip', [conv(m, x, [2 * c, c, 1])]);
    const deep = m.node('HardSwish', [conv(m, wide, [2 * c, 2 * c, 3], 2 * c, int(1, 2))]);
    m.output(conv(m, deep, [o, 2 * c, 1]));
    return feeds;
  },
  (m, int) => {
    const c = int(3, 20);
    const { x, feeds } = image(m, int, c);
    m.output(m.node('Add', [conv(m, m.node('Relu', [conv(m, x, [c, c, 3])]), [c, c, 3]), x]));
    return feeds;
  },
  (m, int) => {
    const [rows, width, inner] = [int(1, 40), int(4, 70), int(4, 90)];
    const x = m.input('x', 'float32', [rows, width]);
    const up = m.node('MatMul', [normalised(m, x, width), m.random([width, inner], width ** -0.5)]);
    const active = m.node('Gelu', [m.node('Add', [up, m.random([inner], 1)])]);
    m.output(m.node('Add', [x, m.node('MatMul', [active, m.random([inner, width], inner ** -0.5)])]));
    return [['x', [rows, width]]];
  },
  (m, int) => {
    const [heads, queries, keys, size] = [int(1, 4), int(1, 40), int(2, 70), int(2, 20)];
    const turn = (x: Value, perm: number[]): Value => m.node('Transpose', [x], { perm });
    const q = m.input('q', 'float32', [1, queries, heads, size]);
    const [k, v] = ['k', 'v'].map((name) => m.input(name, 'float32', [1, keys, heads, size]));
    const scores = m.node('MatMul', [turn(q, [0, 2, 1, 3]), turn(k, [0, 2, 3, 1])]);
    const result = m.node('MatMul', [softmaxOf(m, scores), turn(v, [0, 2, 1, 3])]);
    m.output(turn(result, [0, 2, 1, 3]));
    const rest = ['k', 'v'].map((name) => [name, [1, keys, heads, size]] as const);
    return [['q', [1, queries, heads, size]], ...rest];
  },
  (m, int) => {
    const [group, heads, n, size] = [int(1, 3), int(1, 3), int(2, 50), int(2, 20)];
    const shapes = [group * heads, heads, heads].map((h) => [1, h, n, size]);
    const all = ['q', 'k', 'v'].map((name, i) => m.input(name, 'float32', shapes[i]));
    m.output(m.node('Attention', all, { is_causal: int(0, 1) }));
    return ['q', 'k', 'v'].map((name, i) => [name, shapes[i]] as const);
  },
  (m, int) => {
    const shape = [int(1, 6), int(2, 30), int(2, 60)];
    const x = m.input('x', 'float32', shape);
    const turned = m.node('Transpose', [softmaxOf(m, x)], { perm: [0, 2, 1] });
    m.output(m.node('Mul', [m.node('Tanh', [turned]), m.node('ReduceSum', [turned], { keepdims: 1 })]));
    return [['x', shape]];
  },
  (m, int) => {
    // Outputs that no whole vectors cover, of enough summands that the rest is a product of its own.
    const [rows, summands, outputs] = [int(1, 3), int(64, 80), int(256, 290)];
    const x = m.input('x', 'float32', [rows, summands]);
    const product = m.node('MatMul', [x, m.random([summands, outputs], summands ** -0.5)]);
    m.output(softmaxOf(m, m.node('Add', [product, m.random([outputs], 1)])));
    return [['x', [rows, summands]]];
  },
  (m, int) => {
    // A right operand that is no constant, its rows a page apart: packed while the program runs.
    const [rows, summands, outputs] = [int(64, 70), int(2, 4), int(1024, 1060)];
    const shapes = { x: [rows, summands], y: [summands, outputs] };
    const [x, y] = (['x', 'y'] as const).map((name) => m.input(name, 'float32', shapes[name]));
    m.output(m.node('Relu', [m.node('MatMul', [x, y])]));
    return Object.entries(shapes);
  },
  (m, int) => {
    // Padding on the far sides only.
    const [c, o] = [int(3, 16), int(3, 24)];
    const { x, feeds } = image(m, int, c);
    const inner = m.node('Relu', [conv(m, x, [c, c, 3])]);
    const attributes = { pads: [0, 0, int(0, 2), int(0, 2)], strides: [1, int(1, 2)] };
    m.output(m.node('Tanh', [m.node('Conv', [inner, m.random([o, c, 3, 3], 0.2)], attributes)]));
    return feeds;
  },
  (m, int) => {
    const [a, b, c] = [int(2, 12), int(3, 12), int(3, 20)];
    const shape = [int(1, 2), a, int(2, 5), int(4, 10), int(4, 10)];
    const inner = m.node('Relu', [conv(m, m.input('x', 'float32', shape), [b, a, 3], 1, 1, int(1, 3))]);
    m.output(m.node('Tanh', [conv(m, inner, [c, b, int(0, 1) * 2 + 1], 1, 1, int(1, 3))]));
    return [['x', shape]];
  },
];

/** A network of one of the families. */
export function familyModel(seed: number): RandomModel {
  const next = mulberry32(seed);
  const int: Draw = (from, to) => from + Math.floor(next() * (to - from + 1));
  const builder = new ModelBuilder({ opset: 23 });
  const shapes = FAMILIES[Math.abs(seed) % FAMILIES.length](builder, int);
  const feeds = shapes.map(([, shape]) => {
    const values = Array.from({ length: elementCount(shape) }, () => 2 * next() - 1);
    return tensorOf('f32', shape, values);
  });
  return { model: parseModel(builder.toBytes()), feeds, exact: [false] };
}
