// Every encoding of a TensorProto, its exact length, and its way back to bytes.
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ModelSchema, type SparseTensorSchema, TensorSchema } from '../../src/1-frontend/onnx/gen/onnx_pb.ts';
import { parseModel } from '../../src/compile.ts';
import { DTYPES, type DType, dtypeInfo } from '../../src/ir/dtype.ts';
import { elementCount, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { encodeTensor } from '../../src/web/write.ts';
import { expectRefusal, parseTensor } from './support.ts';

type Init = MessageInitShape<typeof TensorSchema>;
const bytesOf = (init: Init): Uint8Array => toBinary(TensorSchema, create(TensorSchema, init));
const read = (init: Init) => parseTensor(bytesOf(init)).value;
const type = (dtype: DType): number => dtypeInfo(dtype).onnx;

describe('encodings', () => {
  const typed: [DType, Init, (number | bigint)[]][] = [
    ['f32', { floatData: [1.5, -2] }, [1.5, -2]],
    ['f64', { doubleData: [1.1, -2] }, [1.1, -2]],
    ['i64', { int64Data: [1n, -(2n ** 63n)] }, [1n, -(2n ** 63n)]],
    ['u64', { uint64Data: [1n, 2n ** 64n - 1n] }, [1n, 2n ** 64n - 1n]],
    ['u32', { uint64Data: [1n, 2n ** 32n - 1n] }, [1, 2 ** 32 - 1]],
    ['i32', { int32Data: [1, -(2 ** 31)] }, [1, -(2 ** 31)]],
    ['i16', { int32Data: [1, -32768] }, [1, -32768]],
    ['u16', { int32Data: [1, 65535] }, [1, 65535]],
    ['i8', { int32Data: [1, -128] }, [1, -128]],
    ['u8', { int32Data: [1, 255] }, [1, 255]],
    ['bool', { int32Data: [0, 7] }, [0, 1]],
    ['f16', { int32Data: [0x3c00, 0xc000] }, [1, -2]],
    ['bf16', { int32Data: [0x3f80, 0xc000] }, [1, -2]],
    ['f8e4m3fn', { int32Data: [0x38, 0xc0] }, [1, -2]],
    ['f8e5m2', { int32Data: [0x3c, 0xc0] }, [1, -2]],
    ['i4', { int32Data: [0xf1] }, [1, -1]],
    ['u4', { int32Data: [0xf1] }, [1, 15]],
    ['i2', { int32Data: [0x0d] }, [1, -1]],
    ['u2', { int32Data: [0x0d] }, [1, 3]],
    ['f4e2m1', { int32Data: [0xc2] }, [1, -2]],
  ];
  it.each(typed)('%s in its typed list', (dtype, init, want) => {
    expect(tensorValues(read({ dims: [2n], dataType: type(dtype), ...init }))).toEqual(want);
  });

  const numbers = DTYPES.filter((d) => !['string', 'complex64', 'complex128'].includes(d));
  it.each(numbers)('%s there and back through raw data', (dtype) => {
    const values = [0, 1, 1, 0, 1].map((v) => (dtype.endsWith('64') && dtype !== 'f64' ? BigInt(v) : v));
    const tensor = tensorOf(dtype, [5], dtype === 'f8e8m0' ? [1, 2, 4, 8, 0.5] : values);
    const { value: back, name } = parseTensor(encodeTensor('t', tensor));
    expect(name).toBe('t');
    expect(back.dtype).toBe(dtype);
    expect([...back.bytes]).toEqual([...tensor.bytes]);
  });

  it('complex numbers, as pairs', () => {
    const got = read({ dims: [1n], dataType: type('complex64'), floatData: [1, 2] });
    expect([...new Float32Array(got.bytes.slice().buffer)]).toEqual([1, 2]);
    const wide = read({ dims: [1n], dataType: type('complex128'), doubleData: [3, 4] });
    expect([...new Float64Array(wide.bytes.slice().buffer)]).toEqual([3, 4]);
  });

  it('strings', () => {
    const text = { dtype: 'string', shape: [2], bytes: new Uint8Array(0), strings: ['ä', ''] } as const;
    expect(parseTensor(encodeTensor('s', text)).value.strings).toEqual(['ä', '']);
  });

  it('raw data stays a view into the file', () => {
    const file = bytesOf({ dims: [2n], dataType: 1, rawData: new Uint8Array(8) });
    expect(parseTensor(file).value.bytes.buffer).toBe(file.buffer);
  });

  it('booleans in raw data become 0 and 1', () => {
    const { bytes } = read({ dims: [3n], dataType: 9, rawData: Uint8Array.of(0, 2, 255) });
    expect([...bytes]).toEqual([0, 1, 1]);
  });

  it('empty tensors and scalars', () => {
    expect(read({ dims: [0n], dataType: 1 }).bytes.length).toBe(0);
    expect(read({ dims: [], dataType: 1, floatData: [1] }).shape).toEqual([]);
  });
});

describe('refusals', () => {
  const cases: [string, Init, RegExp][] = [
    ['no element type', { dims: [1n] }, /not an ONNX element type/],
    ['unknown element type', { dims: [1n], dataType: 99 }, /99 is not/],
    ['raw data too short', { dims: [2n], dataType: 1, rawData: new Uint8Array(7) }, /7 bytes/],
    ['raw data too long', { dims: [2n], dataType: 1, rawData: new Uint8Array(9) }, /9 bytes/],
    ['packed data too short', { dims: [3n], dataType: 22, rawData: new Uint8Array(1) }, /needs 2/],
    ['too few values', { dims: [2n], dataType: 1, floatData: [1] }, /1 values/],
    ['no values', { dims: [2n], dataType: 1 }, /0 values/],
    ['values of another type', { dims: [1n], dataType: 1, int32Data: [1] }, /another type/],
    ['two encodings', { dims: [1n], dataType: 1, floatData: [1], rawData: new Uint8Array(4) }, /both/],
    ['negative extent', { dims: [-1n], dataType: 1 }, /negative/],
    ['segments', { dims: [1n], dataType: 1, segment: { begin: 0n, end: 1n } }, /segments/],
    ['raw strings', { dims: [1n], dataType: 8, rawData: new Uint8Array(1) }, /raw data/],
    ['unknown location', { dims: [0n], dataType: 1, dataLocation: 7 }, /data_location 7/],
  ];
  it.each(cases)('%s', (_, init, text) => {
    expectRefusal(() => read(init), 'INVALID_MODEL', text);
  });

  it('threat 13: extents whose product overflows, also through zero', () => {
    const dims = [2n ** 31n, 2n ** 31n, 2n ** 31n];
    expectRefusal(() => read({ dims, dataType: 1 }), 'LIMIT_EXCEEDED');
    expectRefusal(() => read({ dims: [...dims, 0n], dataType: 1 }), 'LIMIT_EXCEEDED');
    expectRefusal(() => read({ dims: [2n ** 63n - 1n], dataType: 1 }), 'LIMIT_EXCEEDED', /extent/);
  });
});

describe('sparse tensors', () => {
  type Sparse = MessageInitShape<typeof SparseTensorSchema>;
  const dense = (sparse: Sparse) => {
    const graph = {
      name: 'g',
      output: [{ name: 'w' }],
      sparseInitializer: [sparse],
    };
    const init = { irVersion: 8n, opsetImport: [{ domain: '', version: 13n }], graph };
    const model = parseModel(toBinary(ModelSchema, create(ModelSchema, init)));
    return model.graph.constants.get(model.graph.outputs[0])!;
  };
  const values = { name: 'w', dims: [2n], dataType: 1, floatData: [5, 6] };

  it('with linear indices and with coordinates', () => {
    const linear = { dims: [2n], dataType: 7, int64Data: [1n, 5n] };
    const pairs = { dims: [2n, 2n], dataType: 7, int64Data: [0n, 1n, 1n, 2n] };
    for (const indices of [linear, pairs]) {
      const tensor = dense({ values, indices, dims: [2n, 3n] });
      expect(tensorValues(tensor)).toEqual([0, 5, 0, 0, 0, 6]);
      expect(elementCount(tensor.shape)).toBe(6);
    }
  });

  const broken: [string, bigint[], bigint[]][] = [
    ['index beyond the end', [2n], [1n, 6n]],
    ['negative index', [2n], [-1n, 2n]],
    ['indices out of order', [2n], [3n, 2n]],
    ['equal indices', [2n], [2n, 2n]],
    ['coordinate beyond its axis', [2n, 2n], [0n, 1n, 1n, 3n]],
  ];
  it.each(broken)('threat 12: %s', (_, dims, int64Data) => {
    const indices = { dims, dataType: 7, int64Data };
    expectRefusal(() => dense({ values, indices, dims: [2n, 3n] }), 'INVALID_MODEL');
  });

  it('threat 18: a small file does not become a huge tensor', () => {
    const indices = { dims: [2n], dataType: 7, int64Data: [1n, 5n] };
    expectRefusal(() => dense({ values, indices, dims: [2n ** 28n] }), 'LIMIT_EXCEEDED', /folded/);
  });
});
