// Names, scopes, order, attributes, versions and functions on the way from a file to a Graph.
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ModelSchema } from '../../src/1-frontend/onnx/gen/onnx_pb.ts';
import { parseModel } from '../../src/compile.ts';
import type { Graph } from '../../src/ir/graph.ts';
import { tensorValues } from '../../src/ir/tensor.ts';
import type { GraphSpec, NodeSpec } from '../../src/web/write.ts';
import { attr, expectRefusal, f32, graphText, modelOf, roundTrip, writeModel } from './support.ts';

const x = { name: 'x', dtype: 'f32', shape: [2, 'n'] } as const;
const y = { name: 'y', dtype: 'f32', shape: [2, 'n'] } as const;
const relu = (from: string, to: string): NodeSpec => ({ op: 'Relu', inputs: [from], outputs: [to] });
const graphOf = (nodes: readonly NodeSpec[], more: Partial<GraphSpec> = {}): GraphSpec => ({
  inputs: [x],
  outputs: [y],
  nodes,
  ...more,
});
const load = (nodes: readonly NodeSpec[], more?: Partial<GraphSpec>) => roundTrip(modelOf(graphOf(nodes, more)));

describe('names', () => {
  it('resolves values once, by identity', () => {
    const { graph } = load([relu('x', 'h'), { op: 'Add', inputs: ['h', 'x'], outputs: ['y'] }]);
    expect(graphText(graph)).toBe('h = Relu(x); y = Add(h, x)');
    expect(graph.nodes[0].outputs[0]).toBe(graph.nodes[1].inputs[0]);
    expect(graph.nodes[1].inputs[1]).toBe(graph.inputs[0]);
    expect(graph.outputs[0]).toBe(graph.nodes[1].outputs[0]);
    expect(graph.inputs[0].type).toMatchObject({ dtype: 'f32', shape: [2, { text: 'n' }] });
  });

  it('keeps omitted inputs and outputs as null', () => {
    const { graph } = load([{ op: 'Clip', inputs: ['x', '', 'x'], outputs: ['y'] }]);
    expect(graph.nodes[0].inputs[1]).toBeNull();
  });

  const refused: [string, NodeSpec[], Partial<GraphSpec>, RegExp][] = [
    ['an undefined name', [relu('z', 'y')], {}, /nothing defines.*\n.*Relu.*"z"/],
    ['an undefined output', [relu('x', 'h')], {}, /nothing defines/],
    ['two producers', [relu('x', 'y'), relu('x', 'y')], {}, /twice/],
    ['an output named like an input', [relu('x', 'x')], {}, /cycle/],
    ['two inputs of one name', [relu('x', 'y')], { inputs: [x, x] }, /twice/],
    [
      'two initialisers',
      [relu('x', 'y')],
      {
        initializers: [
          ['w', f32([], [1])],
          ['w', f32([], [1])],
        ],
      },
      /twice/,
    ],
    ['an input without a name', [relu('x', 'y')], { inputs: [{ ...x, name: '' }] }, /no name/],
    ['an initialiser without a name', [relu('x', 'y')], { initializers: [['', f32([], [1])]] }, /no name/],
    ['an input without a type', [relu('x', 'y')], { inputs: [{ name: 'x' }] }, /no type/],
    [
      'a default of another type',
      [relu('x', 'y')],
      { inputs: [{ name: 'x', dtype: 'i64' }], initializers: [['x', f32([], [1])]] },
      /declared as i64/,
    ],
    ['a node without an operator', [{ op: '', inputs: ['x'], outputs: ['y'] }], {}, /no operator/],
    ['a domain that is not imported', [{ ...relu('x', 'y'), domain: 'acme' }], {}, /domain "acme"/],
  ];
  it.each(refused)('refuses %s', (_, nodes, more, text) => {
    expectRefusal(() => load(nodes, more), 'INVALID_MODEL', text);
  });
});

