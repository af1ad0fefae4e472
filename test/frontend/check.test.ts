// Nodes against the published signatures: what each kind of contradiction ends in.
import { describe, expect, it } from 'vitest';
import { SIGNATURES } from '../../src/ops/upgrade/gen/operators.ts';
import { standingOf } from '../../src/ops/upgrade/signature.ts';
import type { NodeSpec, ValueSpec } from '../../src/web/write.ts';
import { attr, expectRefusal, f32, modelOf, roundTrip } from './support.ts';

const INPUTS: readonly ValueSpec[] = [
  { name: 'f', dtype: 'f32' },
  { name: 'd', dtype: 'f64' },
  { name: 'i', dtype: 'i64' },
  { name: 'b', dtype: 'bool' },
  { name: 's', type: { kind: 'sequence', elem: { kind: 'tensor', dtype: 'f32', shape: undefined } } },
];
const node = (op: string, inputs: string[], more: Partial<NodeSpec> = {}): NodeSpec => ({
  op,
  inputs,
  outputs: ['y'],
  ...more,
});
const load = (nodes: NodeSpec[], opset: number, y: ValueSpec = { name: 'y' }) =>
  roundTrip(modelOf({ inputs: INPUTS, outputs: [y], nodes }, opset));

describe('signatures', () => {
  it('are all readable', () => {
    for (const op of SIGNATURES.keys()) {
      for (let version = 1; version <= 28; version++) {
        const { signature } = standingOf(op, version)!;
        for (const formal of [...(signature?.inputs.formals ?? []), ...(signature?.outputs.formals ?? [])]) {
          expect(formal.types.size).toBeGreaterThan(0);
        }
        for (const kind of signature?.attributes.values() ?? []) expect(kind).toBeDefined();
      }
    }
    expect(SIGNATURES.size).toBeGreaterThan(190);
  });

  it('allow what they describe', () => {
    load([node('Add', ['f', 'f'])], 14);
    load([node('Concat', ['f', 'f', 'f', 'f'], { attrs: { axis: attr.int(0) } })], 13);
    load([node('SequenceAt', ['s', 'i'])], 11, { name: 'y', dtype: 'f32' });
    load([node('Where', ['b', 'f', 'f'])], 16);
    load([node('Clip', ['f', '', ''])], 13);
  });

  it('leave operators alone that were never published, and calls of functions', () => {
    load([node('Affine', [], { attrs: { whatever: attr.int(1) } })], 7);
    const nodes = [node('Relu', ['f', 'f'], { attrs: { slope: attr.float(1) } })];
    const relu = { domain: '', name: 'Relu', inputs: ['a', 'b'], outputs: ['a'], attrNames: ['slope'], nodes: [] };
    roundTrip({ graph: { inputs: INPUTS, outputs: [{ name: 'y' }], nodes }, functions: [relu] });
  });
});

describe('refused', () => {
  const cases: [string, NodeSpec[], number, RegExp, ValueSpec?][] = [
    ['too few inputs', [node('Add', ['f'])], 14, /1 inputs, the operator has at least 2/],
    ['too many inputs', [node('Relu', ['f', 'f'])], 14, /2 inputs, the operator has at most 1/],
    ['a required input left out', [node('Add', ['', 'f'])], 14, /input 0 is missing/],
    ['too many outputs', [node('Relu', ['f'], { outputs: ['y', 'z'] })], 14, /2 outputs/],
    ['no outputs', [node('Relu', ['f'], { outputs: [] })], 14, /0 outputs/],
    [
      'an attribute that the version does not have',
      [node('Split', ['f'], { attrs: { num_outputs: attr.int(1) } })],
      13,
      /no attribute "num_outputs"/,
    ],
    [
      'an attribute of another kind',
      [node('Elu', ['f'], { attrs: { alpha: attr.int(1) } })],
      6,
      /alpha is of kind int, expected float/,
    ],
    ['a missing attribute', [node('Concat', ['f'])], 13, /attribute axis is missing/],
    ['an element type', [node('Not', ['f'])], 13, /input 0 is f32, the operator takes bool/],
    ['an element type of this version', [node('ReduceMax', ['b'])], 13, /input 0 is bool/],
    ['differing element types', [node('Add', ['f', 'd'])], 14, /input 1 is f64 where another one is f32/],
    ['a sequence for a tensor', [node('Relu', ['s'])], 14, /input 0 is seq\(f32\)/],
    [
      'a declared output type',
      [node('Equal', ['f', 'f'])],
      13,
      /declared as f32, the operator gives bool/,
      { name: 'y', dtype: 'f32' },
    ],
    [
      'an element type that follows from other nodes',
      [node('Shape', ['f'], { outputs: ['h'] }), node('Identity', ['h'], { outputs: ['k'] }), node('Add', ['k', 'f'])],
      14,
      /input 1 is f32 where another one is i64/,
    ],
    [
      'the type of a constant',
      [node('Constant', [], { outputs: ['h'], attrs: { value: attr.tensor(f32([], [1])) } }), node('And', ['h', 'b'])],
      13,
      /input 0 is f32/,
    ],
    [
      'the target of a cast',
      [node('Cast', ['f'], { outputs: ['h'], attrs: { to: attr.int(9) } }), node('Relu', ['h'])],
      13,
      /input 0 is bool/,
    ],
  ];
  it.each(cases)('%s', (_, nodes, opset, text, y) => {
    expectRefusal(() => load(nodes, opset, y), 'INVALID_MODEL', text);
  });

  it('two nodes of one name', () => {
    const nodes = [node('Relu', ['f'], { name: 'n', outputs: ['h'] }), node('Relu', ['h'], { name: 'n' })];
    expectRefusal(() => load(nodes, 14), 'INVALID_MODEL', /same name/);
  });
});
