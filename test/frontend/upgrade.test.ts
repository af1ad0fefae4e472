// Older operator forms: what each becomes, as text.
import { describe, expect, it } from 'vitest';
import type { AttrSpec, GraphSpec, NodeSpec } from '../../src/web/write.ts';
import { attr, expectRefusal, f32, graphText, i64, modelOf, roundTrip } from './support.ts';

const { int, ints, float, floats, string } = attr;

interface Case {
  readonly op: string;
  readonly opset: number;
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly attrs?: Readonly<Record<string, AttrSpec>>;
  readonly want: string;
}

const named = ['x', 'b', 'c', 'd', 'e'];
const graphOf = (node: NodeSpec, more: Partial<GraphSpec> = {}): GraphSpec => ({
  inputs: [
    ...named.map((name, i) => ({ name, dtype: 'f32', shape: i === 0 ? [1, 2, 3, 4] : [2] }) as const),
    { name: 'i', dtype: 'i64', shape: [2] },
  ],
  outputs: (node.outputs ?? []).filter((n) => n !== '').map((name) => ({ name })),
  nodes: [node],
  ...more,
});
const upgraded = ({ opset, want: _, ...node }: Case, more?: Partial<GraphSpec>): string => {
  const spec = { inputs: ['x'], outputs: ['y'], ...node };
  const { graph } = roundTrip(modelOf(graphOf(spec, more), opset));
  for (const n of graph.nodes) expect(n.version).toBe(28);
  return graphText(graph);
};

