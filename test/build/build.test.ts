// The builder of models: what it writes reads back as meant and runs, equal calls give equal bytes, and misuse is
// refused where it happens.
import { describe, expect, it } from 'vitest';
import { parseModel } from '../../src/compile.ts';
import { Session } from '../../src/index.ts';
import { tensorValues } from '../../src/ir/tensor.ts';
import { type ErrorCode, TilewrightError } from '../../src/support/errors.ts';
import { type Attributes, ModelBuilder, Tensor } from '../../src/web/build.ts';

const vector = (...values: number[]): Tensor => new Tensor('float32', values);
const shape = (...dims: number[]): Tensor => new Tensor('int64', dims.map(BigInt));

function classifier(): ModelBuilder {
  const m = new ModelBuilder();
  const x = m.input('x', 'float32', ['batch', 4]);
  const scores = m.node('Gemm', [x, m.random([4, 3], 0.5, 7), vector(0.1, 0.2, 0.3)]);
  m.output(m.node('Softmax', [scores], { axis: -1 }, { name: 'y' }), ['batch', 3]);
  return m;
}

describe('a model that was built', () => {
  it('runs, with names and declared extents', async () => {
    const session = await Session.create(classifier().toBytes());
    expect(session.inputMetadata).toEqual([{ name: 'x', type: 'float32', shape: ['batch', 4] }]);
    expect(session.outputMetadata).toEqual([{ name: 'y', type: 'float32', shape: ['batch', 3] }]);
    const { y } = await session.run({ x: new Tensor('float32', new Float32Array(8), [2, 4]) });
    const powers = [0.1, 0.2, 0.3].map(Math.exp);
    const sum = powers.reduce((a, b) => a + b);
    expect(y.dims).toEqual([2, 3]);
    [...(y.data as Float32Array)].forEach((v, i) => {
      expect(v).toBeCloseTo(powers[i % 3] / sum, 6);
    });
    await session.release();
  });

  it('is the same for the same calls', () => {
    expect(classifier().toBytes()).toEqual(classifier().toBytes());
    const m = classifier();
    expect(m.toBytes()).toEqual(m.toBytes());
  });

  it('has the operator set that was asked for, and its other domains', () => {
    const m = new ModelBuilder({ opset: 17 });
    const x = m.input('x', 'float32', [2]);
    m.output(m.node('Gelu', [x], { whole: 2, part: 0.5, parts: [1, 0.5] }, { domain: 'com.microsoft', name: 'y' }));
    const { opsets, irVersion, graph } = parseModel(m.toBytes());
    expect([...opsets]).toEqual([
      ['', 17],
      ['com.microsoft', 1],
    ]);
    expect(irVersion).toBe(10);
    expect([...graph.nodes[0].attrs.values()].map((a) => a.kind)).toEqual(['int', 'float', 'floats']);
  });

  it('gives several outputs and leaves inputs out', async () => {
    const m = new ModelBuilder();
    const x = m.input('x', 'float32', [6]);
    const [top, rest] = m.nodeOf(2, 'Split', [x, shape(2, 4)], { axis: 0 });
    m.output(m.node('Clip', [top, null, new Tensor('float32', [1], [])], {}, { name: 'capped' }));
    m.output(m.node('Reshape', [rest, shape(2, 2)], {}, { name: 'square' }));
    const session = await Session.create(m.toBytes(), { target: 'interpreter' });
    const { capped, square } = await session.run({ x: vector(-3, 3, 1, 2, 3, 4) });
    expect([capped.data, square.data]).toEqual([Float32Array.of(-3, 1), Float32Array.of(1, 2, 3, 4)]);
    expect(square.dims).toEqual([2, 2]);
    await session.release();
  });

  it('may give an input or a constant out, and a type that depends on another value', () => {
    const m = new ModelBuilder();
    const x = m.input('x', 'int64', [2]);
    m.output(x);
    m.output(m.constant(vector(1), 'one'));
    m.output(m.node('SequenceConstruct', [x], {}, { name: 'list' }));
    const { outputs } = parseModel(m.toBytes()).graph;
    expect(outputs.map((v) => v.name)).toEqual(['x', 'one', 'list']);
    expect(outputs[1].type).toMatchObject({ kind: 'tensor', dtype: 'f32' });
  });
});

