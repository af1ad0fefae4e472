// Reads the text that print.ts writes, as text.ts lays it out. In: text, and the contents of constants that it leaves
// out. Out: a program or kernel equal in structure to the one printed, with the names of axes and locals that the text
// has. Refuses with USAGE and the line number; nesting is bounded.

import type { Axis, BinaryOp, ComputeType, Expr, Local } from '../../3-tile/expr.ts';
import * as build from '../../3-tile/expr.ts';
import { makeExpr, newAxis, newLocal, words } from '../../3-tile/expr.ts';
import type { Kernel, TaskProgram } from '../../3-tile/task.ts';
import type { TileTensor } from '../../3-tile/tensor.ts';
import type { TileProgram } from '../../3-tile/tile-op.ts';
import { DTYPES, type DType } from '../../ir/dtype.ts';
import type { Scalar, TensorData } from '../../ir/tensor.ts';
import { TilewrightError } from '../../support/errors.ts';
import { INFIX } from './print.ts';
import { declaration, type Form, kernel, type Parts, type Text, taskProgram, tileProgram } from './text.ts';

type Call = readonly [operands: number, make: (args: readonly Expr[], n: number) => Expr];
const TYPES = words('f32 f64 i32 u32 i64 u64 bool');
/** What is written as a function of operands, and what has a number behind its name besides. */
const CALLS: ReadonlyMap<string, Call> = new Map<string, Call>([
  ...build.UNARY.map((op): [string, Call] => [op, [1, ([a]) => build.unary(op, a)]]),
  ...build.BINARY.map((op): [string, Call] => [op, [2, ([a, b]) => build.binary(op, a, b)]]),
  ...TYPES.map((t): [string, Call] => [t, [1, ([a]) => build.cast(t, a)]]),
  ...TYPES.map((t): [string, Call] => [`bits.${t}`, [1, ([a]) => build.bitcast(t, a)]]),
  ...DTYPES.map((t): [string, Call] => [`round.${t}`, [1, ([a]) => build.round(t, a)]]),
  ['select', [3, ([a, b, c]) => build.select(a, b, c)]],
  ['fma', [3, ([a, b, c]) => build.fma(a, b, c)]],
  ...([2, 4, 'bf16'] as const).map((n): [string, Call] => [`dot.${n}`, [3, ([a, b, c]) => build.dot(n, a, b, c)]]),
]);
const NUMBERED: ReadonlyMap<string, Call> = new Map<string, Call>([
  ['lane', [1, ([a], n) => makeExpr('lane', a.dtype, [a], n)]],
  ['splat', [1, ([a], n) => makeExpr('splat', a.dtype, [a], null, n)]],
  ['ramp', [1, ([a], n) => makeExpr('ramp', a.dtype, [a], null, n)]],
]);
const LITERALS: ReadonlySet<string> = new Set(['true', 'false', 'inf', 'nan']);
const SYMBOLS = new Map([...INFIX].map(([op, [symbol, precedence]]) => [symbol, { op: op as BinaryOp, precedence }]));
const MAX_NESTING = 100;

/** What names stand for while a text is read. */
class Scope {
  readonly axes = new Map<string, Axis>();
  readonly locals = new Map<string, Local>();
  readonly tensors = new Map<string, TileTensor>();
  parts = new Map<string, Expr>();
}

const TOKEN =
  /\s*(?:(?<text>"(?:[^"\\]|\\.)*")|(?<name>[$%]\d+)(?<lanes>x\d+)?|(?<type>:(?:f32|f64|i32|u32|i64|u64|bool)(?:x\d+)?\b)|(?<word>[A-Za-z_][\w.]*)|(?<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(?<symbol><=|>=|==|!=|[-+*/%<>=(),[\]{}:?|]))/y;
/** `kind`: the name of the group above that it matched. */
type Token = Readonly<{ kind: string; text: string }>;

/** Tokens of one line. */
class Line {
  readonly number: number;
  private readonly tokens: Token[] = [];
  private at = 0;

  constructor(text: string, number: number) {
    this.number = number;
    TOKEN.lastIndex = 0;
    const end = text.trimEnd().length;
    while (TOKEN.lastIndex < end) {
      const match = TOKEN.exec(text);
      if (!match) this.fail('unreadable text');
      for (const [kind, part] of Object.entries(match.groups!)) if (part) this.tokens.push({ kind, text: part });
    }
  }

  fail(what: string): never {
    throw new TilewrightError('USAGE', `line ${this.number}: ${what}`);
  }
  get peek(): Token {
    return this.tokens[this.at] ?? { kind: 'end', text: 'the end of the line' };
  }
  get second(): string {
    return this.tokens[this.at + 1]?.text ?? '';
  }
  next(): Token {
    const t = this.peek;
    this.at++;
    return t;
  }
  get done(): boolean {
    return this.at >= this.tokens.length;
  }
  /** Consumes the token if it has this text. */
  skip(text: string): boolean {
    if (this.peek.text !== text || this.peek.kind === 'text') return false;
    this.at++;
    return true;
  }
  expect(text: string): void {
    if (!this.skip(text)) this.fail(`expected ${text} before ${this.peek.text}`);
  }
  take(kind: 'text' | 'name' | 'type' | 'word' | 'number'): string {
    const t = this.next();
    return t.kind === kind ? t.text : this.fail(`expected a ${kind}, not ${t.text}`);
  }
  integer(): number {
    const n = Number(this.take('number'));
    return Number.isSafeInteger(n) ? n : this.fail('expected an integer');
  }
}

