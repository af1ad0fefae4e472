// Reads the text that print-expr.ts writes. In: a line, and what its names stand for. Out: interned
// expressions. Refuses with USAGE and the line number; nesting is bounded.
import { DTYPES, type DType } from '../ir/dtype.ts';
import type { Scalar } from '../ir/tensor.ts';
import { TilewrightError } from '../support/errors.ts';
import * as build from './expr.ts';
import { type Axis, type BinaryOp, type ComputeType, type Expr, type Local, makeExpr, type UnaryOp } from './expr.ts';
import { INFIX } from './print-expr.ts';
import type { TileTensor } from './tensor.ts';

const TYPES: ReadonlySet<string> = new Set<ComputeType>(['f32', 'f64', 'i32', 'u32', 'i64', 'u64', 'bool']);
const STORAGE: ReadonlySet<string> = new Set(DTYPES);
const UNARIES: ReadonlySet<string> = new Set(build.UNARY);
const BINARIES: ReadonlySet<string> = new Set(build.BINARY);
const LITERALS: ReadonlySet<string> = new Set(['true', 'false', 'inf', 'nan']);
const SYMBOLS = new Map([...INFIX].map(([op, [symbol, precedence]]) => [symbol, { op: op as BinaryOp, precedence }]));
const MAX_NESTING = 100;

/** What names stand for while a text is read. */
export class Scope {
  readonly axes = new Map<string, Axis>();
  readonly locals = new Map<string, Local>();
  readonly tensors = new Map<string, TileTensor>();
  parts = new Map<string, Expr>();
}

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|([$%]\d+)(x\d+)?|(:(?:f32|f64|i32|u32|i64|u64|bool)(?:x\d+)?\b)|([A-Za-z_][\w.]*)|(\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(<=|>=|==|!=|[-+*/%<>=(),[\]{}:?|]))/y;

export type TokenKind = 'text' | 'name' | 'lanes' | 'type' | 'word' | 'number' | 'symbol' | 'end';
type Token = { readonly kind: TokenKind; readonly text: string };
const KINDS: readonly TokenKind[] = ['text', 'name', 'lanes', 'type', 'word', 'number', 'symbol'];

/** Tokens of one line. */
export class Line {
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
      KINDS.forEach((kind, i) => {
        const part = match[i + 1];
        if (part !== undefined) this.tokens.push({ kind, text: part });
      });
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
  take(kind: TokenKind): string {
    const t = this.next();
    return t.kind === kind ? t.text : this.fail(`expected a ${kind}, not ${t.text}`);
  }
  integer(): number {
    const n = Number(this.take('number'));
    return Number.isSafeInteger(n) ? n : this.fail('expected an integer');
  }
  string(): string {
    return JSON.parse(this.take('text')) as string;
  }
  /** Items separated by commas up to `close`, which is consumed. */
  list<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    if (this.skip(close)) return items;
    do items.push(item());
    while (this.skip(','));
    this.expect(close);
    return items;
  }
}

