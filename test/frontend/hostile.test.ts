// Names and sizes chosen by an attacker: they change nothing, or end in a typed refusal.
import { describe, expect, it } from 'vitest';
import { parseModel } from '../../src/compile.ts';
import { checkedProduct, DEFAULT_LIMITS, limitsWith } from '../../src/ir/limits.ts';
import { attr, expectRefusal, f32, graphText, modelOf, refusal, roundTrip } from './support.ts';

const NAMES = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  'valueOf',
  '\u0000',
  '\u001b[2J',
  '\u202e',
  '$(reboot)',
  '*/ system("x"); /*',
  '<script>',
  "'; DROP TABLE",
  '../../x',
  'a b\nc',
  '😀',
];

/** x → Elu → h → Add w → y, with every name replaced. */
const named = (name: string) =>
  modelOf({
    name,
    inputs: [{ name, dtype: 'f32', shape: [2, name] }],
    outputs: [{ name: `${name}y`, dtype: 'f32' }],
    initializers: [[`${name}w`, f32([2], [1, 2])]],
    nodes: [
      { name, op: 'Elu', inputs: [name], outputs: [`${name}h`], attrs: { alpha: attr.float(2) } },
      { name: `${name}2`, op: 'Add', inputs: [`${name}h`, `${name}w`], outputs: [`${name}y`] },
    ],
  });

describe('threats 19 and 20: names', () => {
  it.each(NAMES)('%j is a name like any other', (name) => {
    const { graph } = roundTrip(named(name));
    expect(graph.inputs[0].name).toBe(name);
    expect(graph.nodes.map((n) => n.op)).toEqual(['Elu', 'Add']);
    expect(graph.nodes[1].inputs[0]).toBe(graph.nodes[0].outputs[0]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('attributes, metadata and domains too', () => {
    const attrs = Object.fromEntries([['__proto__', attr.int(1)]]);
    const node = { op: '__proto__', domain: 'constructor', inputs: ['x'], outputs: ['y'], attrs };
    const model = roundTrip({
      graph: { inputs: [{ name: 'x', dtype: 'f32' }], outputs: [{ name: 'y' }], nodes: [node] },
      opsets: [
        ['', 28],
        ['constructor', 1],
      ],
      metadata: [['__proto__', 'polluted']],
    });
    expect(model.graph.nodes[0].attrs.get('__proto__')).toEqual({ kind: 'int', value: 1n });
    expect(model.metadata.get('__proto__')).toBe('polluted');
    expect(model.opsets.get('constructor')).toBe(1);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it('a name of 10 MB is accepted, and short in messages', () => {
    const long = 'n'.repeat(10 * 2 ** 20);
    expect(roundTrip(named(long)).graph.nodes).toHaveLength(2);
    const node = { op: long, name: long, domain: long, inputs: [long], outputs: ['y'] };
    const { message } = refusal(() => roundTrip(modelOf({ outputs: [], nodes: [node] })));
    expect(message.length).toBeLessThan(600);
    const limits = { nameLength: 1000 };
    expectRefusal(() => roundTrip(named(long), { limits }), 'LIMIT_EXCEEDED', /nameLength/);
  });

  const messages = [
    () => roundTrip(modelOf({ outputs: [{ name: '\u001b[2J' }], nodes: [] })),
    () => roundTrip(modelOf({ nodes: [{ op: '\u001b[2J', domain: '\u001b[2J' }] })),
    () => roundTrip(modelOf({ nodes: [{ op: 'A', attrs: { '\u001b[2J': attr.ref('\u001b[2J') } }] })),
    () =>
      roundTrip(
        modelOf(
          {
            nodes: [{ op: 'Cast', inputs: ['x'], outputs: ['y'], attrs: { to: attr.string('\u001b[2J') } }],
            inputs: [{ name: 'x', dtype: 'f32' }],
          },
          1,
        ),
      ),
  ];
  it.each(messages)('control characters do not reach a terminal (%#)', (run) => {
    const { message } = refusal(run);
    expect(message).toContain('u001b');
    expect(message).not.toContain('\u001b');
  });

  it('a symbolic extent cannot pose as the result of arithmetic', () => {
    const shape = ['(a+b)', '?', '', 'n', 'n', "'n'"];
    const { graph } = roundTrip(modelOf({ inputs: [{ name: 'x', dtype: 'f32', shape }], nodes: [] }));
    const type = graph.inputs[0].type;
    const dims = type?.kind === 'tensor' ? type.shape!.map(String) : [];
    expect(dims).toEqual(["'%28a+b%29'", '?', '?', 'n', 'n', "'%27n%27'"]);
  });
});

describe('limits', () => {
  it('are checked for every part of a model', () => {
    const spec = named('x');
    const cases: [object, RegExp][] = [
      [{ nodes: 1 }, /nodes/],
      [{ elements: 1 }, /elements/],
      [{ constantBytes: 4 }, /constantBytes/],
      [{ rank: 0 }, /rank/],
      [{ extent: 1 }, /extent/],
    ];
    for (const [limits, text] of cases) {
      expectRefusal(() => roundTrip(spec, { limits }), 'LIMIT_EXCEEDED', text);
    }
    expect(graphText(roundTrip(spec).graph)).toContain('Elu');
  });

  it('are themselves checked', () => {
    expect(limitsWith({ nodes: 7 })).toEqual({ ...DEFAULT_LIMITS, nodes: 7 });
    expectRefusal(() => limitsWith({ nodes: -1 }), 'USAGE');
    expectRefusal(() => limitsWith({ nodes: 1.5 }), 'USAGE');
    expectRefusal(() => limitsWith({ bogus: 1 } as object), 'USAGE', /bogus/);
    expectRefusal(() => limitsWith({ toString: 1 } as object), 'USAGE');
  });

  it('sizes are multiplied with a check', () => {
    expect(checkedProduct([2 ** 26, 2 ** 26])).toBe(2 ** 52);
    expectRefusal(() => checkedProduct([2 ** 27, 2 ** 27]), 'LIMIT_EXCEEDED');
    expect(checkedProduct([5, 0])).toBe(0);
  });

  it('threat 22: nested types end at the limit', () => {
    let type: { kind: 'sequence'; elem: never } | { kind: 'tensor'; dtype: 'f32'; shape: undefined } = {
      kind: 'tensor',
      dtype: 'f32',
      shape: undefined,
    };
    for (let i = 0; i < 80; i++) type = { kind: 'sequence', elem: type as never };
    const spec = modelOf({ inputs: [{ name: 'x', type }], nodes: [] });
    expectRefusal(() => roundTrip(spec), 'LIMIT_EXCEEDED', /nesting/);
  });

  it('only bytes are read', () => {
    for (const wrong of [undefined, null, 'model.onnx', {}, [8, 1]]) {
      expectRefusal(() => parseModel(wrong as never), 'USAGE');
    }
  });
});