/** A written constant: its type (i32 unless written) and value. */
function parseScalar(line: Line): { dtype: ComputeType; value: Scalar } {
  if (line.skip('true')) return { dtype: 'bool', value: 1 };
  if (line.skip('false')) return { dtype: 'bool', value: 0 };
  const sign = line.skip('-') ? '-' : '';
  const text = line.next().text;
  const dtype = line.peek.kind === 'type' ? (line.next().text.slice(1) as ComputeType) : 'i32';
  if (dtype === 'i64' || dtype === 'u64') {
    return /^\d+$/.test(text) ? { dtype, value: BigInt(sign + text) } : line.fail('expected an integer');
  }
  const special = text === 'inf' ? Infinity : text === 'nan' ? NaN : undefined;
  if (special === undefined && !/^[\d.e+-]+$/.test(text)) line.fail(`expected a number, not ${text}`);
  const size = special ?? Number(text);
  return { dtype, value: sign ? -size : size };
}

/** One expression of the line; a violated typing rule is the text's fault. */
function parseExpr(line: Line, names: Scope): Expr {
  try {
    return infix({ line, names, depth: 0 }, 1);
  } catch (error) {
    if (error instanceof TilewrightError && error.code === 'INTERNAL') line.fail(error.message.split('\n')[0]);
    throw error;
  }
}

type Place = { readonly line: Line; readonly names: Scope; depth: number };

function infix(at: Place, least: number): Expr {
  const { line } = at;
  if (++at.depth > MAX_NESTING) line.fail('nested too deep');
  let left = primary(at);
  for (;;) {
    const found = line.peek.kind === 'symbol' ? SYMBOLS.get(line.peek.text) : undefined;
    if (!found || found.precedence < least) break;
    line.next();
    left = build.binary(found.op, left, infix(at, found.precedence + 1));
  }
  at.depth--;
  return left;
}

function primary(at: Place): Expr {
  const { line, names } = at;
  const { kind, text } = line.peek;
  if (line.skip('(')) return closed(at, ')');
  if (text === '-' || kind === 'number' || LITERALS.has(text)) {
    const { dtype, value } = parseScalar(line);
    return build.constant(dtype, value);
  }
  if (kind !== 'name') return word(at, line.take('word'));
  line.next();
  if (text.startsWith('$')) return names.parts.get(text) ?? line.fail(`${text} is not known here`);
  return load(at, names.tensors.get(text) ?? line.fail(`${text} is not declared`));
}

function closed(at: Place, close: string): Expr {
  const inner = infix(at, 1);
  at.line.expect(close);
  return inner;
}

/** Expressions between commas, up to one of these. */
function list(at: Place, end: RegExp): Expr[] {
  const items: Expr[] = [];
  while (!end.test(at.line.peek.text)) {
    items.push(infix(at, 1));
    if (!at.line.skip(',')) break;
  }
  return items;
}

function load(at: Place, tensor: TileTensor): Expr {
  const { line } = at;
  const lanes = line.peek.kind === 'lanes' ? Number(line.next().text.slice(1)) : 1;
  const dtype = build.computeType(tensor.dtype);
  line.expect('[');
  const indices = list(at, /[\]?]/);
  if (line.skip(']')) return makeExpr('load', dtype, indices, tensor, lanes);
  line.expect('?');
  return makeExpr('guarded', dtype, [...indices, closed(at, ':'), closed(at, ']')], tensor, lanes);
}

function word(at: Place, name: string): Expr {
  const { line, names } = at;
  const axis = names.axes.get(name);
  if (axis) return build.axisExpr(axis);
  const local = names.locals.get(name);
  if (local) return build.localExpr(local);
  const [, placeholder, i] = /^(acc|elem)(\d+)$/.exec(name) ?? [];
  if (placeholder) {
    const dtype = line.take('type').slice(1) as ComputeType;
    return makeExpr(placeholder as 'acc' | 'elem', dtype, [], Number(i));
  }
  line.expect('(');
  const args = list(at, /\)/);
  line.expect(')');
  const [op, detail] = name.split('.');
  const n = Number(detail);
  if (op === 'pack' && args.length > 0) return makeExpr('pack', args[0].dtype, args, null, args.length);
  if (op === 'shuffle' && /^\d+(_\d+)*$/.test(detail) && args.length === 2) {
    return build.shuffle(args[0], args[1], detail.split('_').map(Number));
  }
  const [operands, make] =
    CALLS.get(name) ?? (detail && n >= 0 ? NUMBERED.get(op) : undefined) ?? line.fail(`${name} is not known`);
  if (args.length !== operands) line.fail(`${name} takes ${operands} operands`);
  return make(args, n);
}