describe('order', () => {
  it('sorts nodes that are out of order', () => {
    const { graph } = load([relu('h', 'y'), relu('g', 'h'), relu('x', 'g')]);
    expect(graphText(graph)).toBe('g = Relu(x); h = Relu(g); y = Relu(h)');
  });

  it('refuses a cycle and names a node of it', () => {
    const add: NodeSpec = { op: 'Add', inputs: ['x', 'h'], outputs: ['y'], name: 'loop' };
    expectRefusal(() => load([add, relu('y', 'h')]), 'INVALID_MODEL', /cycle\n.*node "loop"/);
  });

  it('sorts a long chain without recursion', () => {
    const chain = Array.from({ length: 20_000 }, (_, i) => relu(i === 0 ? 'x' : `v${i - 1}`, `v${i}`));
    const { graph } = load([relu('v19999', 'y'), ...chain.reverse()]);
    expect(graph.nodes).toHaveLength(20_001);
    expect(graph.nodes[0].inputs[0]).toBe(graph.inputs[0]);
  });
});

describe('defaults', () => {
  const more = {
    inputs: [x, { name: 'w', dtype: 'f32', shape: [2] }],
    initializers: [['w', f32([2], [1, 2])]],
  } as const;
  const add: NodeSpec = { op: 'Add', inputs: ['x', 'w'], outputs: ['y'] };

  it('are inputs with a value from IR version 4 on', () => {
    const { graph } = load([add], more);
    expect(graph.inputs.map((v) => v.name)).toEqual(['x', 'w']);
    expect(tensorValues(graph.constants.get(graph.inputs[1])!)).toEqual([1, 2]);
  });

  it('are constants before', () => {
    const { graph } = roundTrip({ ...modelOf(graphOf([add], more), 9), irVersion: 3 });
    expect(graph.inputs.map((v) => v.name)).toEqual(['x']);
    expect(graph.constants.size).toBe(1);
  });
});

describe('regions', () => {
  const cond = { name: 'c', dtype: 'bool', shape: [] } as const;
  const branch = (nodes: readonly NodeSpec[], out = 'b'): GraphSpec => ({ nodes, outputs: [{ name: out }] });
  const choose = (then: GraphSpec, otherwise: GraphSpec): NodeSpec => ({
    op: 'If',
    inputs: ['c'],
    outputs: ['y'],
    attrs: { then_branch: attr.graph(then), else_branch: attr.graph(otherwise) },
  });
  const body = (graph: Graph, node: number, name: string): Graph => {
    const region = graph.nodes[node].attrs.get(name);
    if (region?.kind !== 'graph') throw new Error('no region');
    return region.value;
  };

  it('read values around them', () => {
    const node = choose(branch([relu('h', 'b')]), branch([relu('x', 'b')]));
    const { graph } = load([relu('x', 'h'), node], { inputs: [x, cond] });
    expect(body(graph, 1, 'then_branch').nodes[0].inputs[0]).toBe(graph.nodes[0].outputs[0]);
    expect(body(graph, 1, 'else_branch').nodes[0].inputs[0]).toBe(graph.inputs[0]);
  });

  it('prefer their own names', () => {
    const inner = branch([relu('x', 'h'), relu('h', 'b')]);
    const { graph } = load([relu('x', 'h'), choose(inner, inner)], { inputs: [x, cond] });
    const region = body(graph, 1, 'then_branch');
    expect(region.nodes[1].inputs[0]).toBe(region.nodes[0].outputs[0]);
  });

  it('do not read what is produced after them', () => {
    const node = choose(branch([relu('late', 'b')]), branch([relu('x', 'b')]));
    expectRefusal(
      () => load([node, relu('x', 'late')], { inputs: [x, cond] }),
      'INVALID_MODEL',
      /nothing defines this name/,
    );
  });

  it('do not see into each other', () => {
    const node = choose(branch([relu('x', 'b')]), branch([relu('b', 'e')], 'e'));
    expectRefusal(() => load([node], { inputs: [x, cond] }), 'INVALID_MODEL', /nothing defines/);
  });

  /** One branch nested, the other flat, so that the file grows linearly with the depth. */
  const tower = (depth: number): NodeSpec => {
    const flat = branch([relu('x', 'b')]);
    let inner = flat;
    for (let i = 1; i < depth; i++) inner = branch([{ ...choose(inner, flat), outputs: ['b'] }]);
    return choose(inner, flat);
  };

  it('threat 14: nesting costs linear time and ends at the limit', () => {
    const bytes = (depth: number) => writeModel(modelOf(graphOf([tower(depth)], { inputs: [x, cond] })));
    const time = (file: Uint8Array, run: () => void): number => {
      parseModel(bytes(8));
      expect(file.length).toBeLessThan(20_000);
      const started = performance.now();
      run();
      return performance.now() - started;
    };
    const allowed = bytes(64);
    expect(time(allowed, () => parseModel(allowed))).toBeLessThan(500);
    const deep = bytes(65);
    const refuse = () => expectRefusal(() => parseModel(deep), 'LIMIT_EXCEEDED', /nesting/);
    expect(time(deep, refuse)).toBeLessThan(500);
  });
});

