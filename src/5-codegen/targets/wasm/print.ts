// The text of a module of ours, one instruction a line, indented by nesting: for people, dumps and
// tests that count instructions. In: bytes that the encoder wrote. Out: text per function.
import { invariant } from '../../../support/errors.ts';
import { INSTRUCTIONS, type Instruction } from './instructions.ts';

const ROWS: ReadonlyMap<number, readonly [name: string, row: Instruction]> = new Map(
  Object.entries<Instruction>(INSTRUCTIONS).map((entry) => {
    const { prefix, code } = entry[1];
    return [prefix * 1024 + code, entry] as const;
  }),
);

/** Control instructions: name and what follows. */
const CONTROL: ReadonlyMap<number, readonly [name: string, operand: 'none' | 'index' | 'type']> = new Map([
  [0x02, ['block', 'type']],
  [0x03, ['loop', 'type']],
  [0x04, ['if', 'type']],
  [0x05, ['else', 'none']],
  [0x0b, ['end', 'none']],
  [0x0c, ['br', 'index']],
  [0x0d, ['br_if', 'index']],
  [0x10, ['call', 'index']],
  [0x1b, ['select', 'none']],
  [0x20, ['local.get', 'index']],
  [0x21, ['local.set', 'index']],
  [0x22, ['local.tee', 'index']],
]);

const VALUE_TYPES: ReadonlyMap<number, string> = new Map([
  [0x7f, 'i32'],
  [0x7e, 'i64'],
  [0x7d, 'f32'],
  [0x7c, 'f64'],
  [0x7b, 'v128'],
]);

class Reader {
  private readonly view: DataView;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
  }

  get length(): number {
    return this.view.byteLength;
  }

  byte(): number {
    return this.view.getUint8(this.at++);
  }

  unsigned(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const b = this.byte();
      value += (b & 127) * scale;
      if (b < 128) return value;
    }
  }

  signed(bits: number): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const b = this.byte();
      value |= BigInt(b & 127) << shift;
      if (b < 128) return BigInt.asIntN(b & 64 ? Number(shift) + 7 : bits + 1, value);
    }
  }

  float(bytes: 4 | 8): number {
    const value = bytes === 4 ? this.view.getFloat32(this.at, true) : this.view.getFloat64(this.at, true);
    this.at += bytes;
    return value;
  }
}

function immediate(r: Reader, row: Instruction): string {
  switch (row.immediate) {
    case 'none':
      return '';
    case 'i32':
    case 'i64':
      return ` ${r.signed(row.immediate === 'i32' ? 32 : 64)}`;
    case 'f32':
      return ` ${r.float(4)}`;
    case 'f64':
      return ` ${r.float(8)}`;
    case 'lane':
      return ` ${r.byte()}`;
    case 'bytes':
      return ` ${Array.from({ length: 16 }, () => r.byte().toString(16)).join(' ')}`;
    case 'memory':
    case 'memoryLane': {
      r.unsigned();
      const offset = ` offset=${r.unsigned()}`;
      return row.immediate === 'memory' ? offset : `${offset} lane=${r.byte()}`;
    }
  }
}

function instruction(r: Reader): string {
  const first = r.byte();
  const control = CONTROL.get(first);
  if (control) {
    const [name, operand] = control;
    if (operand === 'type') r.byte();
    return operand === 'index' ? `${name} ${r.unsigned()}` : name;
  }
  const prefixed = first === 0xfc || first === 0xfd;
  const found = ROWS.get(prefixed ? first * 1024 + r.unsigned() : first);
  invariant(found, `unknown instruction ${first}`);
  return found[0] + immediate(r, found[1]);
}

function functionText(r: Reader, end: number, index: number): string {
  const lines = [`func ${index}`];
  for (let runs = r.unsigned(); runs > 0; runs--) {
    const count = r.unsigned();
    lines.push(`  local ${VALUE_TYPES.get(r.byte())} × ${count}`);
  }
  let depth = 1;
  while (r.at < end) {
    const text = instruction(r);
    if (text === 'end' || text === 'else') depth--;
    lines.push('  '.repeat(depth) + text);
    if (text === 'block' || text === 'loop' || text === 'if' || text === 'else') depth++;
  }
  return lines.join('\n');
}

/** Every function of the module, in order of their indices. */
export function printFunctions(module: Uint8Array): string[] {
  const r = new Reader(module, 8);
  while (r.at < r.length) {
    const id = r.byte();
    const size = r.unsigned();
    if (id !== 10) {
      r.at += size;
      continue;
    }
    const count = r.unsigned();
    return Array.from({ length: count }, (_, i) => {
      const end = r.unsigned() + r.at;
      return functionText(r, end, i);
    });
  }
  return [];
}

export const printModule = (module: Uint8Array): string => `${printFunctions(module).join('\n\n')}\n`;