const CASES: readonly Case[] = [
  {
    op: 'Squeeze',
    opset: 11,
    attrs: { axes: ints([0]) },
    want: 't1 = Constant() value_ints=[0]; y = Squeeze(x, t1)',
  },
  { op: 'Squeeze', opset: 1, want: 'y = Squeeze(x)' },
  {
    op: 'ReduceSum',
    opset: 12,
    attrs: { axes: ints([1]), keepdims: int(0) },
    want: 't1 = Constant() value_ints=[1]; y = ReduceSum(x, t1) keepdims=0',
  },
  {
    op: 'ReduceMax',
    opset: 13,
    attrs: { axes: ints([-1]) },
    want: 't1 = Constant() value_ints=[-1]; y = ReduceMax(x, t1)',
  },
  { op: 'ReduceMax', opset: 18, inputs: ['x', 'i'], want: 'y = ReduceMax(x, i)' },
  {
    op: 'Split',
    opset: 11,
    outputs: ['y', 'z'],
    attrs: { axis: int(1), split: ints([1, 1]) },
    want: 't1 = Constant() value_ints=[1,1]; y, z = Split(x, t1) axis=1',
  },
  { op: 'Split', opset: 2, outputs: ['y', 'z'], want: 'y, z = Split(x) num_outputs=2' },
  { op: 'Split', opset: 13, outputs: ['y', 'z'], want: 'y, z = Split(x) num_outputs=2' },
  {
    op: 'Slice',
    opset: 9,
    attrs: { starts: ints([0]), ends: ints([2]), axes: ints([3]) },
    want:
      't1 = Constant() value_ints=[0]; t2 = Constant() value_ints=[2]; ' +
      't3 = Constant() value_ints=[3]; y = Slice(x, t1, t2, t3)',
  },
  {
    op: 'Clip',
    opset: 6,
    attrs: { max: float(6) },
    want: 't1 = Constant() value_float=6; y = Clip(x, _, t1)',
  },
  {
    op: 'Pad',
    opset: 2,
    attrs: { pads: ints([0, 1]), value: float(2), mode: string('constant') },
    want: 't1 = Constant() value_ints=[0,1]; t2 = Constant() value_float=2; ' + 'y = Pad(x, t1, t2) mode=constant',
  },
  {
    op: 'Pad',
    opset: 1,
    attrs: { paddings: ints([0, 1]) },
    want: 't1 = Constant() value_ints=[0,1]; y = Pad(x, t1)',
  },
  {
    op: 'TopK',
    opset: 1,
    outputs: ['y', 'z'],
    attrs: { k: int(3) },
    want: 't1 = Constant() value_int=3; t2 = Constant() value_ints=[1]; t3 = Reshape(t1, t2); ' + 'y, z = TopK(x, t3)',
  },
  {
    op: 'Reshape',
    opset: 1,
    attrs: { shape: ints([-1]), consumed_inputs: ints([0]) },
    want: 't1 = Constant() value_ints=[-1]; y = Reshape(x, t1)',
  },
  { op: 'Cast', opset: 1, attrs: { to: string('DOUBLE') }, want: 'y = Cast(x) to=11' },
  { op: 'Concat', opset: 1, want: 'y = Concat(x) axis=1' },
  { op: 'Softmax', opset: 11, want: 'y = Softmax(x) axis=1 coerce2d=1' },
  { op: 'Softmax', opset: 11, attrs: { axis: int(3) }, want: 'y = Softmax(x) axis=3' },
  { op: 'LogSoftmax', opset: 1, attrs: { axis: int(-1) }, want: 'y = LogSoftmax(x) axis=-1' },
  { op: 'Softmax', opset: 13, want: 'y = Softmax(x)' },
  {
    op: 'Dropout',
    opset: 6,
    attrs: { ratio: float(0.25), is_test: int(1) },
    want: 't1 = Constant() value_float=0.25; y = Dropout(x, t1)',
  },
  {
    op: 'Dropout',
    opset: 7,
    outputs: ['y', 'z'],
    want: 'y, t1 = Dropout(x); z = CastLike(t1, x)',
  },
  {
    op: 'BatchNormalization',
    opset: 6,
    inputs: named,
    attrs: { is_test: int(1), spatial: int(1) },
    want: 'y = BatchNormalization(x, b, c, d, e)',
  },
  {
    op: 'BatchNormalization',
    opset: 9,
    inputs: named,
    outputs: ['y', 'm', 'v'],
    want: 'y, m, v = BatchNormalization(x, b, c, d, e) training_mode=1',
  },
  {
    op: 'Upsample',
    opset: 7,
    attrs: { scales: floats([1, 1, 2, 2]), mode: string('linear') },
    want:
      't1 = Constant() value_floats=[1,1,2,2]; y = Resize(x, _, t1) mode=linear ' +
      'coordinate_transformation_mode=asymmetric nearest_mode=floor',
  },
  {
    op: 'Upsample',
    opset: 1,
    attrs: { height_scale: float(2), width_scale: float(3) },
    want:
      't1 = Constant() value_floats=[1,1,2,3]; y = Resize(x, _, t1) mode=nearest ' +
      'coordinate_transformation_mode=asymmetric nearest_mode=floor',
  },
  {
    op: 'Add',
    opset: 6,
    inputs: ['x', 'b'],
    attrs: { broadcast: int(1), axis: int(1) },
    want: 't1 = Constant() value_ints=[1,2]; t2 = Unsqueeze(b, t1); y = Add(x, t2)',
  },
  { op: 'Mul', opset: 6, inputs: ['x', 'b'], attrs: { broadcast: int(1) }, want: 'y = Mul(x, b)' },
  {
    op: 'PRelu',
    opset: 6,
    inputs: ['x', 'b'],
    want: 't1 = Constant() value_ints=[1,2]; t2 = Unsqueeze(b, t1); y = PRelu(x, t2)',
  },
  {
    op: 'Gemm',
    opset: 6,
    inputs: ['x', 'b', 'c'],
    attrs: { broadcast: int(1), transB: int(1) },
    want: 'y = Gemm(x, b, c) transB=1',
  },
  { op: 'Scatter', opset: 9, inputs: ['x', 'i', 'c'], want: 'y = ScatterElements(x, i, c)' },
  {
    op: 'RoiAlign',
    opset: 10,
    inputs: ['x', 'b', 'i'],
    want: 'y = RoiAlign(x, b, i) coordinate_transformation_mode=output_half_pixel',
  },
  {
    op: 'GridSample',
    opset: 16,
    inputs: ['x', 'b'],
    attrs: { mode: string('bicubic') },
    want: 'y = GridSample(x, b) mode=cubic',
  },
  {
    op: 'DFT',
    opset: 17,
    attrs: { axis: int(2) },
    want: 't1 = Constant() value_int=2; y = DFT(x, _, t1)',
  },
  { op: 'LpPool', opset: 1, attrs: { p: float(2) }, want: 'y = LpPool(x) p=2' },
  {
    op: 'GRU',
    opset: 3,
    inputs: ['x', 'b', 'c'],
    attrs: { output_sequence: int(1), hidden_size: int(2) },
    want: 'y = GRU(x, b, c) hidden_size=2',
  },
  { op: 'Selu', opset: 1, want: 'y = Selu(x) alpha=1.6732 gamma=1.0507' },
  {
    op: 'Crop',
    opset: 7,
    attrs: { border: ints([1, 2, 0, 4]) },
    want:
      `t1 = Constant() value_ints=[2,1]; t2 = Constant() value_ints=[-4,${2 ** 53 - 1}]; ` +
      't3 = Constant() value_ints=[2,3]; y = Slice(x, t1, t2, t3)',
  },
  {
    op: 'ImageScaler',
    opset: 7,
    attrs: { scale: float(2), bias: floats([1, 2]) },
    want:
      't1 = Constant() value_float=2; t2 = Constant() value_floats=[1,2]; t3 = Mul(x, t1); ' +
      't4 = Constant() value_ints=[1,2]; t5 = Unsqueeze(t2, t4); y = Add(t3, t5)',
  },
  { op: 'Relu', opset: 1, attrs: { consumed_inputs: ints([0]) }, want: 'y = Relu(x)' },
];