describe('attributes', () => {
  type Attribute = { name: string; type?: number; i?: bigint; f?: number; ints?: bigint[]; refAttrName?: string };
  const withAttribute = (...attribute: Attribute[]) => {
    const init = {
      irVersion: 8n,
      opsetImport: [{ domain: '', version: 18n }],
      graph: {
        input: [{ name: 'x', type: { value: { case: 'tensorType' as const, value: { elemType: 1 } } } }],
        output: [{ name: 'y' }],
        node: [{ opType: 'Custom', input: ['x'], output: ['y'], attribute }],
      },
    };
    const { graph } = parseModel(toBinary(ModelSchema, create(ModelSchema, init)));
    return graph.nodes[0].attrs;
  };

  it('without a type take the one of their value', () => {
    expect(withAttribute({ name: 'alpha', f: 2 }).get('alpha')).toEqual({ kind: 'float', value: 2 });
  });
  it('without a value take the zero of their type', () => {
    expect(withAttribute({ name: 'n', type: 2 }).get('n')).toEqual({ kind: 'int', value: 0n });
    expect(withAttribute({ name: 'n', type: 7 }).get('n')).toEqual({ kind: 'ints', value: [] });
  });

  const refused: [string, Attribute[], RegExp][] = [
    ['a type that contradicts the value', [{ name: 'a', type: 1, i: 1n }], /declared as type 1/],
    ['several values', [{ name: 'a', type: 1, f: 1, i: 1n }], /several/],
    ['an unknown type', [{ name: 'a', type: 77 }], /unknown type 77/],
    ['neither type nor value', [{ name: 'a' }], /unknown type 0/],
    ['a missing tensor', [{ name: 'a', type: 4 }], /no value/],
    [
      'two of one name',
      [
        { name: 'a', f: 1 },
        { name: 'a', f: 1 },
      ],
      /twice/,
    ],
    ['no name', [{ name: '', f: 1 }], /no name/],
    ['a reference outside a function', [{ name: 'a', refAttrName: 'b' }], /no function declares/],
  ];
  it.each(refused)('refuse %s', (_, attribute, text) => {
    expectRefusal(() => withAttribute(...attribute), 'INVALID_MODEL', text);
  });
});