describe('attributes', () => {
  const kindsOf = (op: string, inputs: number, attributes: Attributes): Record<string, string> => {
    const m = new ModelBuilder();
    const x = m.random([1, 1, 2, 2]);
    m.output(m.node(op, new Array(inputs).fill(x), attributes));
    return Object.fromEntries([...parseModel(m.toBytes()).graph.nodes[0].attrs].map(([name, a]) => [name, a.kind]));
  };

  it('are ints or floats as the operator says', () => {
    expect(kindsOf('LeakyRelu', 1, { alpha: 1 })).toEqual({ alpha: 'float' });
    expect(kindsOf('Softmax', 1, { axis: 1 })).toEqual({ axis: 'int' });
    expect(kindsOf('Conv', 2, { pads: [1, 1, 1, 1], auto_pad: 'NOTSET' })).toEqual({
      pads: 'ints',
      auto_pad: 'string',
    });
    expect(kindsOf('Constant', 0, { value_floats: [1, 2] })).toEqual({ value_floats: 'floats' });
    expect(kindsOf('Constant', 0, { value_floats: [] })).toEqual({ value_floats: 'floats' });
    expect(kindsOf('Constant', 0, { value_strings: ['a', 'b'] })).toEqual({ value_strings: 'strings' });
    expect(kindsOf('Constant', 0, { value: vector(1) })).toEqual({ value: 'tensor' });
    expect(kindsOf('ReduceSum', 1, { keepdims: false })).toEqual({ keepdims: 'int' });
  });
});

describe('random constants', () => {
  const drawn = (m: ModelBuilder): number[][] =>
    [...parseModel(m.toBytes()).graph.constants.values()].map((t) => tensorValues(t).map(Number));

  it('follow their seed and stay within their scale', () => {
    const m = new ModelBuilder();
    const values = [m.random([100], 0.25, 3), m.random([100], 0.25, 3), m.random([100]), m.random([100])];
    m.output(m.node('Sum', values));
    const [a, b, c, d] = drawn(m);
    expect(a).toEqual(b);
    expect(c).not.toEqual(d);
    expect(Math.max(...a.map(Math.abs))).toBeLessThanOrEqual(0.25);
    expect(Math.max(...c.map(Math.abs))).toBeGreaterThan(0.9);
  });
});

describe('misuse is refused', () => {
  const m = new ModelBuilder();
  const x = m.input('x', 'float32', [2, 2]);
  const other = new ModelBuilder().random([1]);
  const old = new ModelBuilder({ opset: 17 });
  const cases: [string, ErrorCode, RegExp, () => unknown][] = [
    ['an unknown operator', 'USAGE', /no such operator.*Rleu/s, () => m.node('Rleu', [x])],
    [
      'an operator that came later',
      'INVALID_MODEL',
      /since operator set 20/,
      () => old.node('Gelu', [old.random([1])]),
    ],
    ['an unknown attribute', 'INVALID_MODEL', /no attribute "slope"/, () => m.node('Relu', [x], { slope: 1 })],
    ['an attribute of another kind', 'INVALID_MODEL', /expected int/, () => m.node('Softmax', [x], { axis: 0.5 })],
    ['an attribute without value', 'USAGE', /no value/, () => m.node('Softmax', [x], { axis: undefined as never })],
    ['a missing attribute', 'INVALID_MODEL', /axis is missing/, () => m.node('Concat', [x])],
    ['too few inputs', 'INVALID_MODEL', /at least 2/, () => m.node('Add', [x])],
    ['too many outputs', 'INVALID_MODEL', /at most 1/, () => m.nodeOf(2, 'Relu', [x])],
    ['types that differ', 'INVALID_MODEL', /input 1 is i64/, () => m.node('Add', [x, shape(1)])],
    ['a value of another model', 'USAGE', /not of this model/, () => m.node('Relu', [other])],
    ['an output of another model', 'USAGE', /not of this model/, () => m.output(other)],
    ['a name that is taken', 'USAGE', /taken.*"x"/s, () => m.node('Relu', [x], {}, { name: 'x' })],
    ['an empty name', 'USAGE', /empty/, () => m.input('', 'float32', [1])],
    ['an unknown type', 'USAGE', /unknown tensor type float/, () => m.input('a', 'float', [1])],
    ['extents that are none', 'USAGE', /extents/, () => m.random([-1, 2])],
    ['too many elements', 'LIMIT_EXCEEDED', /elements/, () => m.random([2 ** 20, 2 ** 20])],
    ['an unknown operator set', 'USAGE', /1 to 28/, () => new ModelBuilder({ opset: 99 })],
    ['a model without outputs', 'USAGE', /no outputs/, () => new ModelBuilder().toBytes()],
  ];

  it.each(cases)('%s', (_, code, text, run) => {
    let error: unknown;
    try {
      run();
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(TilewrightError);
    expect((error as TilewrightError).message).toMatch(text);
    expect((error as TilewrightError).code).toBe(code);
  });

  it('with the node as its place', () => {
    expect(() => m.node('Relu', [x], { slope: 1 }, { name: 'r' })).toThrow(/operator Relu, node "r"/);
  });
});
