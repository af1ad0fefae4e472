// The single-operator cases that kernels are measured on: small models in ONNX bytes with the work
// they do. Cheap operators are chained so that calling a runtime does not count.

import type { DType } from '../src/ir/dtype.ts';
import { elementCount, elements, emptyTensor, type TensorData } from '../src/ir/tensor.ts';
import { mulberry32 } from '../src/support/random.ts';
import { type NodeSpec, writeModel } from '../src/web/write.ts';

export interface OpCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly feeds: Readonly<Record<string, TensorData>>;
  /** Arithmetic of one run, flop; 0 where bytes are what counts. */
  readonly flops: number;
  /** Bytes read and written once per operator of the chain. */
  readonly moved: number;
  readonly chain: number;
}

export function randomData(dtype: DType, shape: readonly number[], seed: number, scale = 1): TensorData {
  const t = emptyTensor(dtype, shape);
  const cells = elements(dtype, t.bytes);
  const next = mulberry32(seed);
  const n = elementCount(shape);
  for (let i = 0; i < n; i++)
    cells.set(i, dtype === 'f32' ? scale * (2 * next() - 1) : Math.floor(next() * 200) - (dtype === 'i8' ? 100 : 0));
  return t;
}

/** Versions that the peers read too. */
const PEER_FORM = { irVersion: 10, opsets: [['', 21]] as const };

interface Spec {
  readonly name: string;
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly chain?: number;
  readonly flops?: number;
  readonly moved?: number;
  readonly weights?: (seed: number) => readonly (readonly [string, TensorData])[];
  /** Inputs besides the chained one, fed at run time. */
  readonly others?: Readonly<Record<string, readonly number[]>>;
  readonly node: (x: string, y: string, w: readonly string[]) => NodeSpec;
}

function build(spec: Spec): OpCase {
  const chain = spec.chain ?? 1;
  const initializers: [string, TensorData][] = [];
  const nodes: NodeSpec[] = [];
  for (let i = 0; i < chain; i++) {
    const ws = (spec.weights?.(i + 1) ?? []).map(([n, t]) => [`${n}_${i}`, t] as const);
    for (const [n, t] of ws) initializers.push([n, t]);
    nodes.push(
      spec.node(
        i === 0 ? 'x' : `t${i}`,
        i === chain - 1 ? 'y' : `t${i + 1}`,
        ws.map(([n]) => n),
      ),
    );
  }
  const others = Object.entries(spec.others ?? {});
  const f32 = (name: string, shape: readonly number[]): { name: string; dtype: DType; shape: readonly number[] } => ({
    name,
    dtype: 'f32',
    shape,
  });
  const bytes = writeModel({
    ...PEER_FORM,
    graph: {
      inputs: [f32('x', spec.input), ...others.map(([n, s]) => f32(n, s))],
      outputs: [f32('y', spec.output)],
      nodes,
      initializers,
    },
  });
  const feeds = Object.fromEntries(
    [['x', spec.input] as const, ...others].map(([n, s], i) => [n, randomData('f32', s, 99 + i)]),
  );
  const moved = spec.moved ?? 4 * (elementCount(spec.input) + elementCount(spec.output));
  return { name: spec.name, bytes, feeds, flops: (spec.flops ?? 0) * chain, moved: moved * chain, chain };
}

const ints = (value: readonly number[]): { kind: 'ints'; value: bigint[] } => ({
  kind: 'ints',
  value: value.map(BigInt),
});
const int = (value: number): { kind: 'int'; value: bigint } => ({ kind: 'int', value: BigInt(value) });

function matmulConst(name: string, m: number, k: number, n: number, chain: number): Spec {
  return {
    name,
    input: [m, k],
    output: [m, n],
    chain,
    flops: 2 * m * k * n,
    weights: (seed) => [['w', randomData('f32', [k, n], seed, Math.sqrt(3 / k))]],
    node: (x, y, [w]) => ({ op: 'MatMul', inputs: [x, w], outputs: [y] }),
  };
}
function matmulVariable(name: string, batch: readonly number[], m: number, k: number, n: number): Spec {
  return {
    name,
    input: [...batch, m, k],
    output: [...batch, m, n],
    flops: 2 * elementCount(batch) * m * k * n,
    others: { b: [...batch, k, n] },
    node: (x, y) => ({ op: 'MatMul', inputs: [x, 'b'], outputs: [y] }),
  };
}
function conv(
  name: string,
  cin: number,
  cout: number,
  size: number,
  k: number,
  stride: number,
  chain: number,
  group = 1,
): Spec {
  const out = Math.floor((size + 2 * Math.floor(k / 2) - k) / stride) + 1;
  return {
    name,
    input: [1, cin, size, size],
    output: [1, cout, out, out],
    chain,
    flops: (2 * cout * out * out * cin * k * k) / group,
    weights: (seed) => [
      ['w', randomData('f32', [cout, cin / group, k, k], seed, Math.sqrt((3 * group) / (cin * k * k)))],
    ],
    node: (x, y, [w]) => ({
      op: 'Conv',
      inputs: [x, w],
      outputs: [y],
      attrs: { pads: ints(new Array(4).fill(Math.floor(k / 2))), strides: ints([stride, stride]), group: int(group) },
    }),
  };
}
function same(
  name: string,
  shape: readonly number[],
  chain: number,
  node: Spec['node'],
  weights?: Spec['weights'],
): Spec {
  return { name, input: shape, output: shape, chain, node, ...(weights ? { weights } : {}) };
}
const norm = (name: string, rows: number): Spec =>
  same(
    name,
    [1, rows, 768],
    rows < 256 ? 16 : 8,
    (x, y, w) => ({ op: 'LayerNormalization', inputs: [x, ...w], outputs: [y], attrs: { axis: int(-1) } }),
    (seed) => [
      ['s', randomData('f32', [768], seed)],
      ['b', randomData('f32', [768], seed + 9)],
    ],
  );