describe('versions', () => {
  const model = (changes: object) => roundTrip({ ...modelOf(graphOf([relu('x', 'y')])), ...changes });

  it('reads IR 3 to 13 and opsets 1 to 28', () => {
    for (let irVersion = 3; irVersion <= 13; irVersion++) expect(model({ irVersion }).irVersion).toBe(irVersion);
    for (let v = 1; v <= 28; v++) expect(model({ opsets: [['ai.onnx', v]] }).opsets.get('')).toBe(v);
  });
  it('refuses others', () => {
    for (const irVersion of [0, 2, 14]) expectRefusal(() => model({ irVersion }), 'UNSUPPORTED_VERSION');
    for (const v of [-1, 0, 29]) expectRefusal(() => model({ opsets: [['', v]] }), 'UNSUPPORTED_VERSION');
    expectRefusal(() => model({ opsets: [] }), 'INVALID_MODEL', /no operator set/);
  });
  it('keeps the version of other domains', () => {
    const node = { ...relu('x', 'y'), domain: 'acme' };
    const { graph } = roundTrip({
      graph: graphOf([node]),
      opsets: [
        ['', 28],
        ['acme', 7],
      ],
    });
    expect(graph.nodes[0]).toMatchObject({ domain: 'acme', version: 7 });
  });
});

describe('functions', () => {
  const call: NodeSpec = { op: 'Leak', domain: 'local', inputs: ['x'], outputs: ['y'], attrs: { by: attr.float(0.5) } };
  const leak = {
    domain: 'local',
    name: 'Leak',
    inputs: ['a'],
    outputs: ['b'],
    attrNames: ['by'],
    nodes: [{ op: 'LeakyRelu', inputs: ['a'], outputs: ['b'], attrs: { alpha: attr.ref('by') } }],
  };
  const opsets = [
    ['', 28],
    ['local', 1],
  ] as const;
  const withFunctions = (functions: object[]) =>
    roundTrip({ graph: graphOf([call]), opsets, functions: functions as (typeof leak)[] });

  it('carry their references', () => {
    const { functions, graph } = withFunctions([leak]);
    const f = functions.get('local\u0000Leak')!;
    expect(f.nodes[0].refs).toEqual(new Map([['alpha', 'by']]));
    expect(f.nodes[0].inputs[0]).toBe(f.inputs[0]);
    expect(graph.nodes[0].attrs.get('by')).toEqual({ kind: 'float', value: 0.5 });
  });

  it('upgrade references in their bodies', () => {
    const nodes = [{ op: 'Squeeze', inputs: ['a'], outputs: ['b'], attrs: { axes: attr.ref('by') } }];
    const { functions } = withFunctions([{ ...leak, nodes, opsets: [['', 11]] }]);
    const f = functions.get('local\u0000Leak')!;
    expect(f.nodes.map((n) => n.op)).toEqual(['Constant', 'Squeeze']);
    expect(f.nodes[0].refs).toEqual(new Map([['value_ints', 'by']]));
  });

  it('threat 15: recursion is refused, direct and through others', () => {
    const calls = (name: string, op: string) => ({
      ...leak,
      name,
      attrNames: [],
      nodes: [{ op, domain: 'local', inputs: ['a'], outputs: ['b'] }],
    });
    expectRefusal(() => withFunctions([calls('Leak', 'Leak')]), 'INVALID_MODEL', /calls itself/);
    const ring = [calls('Leak', 'B'), calls('B', 'C'), calls('C', 'B')];
    expectRefusal(() => withFunctions(ring), 'INVALID_MODEL', /calls itself/);
  });

  it('threat 15: long chains of calls do not overflow the stack', () => {
    const chain = Array.from({ length: 5000 }, (_, i) => ({
      ...leak,
      name: i === 0 ? 'Leak' : `f${i}`,
      attrNames: [],
      nodes: [{ op: `f${i + 1}`, domain: 'local', inputs: ['a'], outputs: ['b'] }],
    }));
    expect(withFunctions(chain).functions.size).toBe(5000);
  });

  it('refuse double definitions and undeclared references', () => {
    expectRefusal(() => withFunctions([leak, leak]), 'INVALID_MODEL', /defined twice/);
    expectRefusal(() => withFunctions([{ ...leak, attrNames: [] }]), 'INVALID_MODEL', /no function declares/);
    expectRefusal(() => withFunctions([{ ...leak, attrNames: ['by', 'by'] }]), 'INVALID_MODEL', /twice/);
  });
});