describe('upgrade', () => {
  it.each(CASES)('$op of operator set $opset', (c) => {
    expect(upgraded(c)).toBe(c.want);
  });

  it('drops outputs that nothing reads', () => {
    const outputs = ['y', 'mask'];
    const more = { outputs: [{ name: 'y' }] };
    expect(upgraded({ op: 'Dropout', opset: 7, outputs, want: '' }, more)).toBe('y = Dropout(x)');
    const norm = { op: 'BatchNormalization', opset: 7, inputs: named, want: '' };
    expect(upgraded({ ...norm, outputs: ['y', 'm', 'v', 'sm', 'sv'] }, more)).toBe(
      'y = BatchNormalization(x, b, c, d, e)',
    );
  });

  it('aligns by run-time shapes where ranks are not declared', () => {
    const inputs = ['x', 'b'].map((name) => ({ name, dtype: 'f32' }) as const);
    const attrs = { broadcast: int(1), axis: int(1) };
    const text = upgraded({ op: 'Add', opset: 6, inputs: ['x', 'b'], attrs, want: '' }, { inputs });
    expect(text).toMatch(/Expand\(.*Concat\(.*= Reshape\(b, .*y = Add\(x, t\d+\)$/);
  });

  const resize = (scales: number[]): string =>
    upgraded({ op: 'Resize', opset: 10, inputs: ['x', 's'], want: '' }, { initializers: [['s', f32([4], scales)]] });
  it('rounds the first Resize down when enlarging, up when shrinking, in two steps when both', () => {
    expect(resize([1, 1, 2, 2])).toMatch(/nearest_mode=floor$/);
    expect(resize([1, 1, 0.5, 1])).toMatch(/nearest_mode=ceil$/);
    expect(resize([1, 1, 0.5, 2])).toMatch(/Min\(.*nearest_mode=ceil; .*Max\(.*nearest_mode=floor$/);
  });

  it('leaves out inputs of Resize that are empty tensors', () => {
    const inputs = ['x', 'roi', 'none', 'sizes'];
    const initializers = [
      ['roi', f32([0], [])],
      ['none', f32([0], [])],
      ['sizes', i64([1, 1, 2, 2])],
    ] as const;
    expect(upgraded({ op: 'Resize', opset: 11, inputs, want: '' }, { initializers })).toBe(
      'y = Resize(x, _, _, sizes)',
    );
  });

  it('splits the batch of the first Scan off', () => {
    const body: GraphSpec = {
      inputs: [
        { name: 's', dtype: 'f32' },
        { name: 'e', dtype: 'f32' },
      ],
      outputs: [{ name: 't' }, { name: 'o' }],
      nodes: [
        { op: 'Add', inputs: ['s', 'e'], outputs: ['t'] },
        { op: 'Identity', inputs: ['t'], outputs: ['o'] },
      ],
    };
    const attrs = { num_scan_inputs: int(1), body: attr.graph(body), directions: ints([1]) };
    const scan = { op: 'Scan', opset: 8, inputs: ['', 'b', 'x'], outputs: ['y', 'z'], attrs, want: '' };
    const text = upgraded(scan);
    expect(text).toMatch(/^y, z = Scan\(b, x\) num_scan_inputs=2 body=\(y, z = Scan\(b, x\) num_scan_inputs=1/);
    expect(text).toMatch(/scan_input_directions=\[1\]/);
    expectRefusal(() => upgraded({ ...scan, inputs: ['i', 'b', 'x'] }), 'UNSUPPORTED_VERSION', /sequence_lens/);
  });

  it('spreads scales per group over the channels', () => {
    const text = upgraded({
      op: 'GroupNormalization',
      opset: 18,
      inputs: ['x', 'b', 'c'],
      attrs: { num_groups: int(2) },
      want: '',
    });
    expect(text).toMatch(/Shape\(x\) start=1 end=2.*Expand.*y = GroupNormalization\(x, t\d+, t\d+\) num_groups=2$/);
  });

  it('casts bounds to the type of half-precision data', () => {
    const inputs = [{ name: 'x', dtype: 'f16', shape: [2] } as const];
    const text = upgraded({ op: 'Clip', opset: 6, attrs: { min: float(0) }, want: '' }, { inputs });
    expect(text).toBe('t1 = Constant() value_float=0; t2 = CastLike(t1, x); y = Clip(x, t2)');
  });

  it('repeats along one axis by repeats of all', () => {
    const text = upgraded({ op: 'Tile', opset: 1, inputs: ['x', 'b', 'c'], want: '' });
    expect(text).toMatch(/ScatterElements\(.*y = Tile\(x, t\d+\)$/);
  });
});

describe('no upgrade', () => {
  const refused: [string, Case, 'INVALID_MODEL' | 'UNSUPPORTED_VERSION', RegExp][] = [
    ['before its time', { op: 'Gelu', opset: 19, want: '' }, 'INVALID_MODEL', /since operator set 20/],
    ['after its time', { op: 'Upsample', opset: 10, want: '' }, 'INVALID_MODEL', /ended with operator set 10/],
    [
      'normalisation per feature',
      { op: 'BatchNormalization', opset: 7, inputs: named, attrs: { spatial: int(0) }, want: '' },
      'UNSUPPORTED_VERSION',
      /spatial/,
    ],
    [
      'saved statistics',
      { op: 'BatchNormalization', opset: 7, inputs: named, outputs: ['y', 'm', 'v', 's', 't'], want: '' },
      'UNSUPPORTED_VERSION',
      /saved mean/,
    ],
    ['a broken power', { op: 'LpPool', opset: 1, attrs: { p: float(1.5) }, want: '' }, 'UNSUPPORTED_VERSION', /1.5/],
    ['an unknown type name', { op: 'Cast', opset: 1, attrs: { to: string('F7') }, want: '' }, 'INVALID_MODEL', /F7/],
    ['a wrong kind', { op: 'Squeeze', opset: 1, attrs: { axes: int(1) }, want: '' }, 'INVALID_MODEL', /is of kind int/],
    ['missing bounds', { op: 'Slice', opset: 1, want: '' }, 'INVALID_MODEL', /ends is missing/],
    [
      'an axis that does not fit',
      { op: 'Add', opset: 1, inputs: ['x', 'b'], attrs: { broadcast: int(1), axis: int(4) }, want: '' },
      'INVALID_MODEL',
      /axis 4/,
    ],
  ];
  it.each(refused)('%s', (_, c, code, text) => {
    expectRefusal(() => upgraded(c), code, text);
  });
});