/** Gives the contents of a tensor when the text says only that there are some. */
type DataSource = (dtype: DType, shape: readonly number[]) => TensorData | undefined;

const MAX_BLOCKS = 200;

class Reader implements Text {
  private names = new Scope();
  private readonly lines: readonly Line[];
  private readonly data: DataSource;
  private at = 0;
  private depth = 0;
  private declared = '';
  readonly kernels: Kernel[] = [];

  constructor(text: string, data: DataSource) {
    this.data = data;
    this.lines = text
      .split('\n')
      .map((l, i) => new Line(l, i + 1))
      .filter((l) => !l.done);
  }

  private get current(): Line {
    return this.lines[this.at] ?? new Line('', this.at + 1).fail('the text ends early');
  }
  /** The next word of the line; empty at its end and that of the text. */
  private get next(): string {
    const line = this.lines[this.at];
    return !line || line.done ? '' : line.peek.text;
  }

  mark(text: string): void {
    for (const word of text.split(' ')) if (word !== '') this.current.expect(word);
  }
  private readonly reads: { readonly [K in keyof Parts]: () => Parts[K] } = {
    quoted: () => JSON.parse(this.current.take('text')) as string,
    word: () => this.current.take('word'),
    integer: () => this.current.integer(),
    scalar: () => parseScalar(this.current),
    expr: () => parseExpr(this.current, this.names),
    tensor: () => this.known(this.names.tensors, this.current.take('name')),
    spatial: () => this.axis('spatial'),
    reduce: () => this.axis('reduce'),
    local: () => this.known(this.names.locals, this.current.take('word')),
    typed: () => this.local(this.current.take('word'), this.current.take('type')),
    index: () => {
      const name = this.current.take('word');
      return this.names.locals.get(name) ?? this.local(name, ':i32');
    },
  };
  part = <K extends keyof Parts>(kind: K): Parts[K] => this.reads[kind]() as Parts[K];
  private known<T>(names: ReadonlyMap<string, T>, name: string): T {
    return names.get(name) ?? this.fail(`${name} is not declared`);
  }
  private axis(role: Axis['role']): Axis {
    const name = this.current.take('word');
    this.current.expect(':');
    const axis = newAxis(name, this.current.integer(), role);
    this.names.axes.set(name, axis);
    return axis;
  }
  private local(name: string, type: string): Local {
    const [dtype, lanes] = type.slice(1).split('x');
    const local = newLocal(name, dtype as ComputeType, Number(lanes ?? 1));
    this.names.locals.set(name, local);
    return local;
  }
  has = (word: string): boolean => (word === '%' ? this.next.startsWith('%') : this.next === word);
  many<T>(_: unknown, begins: (word: string, second: string) => boolean, each: Form<T>, between = ''): T[] {
    const items: T[] = [];
    while (begins(this.next, this.lines[this.at]?.second ?? '')) {
      items.push(each(this));
      if (between === ', ' && !this.current.skip(',')) break;
    }
    return items;
  }
  line<T>(body: () => T): T {
    const { current } = this;
    const result = body();
    if (!current.done) current.fail(`${current.peek.text} is too much`);
    this.at++;
    return result;
  }
  block<T>(body: () => T): T {
    if (++this.depth > MAX_BLOCKS) this.fail('blocks nest too deep');
    const result = body();
    this.depth--;
    return result;
  }
  private under<T>(names: Scope, body: () => T): T {
    const outer = this.names;
    this.names = names;
    const result = body();
    this.names = outer;
    return result;
  }
  share<T>(_: unknown, body: () => T): T {
    const part = (): void => {
      const name = this.current.take('name');
      this.mark('=');
      this.names.parts.set(name, this.part('expr'));
    };
    return this.under({ ...this.names, parts: new Map() }, () => {
      while (this.next.startsWith('$')) this.line(part);
      return body();
    });
  }
  scope = <T>(body: () => T): T => this.under(new Scope(), body);
  restartAxes(): void {
    this.names.axes.clear();
  }
  declare(_: unknown, body: () => TileTensor): TileTensor {
    const name = this.current.take('name');
    this.declared = name;
    const t = body();
    this.names.tensors.set(name, t);
    return t;
  }
  declarations(): void {
    while (this.next.startsWith('%')) declaration(this);
  }
  contents = (_: unknown, dtype: DType, shape: readonly number[]): TensorData =>
    this.data(dtype, shape) ?? this.fail(`the contents of ${this.declared} are not in the text`);
  fail(what: string): never {
    return this.current.fail(what);
  }
}

const NO_DATA: DataSource = () => undefined;

/** What `printProgram` wrote. */
export const parseProgram = (text: string, data = NO_DATA): TileProgram => tileProgram(new Reader(text, data));
/** What `printKernel` wrote. */
export const parseKernel = (text: string): Kernel => kernel(new Reader(text, NO_DATA));
/** What `printTaskProgram` wrote. */
export const parseTaskProgram = (text: string, data = NO_DATA): TaskProgram => taskProgram(new Reader(text, data));
