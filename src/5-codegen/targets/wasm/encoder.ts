// The binary format of a WebAssembly module: functions, their types, exports and the one imported
// memory go in, bytes come out. Knows sections and nothing of instructions or tensors.
import { invariant, TilewrightError } from '../../../support/errors.ts';
import { ByteWriter } from './bytes.ts';

export const TYPE_BYTES = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValType = keyof typeof TYPE_BYTES;

export type FunctionType = Readonly<{ params: readonly ValType[]; results: readonly ValType[] }>;

/** A function's code: locals besides the parameters, and instructions without the final `end`. */
export type FunctionCode = Readonly<{ locals: readonly ValType[]; body: Uint8Array }>;

/** Limits that engines enforce; exceeding one would make the whole module invalid. */
const MAX_FUNCTION_BYTES = 7_600_000;
const MAX_LOCALS = 50_000;
const MAX_PARAMS = 1000;

function limit(what: string, count: number, most: number): void {
  if (count <= most) return;
  const text = `${count} ${what} of one function, WebAssembly engines take ${most}`;
  throw new TilewrightError('LIMIT_EXCEEDED', text, {}, 'Use a native target.');
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const END = 0x0b;

/** Section numbers. */
export const SECTION = { types: 1, imports: 2, functions: 3, exports: 7, code: 10 } as const;

export class ModuleBuilder {
  private readonly types = new Map<string, FunctionType>();
  private readonly functions: { type: number; code: FunctionCode | null }[] = [];
  /** Indices of functions by the names that the host sees. */
  readonly exports = new Map<string, number>();

  /** Reserves the next function index. */
  declare(type: FunctionType): number {
    limit('parameters', type.params.length, MAX_PARAMS);
    const key = `${type.params.join()}>${type.results.join()}`;
    if (!this.types.has(key)) this.types.set(key, type);
    return this.functions.push({ type: [...this.types.keys()].indexOf(key), code: null }) - 1;
  }

  define(index: number, code: FunctionCode): void {
    limit('bytes', code.body.length, MAX_FUNCTION_BYTES);
    limit('locals', code.locals.length, MAX_LOCALS);
    this.functions[index].code = code;
  }

  /** The module; imports `env.memory` with no bounds of its own. */
  encode(): Uint8Array {
    const out = new ByteWriter();
    out.bytes(MAGIC);
    section(out, SECTION.types, [...this.types.values()], (w, type) => {
      w.byte(0x60);
      for (const list of [type.params, type.results]) w.list(list, (t) => w.byte(TYPE_BYTES[t]));
    });
    section(out, SECTION.imports, ['memory'], (w, name) => {
      w.name('env');
      w.name(name);
      w.bytes([0x02, 0x00, 0x00]);
    });
    section(out, SECTION.functions, this.functions, (w, f) => w.unsigned(f.type));
    section(out, SECTION.exports, [...this.exports], (w, [name, index]) => {
      w.name(name);
      w.byte(0x00);
      w.unsigned(index);
    });
    section(out, SECTION.code, this.functions, (w, { code }) => {
      invariant(code, 'a declared function has no code');
      w.sized((content) => writeFunction(content, code));
    });
    return out.view().slice();
  }
}

function section<T>(out: ByteWriter, id: number, items: readonly T[], write: (w: ByteWriter, item: T) => void): void {
  out.byte(id);
  out.sized((content) => content.list(items, (item) => write(content, item)));
}

/** Locals are declared as runs of equal types. */
function writeFunction(w: ByteWriter, { locals, body }: FunctionCode): void {
  const runs: { type: ValType; count: number }[] = [];
  for (const type of locals) {
    const last = runs[runs.length - 1];
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  w.list(runs, ({ type, count }) => {
    w.unsigned(count);
    w.byte(TYPE_BYTES[type]);
  });
  w.bytes(body);
  w.byte(END);
}
