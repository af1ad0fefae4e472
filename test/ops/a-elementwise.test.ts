// Element-wise operators at the places where definitions differ: integer division and remainders,
// casts of what does not fit, narrow floats, shifts, bounds out of order.
import { describe, expect, it } from 'vitest';
import { attr, f32, type NodeCase, type Operand, runNode, scalar } from './a-support.ts';

type Row = readonly [what: string, node: NodeCase, expected: readonly (number | bigint)[]];

const ints = (dtype: 'i32' | 'i8' | 'u8' | 'u32', ...values: number[]): Operand => [dtype, [values.length], values];
const longs = (...values: bigint[]): Operand => ['i64', [values.length], values];

const INTEGERS: readonly Row[] = [
  ['Div truncates', { op: 'Div', inputs: [ints('i32', -7, 7, -7), ints('i32', 2, -2, -2)] }, [-3, -3, 3]],
  ['Div of int8 wraps', { op: 'Div', inputs: [ints('i8', -128), ints('i8', -1)] }, [-128]],
  ['Add of uint8 wraps', { op: 'Add', inputs: [ints('u8', 250), ints('u8', 10)] }, [4]],
  ['Mod follows the divisor', { op: 'Mod', inputs: [ints('i32', -7, 7, 6), ints('i32', 3, -3, -3)] }, [2, -2, 0]],
  [
    'Mod with fmod follows the dividend',
    { op: 'Mod', inputs: [ints('i32', -7, 7), ints('i32', 3, -3)], attrs: { fmod: attr.int(1) } },
    [-1, 1],
  ],
  ['Mod of large integers is exact', { op: 'Mod', inputs: [longs(2n ** 62n + 1n), longs(10n)] }, [5n]],
  ['Pow of integers is exact', { op: 'Pow', inputs: [longs(3n, -2n), longs(39n, 3n)] }, [3n ** 39n, -8n]],
  ['Pow of an integer by a real truncates', { op: 'Pow', inputs: [ints('i32', 9, 2), f32(0.5, 0.5)] }, [3, 1]],
  [
    'BitShift beyond the width gives 0',
    {
      op: 'BitShift',
      inputs: [ints('u8', 255, 255, 129), ints('u8', 9, 4, 1)],
      attrs: { direction: attr.string('RIGHT') },
    },
    [0, 15, 64],
  ],
  ['Sign of unsigned', { op: 'Sign', inputs: [ints('u32', 0, 2 ** 32 - 1)] }, [0, 1]],
];

const REALS: readonly Row[] = [
  ['Round takes halves to even', { op: 'Round', inputs: [f32(0.5, 1.5, 2.5, -0.5, -1.5)] }, [0, 2, 2, -0, -2]],
  [
    'Clip with bounds out of order gives max',
    { op: 'Clip', inputs: [f32(-5, 0, 5), scalar('f32', 2), scalar('f32', 1)] },
    [1, 1, 1],
  ],
  ['Clip keeps NaN', { op: 'Clip', inputs: [f32(Number.NaN, 3), null, scalar('f32', 1)] }, [Number.NaN, 1]],
  ['Softplus neither overflows nor vanishes', { op: 'Softplus', inputs: [f32(1000, -200)] }, [1000, 0]],
  ['Sigmoid of extremes', { op: 'Sigmoid', inputs: [f32(-1e4, 1e4)] }, [0, 1]],
  ['Elu stays exact near 0', { op: 'Elu', inputs: [f32(-1e-6)] }, [Math.fround(Math.expm1(Math.fround(-1e-6)))]],
  [
    'IsInf of one sign',
    {
      op: 'IsInf',
      inputs: [f32(Infinity, -Infinity, Number.NaN)],
      attrs: { detect_negative: attr.int(0) },
    },
    [1, 0, 0],
  ],
  ['Max passes NaN on', { op: 'Max', inputs: [f32(Number.NaN, 1), f32(0, 2)] }, [Number.NaN, 2]],
  ['Mean broadcasts', { op: 'Mean', inputs: [f32(1, 2), scalar('f32', 3)] }, [2, 2.5]],
  [
    'Shrink of integers',
    {
      op: 'Shrink',
      inputs: [ints('i32', -2, -1, 1, 2)],
      attrs: { lambd: attr.float(1.5), bias: attr.float(1.5) },
    },
    [0, 0, 0, 0],
  ],
];

