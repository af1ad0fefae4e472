// The text of a target's code: source as it is; a module of WebAssembly one instruction a line, indented by nesting, for
// people, dumps and tests that count instructions. In: code, or bytes that the encoder wrote. Out: text, or one per function.
import type { TargetCode } from '../../5-codegen/targets/target.ts';
import { SECTION, TYPE_BYTES } from '../../5-codegen/targets/wasm/encoder.ts';
import { CONTROL, LOCALS } from '../../5-codegen/targets/wasm/function.ts';
import { type ImmediateKind, INSTRUCTIONS, type Instruction } from '../../5-codegen/targets/wasm/instructions.ts';
import { invariant } from '../../support/errors.ts';

const ROWS = new Map<number, readonly [name: string, row: Instruction]>(
  Object.entries<Instruction>(INSTRUCTIONS).map((entry) => [entry[1].prefix * 1024 + entry[1].code, entry]),
);
const names = (codes: Readonly<Record<string, number>>): ReadonlyMap<number, string> =>
  new Map(Object.entries(codes).map(([name, code]) => [code, name]));
const CONTROL_NAMES = names({ ...CONTROL, ...LOCALS });
const TYPE_NAMES = names(TYPE_BYTES);

class Reader {
  private readonly view: DataView;
  at = 8;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte = (): number => this.view.getUint8(this.at++);
  unsigned = (): number => Number(this.leb128((_, value) => value));
  signed = (): bigint => this.leb128(BigInt.asIntN);

  private leb128(read: (bits: number, value: bigint) => bigint): bigint {
    let value = 0n;
    for (let bits = 7; ; bits += 7) {
      const b = this.byte();
      value |= BigInt(b & 127) << BigInt(bits - 7);
      if (b < 128) return read(bits, value);
    }
  }

  float(bits: 32 | 64): number {
    this.at += bits / 8;
    return this.view[`getFloat${bits}`](this.at - bits / 8, true);
  }

  /** An offset; the alignment before it is skipped. */
  offset(): string {
    this.unsigned();
    return ` offset=${this.unsigned()}`;
  }
}

const IMMEDIATES: Readonly<Record<ImmediateKind, (r: Reader) => string>> = {
  none: () => '',
  i32: (r) => ` ${r.signed()}`,
  i64: (r) => ` ${r.signed()}`,
  f32: (r) => ` ${r.float(32)}`,
  f64: (r) => ` ${r.float(64)}`,
  lane: (r) => ` ${r.byte()}`,
  bytes: (r) => ` ${Array.from({ length: 16 }, () => r.byte().toString(16)).join(' ')}`,
  memory: (r) => r.offset(),
  memoryLane: (r) => `${r.offset()} lane=${r.byte()}`,
};

const OPENING: ReadonlySet<string> = new Set(['block', 'loop', 'if', 'else']);

function instruction(r: Reader): string {
  const first = r.byte();
  const name = CONTROL_NAMES.get(first);
  if (name && /^(br|call|local)/.test(name)) return `${name} ${r.unsigned()}`;
  // The type of a block is always the empty one.
  if (name === 'block' || name === 'loop' || name === 'if') r.byte();
  if (name) return name;
  const found = ROWS.get(first === 0xfc || first === 0xfd ? first * 1024 + r.unsigned() : first);
  invariant(found, `unknown instruction ${first}`);
  return found[0] + IMMEDIATES[found[1].immediate](r);
}

function functionText(r: Reader, index: number): string {
  const end = r.unsigned() + r.at;
  const lines = [`func ${index}`];
  for (let runs = r.unsigned(); runs > 0; runs--) {
    const count = r.unsigned();
    lines.push(`  local ${TYPE_NAMES.get(r.byte())} × ${count}`);
  }
  for (let depth = 1; r.at < end; ) {
    const text = instruction(r);
    if (text === 'end' || text === 'else') depth--;
    lines.push('  '.repeat(depth) + text);
    if (OPENING.has(text)) depth++;
  }
  return lines.join('\n');
}

/** Every function of the module, in order of their indices. */
export function printFunctions(module: Uint8Array): string[] {
  const r = new Reader(module);
  while (r.at < module.length) {
    const id = r.byte();
    const size = r.unsigned();
    if (id === SECTION.code) return Array.from({ length: r.unsigned() }, (_, i) => functionText(r, i));
    r.at += size;
  }
  return [];
}

/** Modules begin with a zero byte, sources do not. */
export const printCode = ({ bytes }: TargetCode): string =>
  bytes[0] === 0 ? `${printFunctions(bytes).join('\n\n')}\n` : new TextDecoder().decode(bytes);
