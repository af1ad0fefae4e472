// The binary format of a WebAssembly module: functions, their types, exports and the one imported
// memory go in, bytes come out. Knows sections and nothing of instructions or tensors.
import { invariant, TilewrightError } from '../../../support/errors.ts';
import { ByteWriter } from './bytes.ts';

export type ValType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

const TYPE_BYTE: Readonly<Record<ValType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

/** The block type of a block without result, and of one with a result. */
export const blockType = (result: ValType | null): number => (result === null ? 0x40 : TYPE_BYTE[result]);

export interface FunctionType {
  readonly params: readonly ValType[];
  readonly results: readonly ValType[];
}

/** A function's code: locals besides the parameters, and instructions without the final `end`. */
export interface FunctionCode {
  readonly locals: readonly ValType[];
  readonly body: Uint8Array;
}

/** Limits that engines enforce; exceeding one would make the whole module invalid. */
const MAX_FUNCTION_BYTES = 7_600_000;
const MAX_LOCALS = 50_000;
const MAX_PARAMS = 1000;

function limit(what: string, count: number, most: number): void {
  if (count <= most) return;
  throw new TilewrightError(
    'LIMIT_EXCEEDED',
    `${count} ${what}, WebAssembly engines take ${most}`,
    {},
    'Use a native target.',
  );
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const END = 0x0b;

/** Section numbers. */
const SECTION = { types: 1, imports: 2, functions: 3, exports: 7, code: 10 } as const;

export class ModuleBuilder {
  private readonly types: FunctionType[] = [];
  private readonly typeKeys = new Map<string, number>();
  private readonly functions: { type: number; code: FunctionCode | null }[] = [];
  private readonly exports: { name: string; index: number }[] = [];

  /** Reserves the next function index. */
  declare(type: FunctionType): number {
    limit('parameters of one function', type.params.length, MAX_PARAMS);
    const key = `${type.params.join()}>${type.results.join()}`;
    let index = this.typeKeys.get(key);
    if (index === undefined) {
      index = this.types.length;
      this.types.push(type);
      this.typeKeys.set(key, index);
    }
    this.functions.push({ type: index, code: null });
    return this.functions.length - 1;
  }

  define(index: number, code: FunctionCode): void {
    limit('bytes of one function', code.body.length, MAX_FUNCTION_BYTES);
    limit('locals of one function', code.locals.length, MAX_LOCALS);
    this.functions[index].code = code;
  }

  export(name: string, index: number): void {
    this.exports.push({ name, index });
  }

  /** The module; imports `env.memory` with no bounds of its own. */
  encode(): Uint8Array {
    const out = new ByteWriter();
    out.bytes(MAGIC);
    section(out, SECTION.types, this.types, writeType);
    section(out, SECTION.imports, ['memory'], writeMemoryImport);
    section(out, SECTION.functions, this.functions, (w, f) => w.unsigned(f.type));
    section(out, SECTION.exports, this.exports, (w, e) => {
      w.name(e.name);
      w.byte(0x00);
      w.unsigned(e.index);
    });
    section(out, SECTION.code, this.functions, (w, f) => {
      invariant(f.code, 'a declared function has no code');
      w.sized(functionBytes(f.code));
    });
    return out.copy();
  }
}

function section<T>(out: ByteWriter, id: number, items: readonly T[], write: (w: ByteWriter, item: T) => void): void {
  const content = new ByteWriter();
  content.unsigned(items.length);
  for (const item of items) write(content, item);
  out.byte(id);
  out.sized(content);
}

function writeType(w: ByteWriter, type: FunctionType): void {
  w.byte(0x60);
  for (const list of [type.params, type.results]) {
    w.unsigned(list.length);
    for (const t of list) w.byte(TYPE_BYTE[t]);
  }
}

function writeMemoryImport(w: ByteWriter, name: string): void {
  w.name('env');
  w.name(name);
  w.bytes([0x02, 0x00, 0x00]);
}

/** Locals are declared as runs of equal types. */
function functionBytes(code: FunctionCode): ByteWriter {
  const runs: { type: ValType; count: number }[] = [];
  for (const type of code.locals) {
    const last = runs[runs.length - 1];
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  const w = new ByteWriter();
  w.unsigned(runs.length);
  for (const { type, count } of runs) {
    w.unsigned(count);
    w.byte(TYPE_BYTE[type]);
  }
  w.bytes(code.body);
  w.byte(END);
  return w;
}