/** A written constant: its type (i32 unless written) and value. */
export function parseScalar(line: Line): { dtype: ComputeType; value: Scalar } {
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

/** Expressions of one line. */
export class ExprParser {
  private readonly line: Line;
  private readonly scope: Scope;
  private depth = 0;

  constructor(line: Line, scope: Scope) {
    this.line = line;
    this.scope = scope;
  }

  /** One expression; a violated typing rule is the text's fault. */
  expr(): Expr {
    try {
      return this.infix(1);
    } catch (error) {
      if (error instanceof TilewrightError && error.code === 'INTERNAL') this.line.fail(error.message.split('\n')[0]);
      throw error;
    }
  }

  private infix(least: number): Expr {
    if (++this.depth > MAX_NESTING) this.line.fail('nested too deep');
    let left = this.primary();
    for (;;) {
      const found = this.line.peek.kind === 'symbol' ? SYMBOLS.get(this.line.peek.text) : undefined;
      if (!found || found.precedence < least) break;
      this.line.next();
      left = build.binary(found.op, left, this.infix(found.precedence + 1));
    }
    this.depth--;
    return left;
  }

  private primary(): Expr {
    const { line } = this;
    const { kind, text } = line.peek;
    if (line.skip('(')) {
      const inner = this.infix(1);
      line.expect(')');
      return inner;
    }
    if (text === '-' || kind === 'number' || LITERALS.has(text)) {
      const { dtype, value } = parseScalar(line);
      return build.constant(dtype, value);
    }
    if (kind !== 'name') return this.word(line.take('word'));
    if (!text.startsWith('$')) return this.load();
    line.next();
    return this.scope.parts.get(text) ?? line.fail(`${text} is not known here`);
  }

  private load(): Expr {
    const { line } = this;
    const name = line.take('name');
    const tensor = this.scope.tensors.get(name) ?? line.fail(`${name} is not declared`);
    const lanes = line.peek.kind === 'lanes' ? Number(line.next().text.slice(1)) : 1;
    const dtype = build.computeType(tensor.dtype);
    line.expect('[');
    const at: Expr[] = [];
    while (line.peek.text !== ']' && line.peek.text !== '?') {
      at.push(this.infix(1));
      if (!line.skip(',')) break;
    }
    if (!line.skip('?')) {
      line.expect(']');
      return makeExpr('load', dtype, at, tensor, lanes);
    }
    const guard = this.infix(1);
    line.expect(':');
    const otherwise = this.infix(1);
    line.expect(']');
    return makeExpr('guarded', dtype, [...at, guard, otherwise], tensor, lanes);
  }

  private word(word: string): Expr {
    const { line, scope } = this;
    const axis = scope.axes.get(word);
    if (axis) return build.axisExpr(axis);
    const local = scope.locals.get(word);
    if (local) return build.localExpr(local);
    const placeholder = /^(acc|elem)(\d+)$/.exec(word);
    if (placeholder) {
      const dtype = line.take('type').slice(1) as ComputeType;
      return makeExpr(placeholder[1] as 'acc' | 'elem', dtype, [], Number(placeholder[2]));
    }
    line.expect('(');
    const args = line.list(')', () => this.infix(1));
    return this.call(word, args);
  }

  private call(word: string, args: readonly Expr[]): Expr {
    const [a, b, c] = args;
    const need = (n: number): void => {
      if (args.length !== n) this.line.fail(`${word} takes ${n} operands`);
    };
    const [op, detail] = word.split('.');
    if (op === 'pack' && args.length > 0) return makeExpr('pack', a.dtype, args, null, args.length);
    const picks = op === 'shuffle' && /^\d+(_\d+)*$/.test(detail) ? detail.split('_').map(Number) : null;
    if (picks && args.length === 2) return build.shuffle(a, b, picks);
    need(UNARIES.has(op) || TYPES.has(op) || detail !== undefined ? 1 : BINARIES.has(op) ? 2 : 3);
    if (TYPES.has(op)) return build.cast(op as ComputeType, a);
    if (UNARIES.has(op)) return build.unary(op as UnaryOp, a);
    if (BINARIES.has(op)) return build.binary(op as BinaryOp, a, b);
    if (op === 'select') return build.select(a, b, c);
    if (op === 'fma') return build.fma(a, b, c);
    if (op === 'bits' && TYPES.has(detail)) return build.bitcast(detail as ComputeType, a);
    if (op === 'round' && STORAGE.has(detail)) return build.round(detail as DType, a);
    const n = Number(detail);
    if (detail === undefined || !Number.isSafeInteger(n) || n < 0) this.line.fail(`${word} is not known`);
    if (op === 'lane') return makeExpr('lane', a.dtype, [a], n);
    if (op === 'splat' || op === 'ramp') return makeExpr(op, a.dtype, [a], null, n);
    return this.line.fail(`${word} is not known`);
  }
}