const SPECS: readonly Spec[] = [
  matmulConst('mm128c', 128, 128, 128, 64),
  matmulConst('mm512c', 512, 512, 512, 4),
  matmulConst('mm1024c', 1024, 1024, 1024, 1),
  matmulConst('mm2048c', 2048, 2048, 2048, 1),
  matmulConst('gemv4096', 1, 4096, 4096, 4),
  matmulConst('ffn32', 32, 768, 3072, 1),
  matmulVariable('mm512v', [], 512, 512, 512),
  matmulVariable('mm1024v', [], 1024, 1024, 1024),
  matmulVariable('bmm_qk128', [12], 128, 64, 128),
  conv('c7x7_3_64_224s2', 3, 64, 224, 7, 2, 1),
  conv('c3x3_64_56', 64, 64, 56, 3, 1, 4),
  conv('c3x3_128_28', 128, 128, 28, 3, 1, 4),
  conv('c3x3_256_14', 256, 256, 14, 3, 1, 4),
  conv('c3x3_512_7', 512, 512, 7, 3, 1, 4),
  conv('c3x3_128_56s2', 128, 128, 56, 3, 2, 1),
  conv('c1x1_64_256_56', 64, 256, 56, 1, 1, 1),
  conv('c1x1_128_512_28', 128, 512, 28, 1, 1, 1),
  conv('c1x1_256_1024_14', 256, 1024, 14, 1, 1, 1),
  conv('c1x1_512_2048_7', 512, 2048, 7, 1, 1, 1),
  conv('dw32_112', 32, 32, 112, 3, 1, 4, 32),
  conv('dw96_112s2', 96, 96, 112, 3, 2, 1, 96),
  conv('dw144_56', 144, 144, 56, 3, 1, 8, 144),
  conv('dw384_14', 384, 384, 14, 3, 1, 16, 384),
  conv('dw960_7', 960, 960, 7, 3, 1, 16, 960),
  same('softmax128', [1, 12, 128, 128], 16, (x, y) => ({ op: 'Softmax', inputs: [x], outputs: [y] })),
  same('softmax512', [1, 12, 512, 512], 4, (x, y) => ({ op: 'Softmax', inputs: [x], outputs: [y] })),
  norm('ln128', 128),
  norm('ln512', 512),
  same('gelu128', [1, 128, 3072], 8, (x, y) => ({ op: 'Gelu', inputs: [x], outputs: [y] })),
  same('relu_56', [1, 256, 56, 56], 1, (x, y) => ({ op: 'Relu', inputs: [x], outputs: [y] })),
  {
    ...same('add128', [1, 128, 768], 16, (x, y) => ({ op: 'Add', inputs: [x, 'b'], outputs: [y] })),
    others: { b: [1, 128, 768] },
    moved: 12 * 128 * 768,
  },
  {
    name: 'gap7',
    input: [1, 2048, 7, 7],
    output: [1, 2048, 1, 1],
    node: (x, y) => ({ op: 'GlobalAveragePool', inputs: [x], outputs: [y] }),
  },
  {
    name: 'maxpool112',
    input: [1, 64, 112, 112],
    output: [1, 64, 56, 56],
    node: (x, y) => ({
      op: 'MaxPool',
      inputs: [x],
      outputs: [y],
      attrs: { kernel_shape: ints([3, 3]), strides: ints([2, 2]), pads: ints([1, 1, 1, 1]) },
    }),
  },
];

function integerMatmul(n: number): OpCase {
  const bytes = writeModel({
    ...PEER_FORM,
    graph: {
      inputs: [{ name: 'x', dtype: 'u8', shape: [n, n] }],
      outputs: [{ name: 'y', dtype: 'i32', shape: [n, n] }],
      nodes: [{ op: 'MatMulInteger', inputs: ['x', 'w'], outputs: ['y'] }],
      initializers: [['w', randomData('i8', [n, n], 3)]],
    },
  });
  return {
    name: 'mmi8_1024',
    bytes,
    feeds: { x: randomData('u8', [n, n], 4) },
    flops: 2 * n ** 3,
    moved: 6 * n * n,
    chain: 1,
  };
}

/** Cases by name; made when asked for, since some weigh megabytes. */
export const OP_CASES: ReadonlyMap<string, () => OpCase> = new Map([
  ...SPECS.map((s): [string, () => OpCase] => [s.name, () => build(s)]),
  ['mmi8_1024', () => integerMatmul(1024)],
]);
