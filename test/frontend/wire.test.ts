// The scan before the protobuf library: hostile bytes end in a typed refusal, quickly.
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { AttributeSchema, ModelSchema } from '../../src/1-frontend/onnx/gen/onnx_pb.ts';
import { decodeMessage } from '../../src/1-frontend/onnx/wire.ts';
import { parseModel } from '../../src/compile.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { tensorValues } from '../../src/ir/tensor.ts';
import { expectRefusal, f32, modelOf, parseTensor, refusal, writeModel } from './support.ts';

const LENGTH = 2;
const tag = (field: number, wire: number): number => field * 8 + wire;

/** A length-delimited field. */
function field(number: number, payload: Uint8Array): Uint8Array {
  const length: number[] = [];
  let rest = payload.length;
  for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) | 0x80);
  return Uint8Array.from([tag(number, LENGTH), ...length, rest, ...payload]);
}

const small = writeModel(
  modelOf({
    inputs: [{ name: 'x', dtype: 'f32', shape: [2] }],
    outputs: [{ name: 'y', dtype: 'f32', shape: [2] }],
    initializers: [['w', f32([2], [1, 2])]],
    nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
  }),
);

describe('threat 16: malformed protobuf', () => {
  it('refuses every truncation of a model', () => {
    for (let n = 0; n < small.length; n++) {
      const { code } = refusal(() => parseModel(small.subarray(0, n)));
      expect(code).toBe('INVALID_MODEL');
    }
  });

  it('names the field', () => {
    const graph = (...payload: number[]) => field(7, Uint8Array.from(payload));
    const at = (bytes: Uint8Array) => refusal(() => parseModel(bytes)).place.field;
    expect(at(Uint8Array.of(tag(1, LENGTH)))).toBe('ir_version');
    expect(at(graph(tag(1, LENGTH), 0, tag(1, 0), 1))).toBe('graph.node');
    expect(at(graph(...field(1, Uint8Array.of(tag(4, 0), 1))))).toBe('graph.node.op_type');
    expect(at(graph(0x80))).toBe('graph');
    expect(at(new Uint8Array(0))).toBe('ir_version');
    expect(at(Uint8Array.of(tag(1, 0), 8))).toBe('graph');
  });

  const cases: [string, number[], RegExp][] = [
    ['field number zero', [0x02, 0x00], /field number 0/],
    ['a group', [tag(7, 3), tag(7, 4)], /wire type 3/],
    ['an unknown group', [tag(9, 3), tag(9, 4)], /wire type 3/],
    ['a lone end of group', [tag(9, 4)], /wire type 4/],
    ['wire type 7', [tag(9, 7)], /wire type 7/],
    ['a number where a message belongs', [tag(7, 0), 1], /wire type 0/],
    ['an overlong varint', [tag(1, 0), ...new Array(10).fill(0x80), 1], /64 bits/],
    ['a varint of 65 bits', [tag(1, 0), ...new Array(9).fill(0xff), 2], /64 bits/],
    ['an endless varint', [tag(1, 0), ...new Array(5).fill(0xff)], /past the end/],
    ['an overlong tag', [0x88, 0x80, 0x80, 0x80, 0x80, 0x00, 1], /32 bits/],
    ['an overlong length', [tag(2, 2), 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], /32 bits/],
    ['a length beyond the file', [tag(2, 2), 0xff, 0xff, 0xff, 0xff, 0x0f], /past its end/],
    ['a message longer than the one around it', [tag(7, 2), 3, tag(2, 2), 5, 0x61], /past its end/],
    ['a name that is not UTF-8', [tag(2, 2), 1, 0xff], /broken protobuf/],
  ];
  it.each(cases)('%s', (_, bytes, text) => {
    expectRefusal(() => parseModel(Uint8Array.from(bytes)), 'INVALID_MODEL', text);
  });

  it('a packed list that ends inside a number', () => {
    expectRefusal(() => parseTensor(Uint8Array.from([tag(4, 2), 3, 0, 0, 0])), 'INVALID_MODEL', /broken length/);
    expectRefusal(() => parseTensor(Uint8Array.from([tag(7, 2), 1, 0x80])), 'INVALID_MODEL', /past the end/);
  });

  it('refuses deep nesting without recursion, in little time', () => {
    let bytes = Uint8Array.of(tag(2, LENGTH), 0);
    for (let depth = 0; depth < 3000; depth++) bytes = field([6, 5, 1][depth % 3], bytes) as typeof bytes;
    const started = performance.now();
    expectRefusal(() => parseModel(field(7, bytes)), 'INVALID_MODEL', /nested/);
    expect(performance.now() - started).toBeLessThan(50);
  });

  it('bounds messages and numbers before they are made', () => {
    const nodes = new Uint8Array(20_000).map((_, i) => (i % 2 === 0 ? tag(1, LENGTH) : 0));
    const limits = { messages: 1000 };
    expectRefusal(() => parseModel(field(7, nodes), { limits }), 'LIMIT_EXCEEDED', /messages/);
    const numbers = field(7, new Uint8Array(2000));
    const few = { limits: { listValues: 1000 } };
    expectRefusal(() => parseTensor(numbers, few), 'LIMIT_EXCEEDED', /listValues/);
  });

  it('bounds the file', () => {
    const limits = { modelBytes: small.length - 1 };
    expectRefusal(() => parseModel(small, { limits }), 'LIMIT_EXCEEDED', /modelBytes/);
  });
});

describe('valid protobuf', () => {
  it('reads lists that are not packed', () => {
    const one = [tag(4, 5), 0, 0, 0x80, 0x3f];
    const bytes = Uint8Array.from([tag(1, 0), 2, tag(2, 0), 1, ...one, ...one]);
    expect(tensorValues(parseTensor(bytes).value)).toEqual([1, 1]);
  });

  it('skips fields that it does not know', () => {
    expect(parseModel(Uint8Array.from([...small, ...field(6, new Uint8Array(9))])).irVersion).toBe(10);
  });

  it('takes the last of duplicate fields', () => {
    const again = toBinary(ModelSchema, create(ModelSchema, { irVersion: 9n }));
    expect(parseModel(Uint8Array.from([...small, ...again])).irVersion).toBe(9);
  });

  it('threat 17: fields named like prototype members are plain data', () => {
    const bytes = toBinary(AttributeSchema, create(AttributeSchema, { name: '__proto__', i: 1n }));
    const message = decodeMessage(AttributeSchema, bytes, DEFAULT_LIMITS);
    expect(message.name).toBe('__proto__');
    expect(Object.prototype).not.toHaveProperty('i');
  });

  it('reads Buffers and views with an offset', () => {
    expect(parseModel(Buffer.from(small)).irVersion).toBe(10);
    const shifted = new Uint8Array(small.length + 3);
    shifted.set(small, 3);
    expect(parseModel(shifted.subarray(3)).graph.nodes).toHaveLength(1);
  });
});
