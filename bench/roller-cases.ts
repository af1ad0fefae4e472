// The 119 operators of Roller's evaluation as models of one node each. In: a batch. Out: named as in the paper's
// artifact, kind and number, with the arithmetic and the bytes of one run. What is rows there (65,536: 128 sequences of
// 512) is rows of one sequence at batch 1.
import { elementCount, type TensorData } from '../src/ir/tensor.ts';
import { type AttrSpec, type NodeSpec, writeModel } from '../src/web/write.ts';
import { type OpCase, randomData } from './op-cases.ts';
import { CONVOLUTIONS, DEPTHWISE, ELEMENTWISE, POOLINGS, PRODUCTS, REDUCTIONS } from './roller-operators.ts';

export interface RollerCase {
  readonly name: string;
  readonly node: NodeSpec;
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly weights?: readonly number[];
  /** Arithmetic of products and convolutions, flop; 0 where bytes are what counts. */
  readonly flops: number;
}

/** The batch of the published extents. */
const PUBLISHED_BATCH = 128;

const ints = (values: readonly number[]): AttrSpec => ({ kind: 'ints', value: values.map(BigInt) });
const int = (value: number): AttrSpec => ({ kind: 'int', value: BigInt(value) });

/** The input of the node, its weights and its result. */
export const [x, w, y] = ['x', 'w', 'y'];

interface Windowed {
  readonly window: number;
  readonly stride: number;
  readonly dilation: number;
  readonly same: boolean;
}

const slid = (extent: number, { window, stride, dilation, same }: Windowed): number =>
  same ? Math.ceil(extent / stride) : Math.floor((extent - (window - 1) * dilation - 1) / stride) + 1;

const windowed = ({ stride, dilation, same }: Windowed) => ({
  strides: ints([stride, stride]),
  dilations: ints([dilation, dilation]),
  auto_pad: { kind: 'string', value: same ? 'SAME_UPPER' : 'VALID' } as const,
});

function convolution(name: string, input: readonly number[], k: number, group: number, slide: Windowed): RollerCase {
  const [batch, c, ...spatial] = input;
  const output = [batch, k, ...spatial.map((n) => slid(n, slide))];
  const weights = [k, c / group, slide.window, slide.window];
  const attrs = { ...windowed(slide), group: int(group) };
  const flops = 2 * elementCount(output) * elementCount(weights.slice(1));
  return { name, node: { op: 'Conv', inputs: [x, w], outputs: [y], attrs }, input, output, weights, flops };
}

function pooling(name: string, input: readonly number[], slide: Windowed): RollerCase {
  const [batch, c, ...spatial] = input;
  const { dilations: _, ...attrs } = { ...windowed(slide), kernel_shape: ints([slide.window, slide.window]) };
  const node = { op: 'AveragePool', inputs: [x], outputs: [y], attrs };
  return { name, node, input, output: [batch, c, ...spatial.map((n) => slid(n, slide))], flops: 0 };
}

function reduction(name: string, input: readonly number[]): RollerCase {
  const kept = input.length === 4 ? 2 : input.length - 1;
  const attrs = { axes: ints(input.map((_, d) => d).slice(kept)) };
  const output = input.map((n, d) => (d < kept ? n : 1));
  return { name, node: { op: 'ReduceMean', inputs: [x], outputs: [y], attrs }, input, output, flops: 0 };
}

/** The operators at a batch. */
export function rollerCases(batch: number): RollerCase[] {
  const at = ([rows, ...rest]: readonly number[]): number[] => [(rows * batch) / PUBLISHED_BATCH, ...rest];
  const product = (name: string, [m, k, n]: readonly number[]): RollerCase => {
    const [input, weights, output] = [at([m, k]), [k, n], at([m, n])];
    const node = { op: 'MatMul', inputs: [x, w], outputs: [y] };
    return { name, node, input, output, weights, flops: 2 * elementCount(output) * k };
  };
  const relu = (name: string, shape: readonly number[]): RollerCase => {
    const node = { op: 'Relu', inputs: [x], outputs: [y] };
    return { name, node, input: shape, output: shape, flops: 0 };
  };
  return [
    ...PRODUCTS.map((extents, i) => product(`M${i}`, extents)),
    ...CONVOLUTIONS.map(([c, h, v, k, window, stride, dilation, same], i) =>
      convolution(`C${i}`, [batch, c, h, v], k, 1, { window, stride, dilation, same }),
    ),
    ...DEPTHWISE.map(([c, h, v, window, stride, dilation, same], i) =>
      convolution(`D${i}`, [batch, c, h, v], c, c, { window, stride, dilation, same }),
    ),
    ...ELEMENTWISE.map((shape, i) => relu(`E${i}`, at(shape))),
    ...POOLINGS.map(([c, h, v, window, stride, same], i) =>
      pooling(`P${i}`, [batch, c, h, v], { window, stride, dilation: 1, same }),
    ),
    ...REDUCTIONS.map((shape, i) => reduction(`R${i}`, at(shape))),
  ];
}

/** The model of a case, with these weights. */
export function modelOf({ node, input }: RollerCase, weights?: TensorData): Uint8Array {
  const initializers: [string, TensorData][] = weights ? [[w, weights]] : [];
  const inputs = [{ name: x, dtype: 'f32' as const, shape: input }];
  const graph = { inputs, outputs: [{ name: y }], nodes: [node], initializers };
  return writeModel({ irVersion: 10, graph, opsets: [['', 13]] });
}

/** Bytes of a case's tensors. */
export const bytesOf = ({ input, output, weights }: RollerCase): number =>
  4 * (elementCount(input) + elementCount(output) + (weights ? elementCount(weights) : 0));

/** The case with random weights and input. */
export function opCase(c: RollerCase): OpCase {
  const depth = c.weights ? c.flops / (2 * elementCount(c.output)) : 1;
  const weights = c.weights && randomData('f32', c.weights, 1, Math.sqrt(3 / depth));
  const feeds = { [x]: randomData('f32', c.input, 99) };
  return { name: c.name, bytes: modelOf(c, weights), feeds, flops: c.flops, moved: bytesOf(c), chain: 1 };
}
