// The binary encoding: number formats against known bytes, modules against the engine's validator,
// and the printed form of modules against what was written.
import { describe, expect, it } from 'vitest';
import { ByteWriter } from '../../src/5-codegen/targets/wasm/bytes.ts';
import { ModuleBuilder, type ValType } from '../../src/5-codegen/targets/wasm/encoder.ts';
import { FunctionBuilder, type Immediate } from '../../src/5-codegen/targets/wasm/function.ts';
import { INSTRUCTIONS, type Instruction, type InstructionName } from '../../src/5-codegen/targets/wasm/instructions.ts';
import { printFunctions } from '../../src/web/text/code.ts';

const written = (write: (w: ByteWriter) => void): number[] => {
  const w = new ByteWriter();
  write(w);
  return [...w.view()];
};

describe('numbers', () => {
  it.each([
    [0, [0]],
    [127, [0x7f]],
    [128, [0x80, 1]],
    [624485, [0xe5, 0x8e, 0x26]],
    [2 ** 32 - 1, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  ])('unsigned %i', (value, bytes) => {
    expect(written((w) => w.unsigned(value))).toEqual(bytes);
  });

  it.each([
    [0, [0]],
    [63, [0x3f]],
    [64, [0xc0, 0]],
    [-1, [0x7f]],
    [-64, [0x40]],
    [-65, [0xbf, 0x7f]],
    [-123456, [0xc0, 0xbb, 0x78]],
    [-(2 ** 31), [0x80, 0x80, 0x80, 0x80, 0x78]],
  ])('signed %i', (value, bytes) => {
    expect(written((w) => w.signed32(value))).toEqual(bytes);
    expect(written((w) => w.signed64(BigInt(value)))).toEqual(bytes);
  });

  it('takes i64 modulo 2^64', () => {
    expect(written((w) => w.signed64(2n ** 64n - 1n))).toEqual([0x7f]);
    expect(written((w) => w.signed64(-(2n ** 63n)))).toEqual([...new Array(9).fill(0x80), 0x7f]);
  });
});

/** Types of the operands of an instruction, from its name. */
function operandsOf(name: InstructionName, row: Instruction): ValType[] {
  const [prefix, op] = name.split('.') as [string, string];
  const scalar = ['i32', 'i64', 'f32', 'f64'].includes(prefix);
  const own = (scalar ? prefix : 'v128') as ValType;
  const laneType: Record<string, ValType> = { i32x4: 'i32', i64x2: 'i64', f32x4: 'f32', f64x2: 'f64' };
  if (op === 'const') return [];
  if (row.immediate === 'memory') return row.result === null ? ['i32', own] : ['i32'];
  if (row.immediate === 'memoryLane') return ['i32', 'v128'];
  if (op === 'splat') return [laneType[prefix]];
  if (op === 'replace_lane') return ['v128', laneType[prefix]];
  if (op === 'bitselect' || op.startsWith('relaxed_madd')) return ['v128', 'v128', 'v128'];
  if (!scalar && /^(shl|shr)/.test(op)) return ['v128', 'i32'];
  const from = /_(i32|i64|f32|f64)(_[su])?$/.exec(op);
  if (scalar && from) return [from[1] as ValType];
  const unary =
    /^(eqz|clz|popcnt|abs|neg|not|ceil|floor|trunc|nearest|sqrt|extend.*|extract_lane|convert.*|trunc_sat.*|extadd.*)$/;
  return unary.test(op) ? [own] : [own, own];
}

const immediateFor = (row: Instruction): Immediate =>
  row.immediate === 'bytes' ? new Array(16).fill(3) : row.immediate === 'i64' ? 5n : 1;

describe('instructions', () => {
  const names = Object.keys(INSTRUCTIONS) as InstructionName[];
  it.each(names)('%s is what the engine takes it for', (name) => {
    const row: Instruction = INSTRUCTIONS[name];
    const operands = operandsOf(name, row);
    const f = new FunctionBuilder(operands.length);
    for (const i of operands.keys()) f.get(i);
    f.op(name, immediateFor(row));
    const module = new ModuleBuilder();
    const type = { params: operands, results: row.result === null ? [] : [row.result] };
    module.define(module.declare(type), f.finish());
    const bytes = module.encode();
    if (!name.includes('relaxed')) expect(WebAssembly.validate(bytes as BufferSource)).toBe(true);
    expect(printFunctions(bytes)[0].split('\n').at(-2)?.trim().split(' ')[0]).toBe(name);
  });
});

it('refuses functions that engines would refuse', () => {
  const params = new Array<ValType>(1001).fill('i32');
  const refusal = expect.objectContaining({ code: 'LIMIT_EXCEEDED' });
  expect(() => new ModuleBuilder().declare({ params, results: [] })).toThrow(refusal);
  const module = new ModuleBuilder();
  const index = module.declare({ params: [], results: [] });
  const locals = new Array<ValType>(50_001).fill('i32');
  expect(() => module.define(index, { locals, body: new Uint8Array(0) })).toThrow(refusal);
});