const cast = (from: Operand, to: number, extra: NodeCase['attrs'] = {}): NodeCase => ({
  op: 'Cast',
  inputs: [from],
  attrs: { to: attr.int(to), ...extra },
});
const BOOL = 9;
const U8 = 2;
const I4 = 22;
const E4M3FN = 17;
const E5M2 = 19;
const F4 = 23;
const E8M0 = 24;
const unsaturated = { saturate: attr.int(0) };

const CASTS: readonly Row[] = [
  ['float to bool', cast(f32(0, -0, 0.2, Number.NaN), BOOL), [0, 0, 1, 1]],
  ['int32 to uint8 keeps the low bits', cast(ints('i32', -1, 256, 300), U8), [255, 0, 44]],
  ['int32 to int4 keeps the low bits', cast(ints('i32', 9, -9, 7), I4), [-7, 7, 7]],
  ['float to f8e4m3fn saturates', cast(f32(1e6, -Infinity, 0.3), E4M3FN), [448, -448, 0.3125]],
  ['float to f8e4m3fn without saturation', cast(f32(1e6), E4M3FN, unsaturated), [Number.NaN]],
  ['float to f8e5m2 without saturation', cast(f32(1e6), E5M2, unsaturated), [Infinity]],
  ['float to f4e2m1 always saturates', cast(f32(100, -0.3, 2.5), F4), [6, -0.5, 2]],
  ['float to f8e8m0 rounds up', cast(f32(3, 4, 5), E8M0), [4, 4, 8]],
  ['float to f8e8m0 rounds down', cast(f32(3, 4, 7), E8M0, { round_mode: attr.string('down') }), [2, 4, 4]],
  ['float to f8e8m0 rounds to nearest', cast(f32(2.9, 3, 5), E8M0, { round_mode: attr.string('nearest') }), [2, 4, 4]],
  [
    'double to float16 rounds once',
    cast(['f64', [2], [1 + 2 ** -11 + 2 ** -30, -(1 + 2 ** -11)]], 10),
    [1 + 2 ** -10, -1],
  ],
  ['NaN to an integer is 0', cast(f32(Number.NaN), 7), [0n]],
];

const BITS: readonly Row[] = [
  ['float as uint32', { op: 'BitCast', inputs: [f32(1)], attrs: { to: attr.int(12) } }, [0x3f800000]],
  [
    'float16 as int16',
    { op: 'BitCast', inputs: [['f16', [2], [1, -2]]], attrs: { to: attr.int(5) } },
    [0x3c00, -0x4000],
  ],
  ['int4 as uint4', { op: 'BitCast', inputs: [['i4', [2], [-8, 7]]], attrs: { to: attr.int(21) } }, [8, 7]],
  ['uint4 as f4e2m1', { op: 'BitCast', inputs: [['u4', [2], [7, 9]]], attrs: { to: attr.int(F4) } }, [6, -0.5]],
];

describe.each([
  ['integers', INTEGERS],
  ['reals', REALS],
  ['casts', CASTS],
  ['bits', BITS],
] as const)('%s', (_, rows) => {
  it.each(rows.map((r) => [r[0], r] as const))('%s', async (_name, [, node, expected]) => {
    const [y] = await runNode(node);
    expect(y.values).toEqual(expected);
  });
});

describe('refusals', () => {
  it.each([
    ['Mod of floats without fmod', { op: 'Mod', inputs: [f32(1), f32(2)] }, /fmod/],
    [
      'a direction of BitShift',
      { op: 'BitShift', inputs: [ints('u8', 1), ints('u8', 1)], attrs: { direction: attr.string('UP') } },
      /direction/,
    ],
    ['shapes that do not broadcast', { op: 'Add', inputs: [f32(1, 2), f32(1, 2, 3)] }, /do not broadcast/],
    ['a slope of PRelu wider than its input', { op: 'PRelu', inputs: [f32(1), f32(1, 2)] }, /does not broadcast/],
    ['operands of two types', { op: 'Add', inputs: [f32(1), ints('i32', 1)] }, /type|i32/],
  ] as const)('%s', async (_, node, message) => {
    await expect(runNode(node)).rejects.toThrow(message);
  });
});
