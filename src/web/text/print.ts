// Writes expressions, tile programs, kernels and task programs as text.ts lays them out; parse.ts reads them back. Names
// are numbers in order of first occurrence (`i0` spatial and `r0` reduction axes, `v0` locals, `%0` tensors), so equal
// programs have equal text. Shared, deep or long parts are lines of their own (`$0`), so text is linear in size.

import type { Axis, ComputeType, Expr, Local, Op } from '../../3-tile/expr.ts';
import { walkExpr } from '../../3-tile/rewrite.ts';
import type { Kernel, TaskProgram } from '../../3-tile/task.ts';
import type { TileTensor } from '../../3-tile/tensor.ts';
import type { TileProgram } from '../../3-tile/tile-op.ts';
import type { DType } from '../../ir/dtype.ts';
import type { Scalar, TensorData } from '../../ir/tensor.ts';
import { invariant, printable } from '../../support/errors.ts';
import { type Begins, declaration, type Form, kernel, type Parts, taskProgram, tileProgram } from './text.ts';

/** Infix ops by precedence; the others are written as functions. */
export const INFIX: ReadonlyMap<string, readonly [symbol: string, precedence: number]> = new Map(
  ['eq == ne != lt < le <= gt > ge >=', 'add + sub -', 'mul * div / rem %'].flatMap((level, i) =>
    [...level.matchAll(/(\w+) (\S+)/g)].map(([, op, symbol]) => [op, [symbol, i + 1]] as const),
  ),
);

/** Numbers given to axes, locals and tensors as they are first met. */
export class Names {
  readonly axes = new Map<Axis, string>();
  readonly locals = new Map<Local, string>();
  readonly tensors = new Map<TileTensor, string>();
  private reduced = 0;

  /** Axes are numbered from 0 again: they belong to one operator. */
  restartAxes(): void {
    this.axes.clear();
    this.reduced = 0;
  }
  axis = (a: Axis): string =>
    fresh(this.axes, a, () => (a.role === 'reduce' ? `r${this.reduced++}` : `i${this.axes.size - this.reduced}`));
  local = (l: Local): string => fresh(this.locals, l, () => `v${this.locals.size}`);
  /** A view's base is numbered before the view. */
  tensor(t: TileTensor): string {
    const chain = [t];
    for (let b = t.base; b; b = b.base) chain.push(b);
    for (const base of chain.reverse()) fresh(this.tensors, base, () => `%${this.tensors.size}`);
    return this.tensors.get(t)!;
  }
}

function fresh<K>(names: Map<K, string>, key: K, make: () => string): string {
  let name = names.get(key);
  if (name === undefined) names.set(key, (name = make()));
  return name;
}

/** A name from outside, quoted and escaped. */
const quoted = (name: string): string => JSON.stringify(printable(name));

/** The shortest decimal that reads back as this number of this type. */
function numberText(v: number, single: boolean): string {
  if (Number.isNaN(v)) return 'nan';
  if (Object.is(v, -0)) return '-0';
  if (!Number.isFinite(v)) return v > 0 ? 'inf' : '-inf';
  for (let digits = 1; single && digits <= 9; digits++) {
    const shorter = Number(v.toPrecision(digits));
    if (Math.fround(shorter) === v) return String(shorter);
  }
  return String(v);
}

/** A constant; the type is written unless it is i32 or bool. */
function scalarText(t: ComputeType, v: Scalar): string {
  if (t === 'bool') return v ? 'true' : 'false';
  const text = typeof v === 'bigint' ? String(v) : numberText(v, t === 'f32');
  return t === 'i32' ? text : `${text}:${t}`;
}

export const typeText = (t: ComputeType, lanes: number): string => (lanes === 1 ? t : `${t}x${lanes}`);

const LEAVES: ReadonlySet<Op> = new Set(['const', 'axis', 'local', 'acc', 'elem']);
/** Beyond these a part gets its own line. */
const MAX_DEPTH = 16;
const MAX_TEXT = 72;

type Piece = { readonly text: string; readonly precedence: number; readonly depth: number };
const ATOM = 9;

/** One text per root; `parts` are the lines `$0 = …` before them. */
type PrintedExprs = { readonly parts: readonly string[]; readonly texts: readonly string[] };

/** The text of some expressions that share their parts. */
export function printExprs(roots: readonly Expr[], names: Names): PrintedExprs {
  const order = walkExpr(...roots);
  const uses = new Map<Expr, number>();
  for (const e of [...order.flatMap((user) => user.src), ...roots]) uses.set(e, (uses.get(e) ?? 0) + 1);
  const pieces = new Map<Expr, Piece>();
  const parts: string[] = [];
  for (const e of order) {
    const src = e.src.map((s) => pieces.get(s)!);
    const piece = pieceOf(e, src, names);
    const own = !LEAVES.has(e.op) && (uses.get(e)! > 1 || piece.depth > MAX_DEPTH || piece.text.length > MAX_TEXT);
    const root = roots.includes(e) && uses.get(e) === 1;
    if (own && !root) {
      const name = `$${parts.length}`;
      parts.push(`${name} = ${piece.text}`);
      pieces.set(e, { text: name, precedence: ATOM, depth: 0 });
    } else pieces.set(e, piece);
  }
  return { parts, texts: roots.map((r) => pieces.get(r)!.text) };
}

const texts = (pieces: readonly Piece[]): string[] => pieces.map((p) => p.text);

function pieceOf(e: Expr, src: readonly Piece[], names: Names): Piece {
  const depth = LEAVES.has(e.op) ? 0 : 1 + src.reduce((d, p) => Math.max(d, p.depth), 0);
  const infix = INFIX.get(e.op);
  if (!infix) return { text: atomText(e, texts(src), names), precedence: ATOM, depth };
  const [symbol, precedence] = infix;
  const side = (p: Piece, least: number): string => (p.precedence < least ? `(${p.text})` : p.text);
  const left = side(src[0], precedence === 1 ? 2 : precedence);
  return { text: `${left} ${symbol} ${side(src[1], precedence + 1)}`, precedence, depth };
}

function atomText(e: Expr, src: readonly string[], names: Names): string {
  if (e.op === 'const') return scalarText(e.dtype, e.arg);
  if (e.op === 'axis') return names.axis(e.arg);
  if (e.op === 'local') return names.local(e.arg);
  if (e.op === 'acc' || e.op === 'elem') return `${e.op}${e.arg}:${e.dtype}`;
  if (e.op !== 'load' && e.op !== 'guarded') return `${functionName(e)}(${src.join(', ')})`;
  const tensor = names.tensor(e.arg) + (e.lanes === 1 ? '' : `x${e.lanes}`);
  if (e.op === 'load') return `${tensor}[${src.join(', ')}]`;
  const [guard, otherwise] = src.slice(-2);
  return `${tensor}[${src.slice(0, -2).join(', ')} ? ${guard} : ${otherwise}]`;
}

function functionName(e: Expr): string {
  if (e.op === 'cast') return e.dtype;
  if (e.op === 'bitcast') return `bits.${e.dtype}`;
  if (['round', 'lane', 'dot', 'shuffle'].includes(e.op)) return `${e.op}.${e.arg}`;
  return e.op === 'splat' || e.op === 'ramp' ? `${e.op}.${e.lanes}` : e.op;
}

/** Text being written: everything that is given is given back. Its methods say what the reader does as well. */
export class Writer {
  private names = new Names();
  private readonly lines: string[] = [];
  private current = '';
  private depth = 0;
  private shared: ReadonlyMap<Expr, string> = new Map();
  /** Where the declarations go when all names are known. */
  private declarationsAt = Infinity;
  /** Those of a task program so far: tasks name them by number. */
  readonly kernels: Kernel[] = [];

  private readonly axis = (a: Axis): string => `${this.names.axis(a)}:${a.extent}`;
  private readonly local = (l: Local): string => this.names.local(l);
  private readonly texts: { readonly [K in keyof Parts]: (x: Parts[K]) => string } = {
    quoted,
    word: String,
    integer: String,
    scalar: (s) => scalarText(s.dtype, s.value),
    expr: (e) => this.shared.get(e)!,
    tensor: (t) => this.names.tensor(t),
    spatial: this.axis,
    reduce: this.axis,
    local: this.local,
    index: this.local,
    typed: (l) => `${this.local(l)}:${typeText(l.dtype, l.lanes)}`,
  };

  /** What stands between parts, with the spaces that writing puts there. */
  mark(text: string): void {
    this.current += text;
  }
  part<K extends keyof Parts>(kind: K, x?: Parts[K]): Parts[K] {
    this.mark(this.texts[kind](x!));
    return x!;
  }
  /** Whether an optional part that begins with this word is there; it is not consumed. */
  has = (_: string, there?: boolean): boolean => there ?? false;
  /** Items as long as the next word, empty at the end of a line, and its second begin one. */
  many<T>(items: readonly T[] | undefined, _: Begins, each: Form<T>, between = ''): T[] {
    return items!.map((item, i) => {
      if (i > 0) this.mark(between);
      return each(this, item);
    });
  }
  line<T>(body: () => T): T {
    const result = body();
    this.lines.push('  '.repeat(this.depth) + this.current.trimEnd());
    this.current = '';
    return result;
  }
  /** Lines one level deeper. */
  block<T>(body: () => T): T {
    this.depth++;
    const result = body();
    this.depth--;
    return result;
  }
  /** The lines of the parts that these expressions share, then `body`, which has the expressions. */
  share<T>(roots: readonly Expr[] | undefined, body: () => T): T {
    const outer = this.shared;
    const { parts, texts } = printExprs(roots!, this.names);
    for (const p of parts) this.line(() => this.mark(p));
    this.shared = new Map(roots!.map((e, i) => [e, texts[i]]));
    const result = body();
    this.shared = outer;
    return result;
  }
  /** `body` with names of its own. */
  scope<T>(body: () => T): T {
    const outer = this.names;
    this.names = new Names();
    const result = body();
    this.names = outer;
    return result;
  }
  restartAxes(): void {
    this.names.restartAxes();
  }
  /** A name, and the tensor that `body` gives for it. */
  declare(t: TileTensor | undefined, body: () => TileTensor): TileTensor {
    this.part('tensor', t);
    return body();
  }
  /** Contents of the tensor being declared, which the text leaves out. */
  contents = (data: TensorData | undefined, _: DType, __: readonly number[]): TensorData => data!;
  /** Declarations of all tensors that the text names. */
  declarations(): void {
    this.declarationsAt = this.lines.length;
  }
  fail = (what: string): never => invariant(false, what) as never;

  text(): string {
    const below = this.lines.splice(this.declarationsAt);
    if (below.length > 0) for (const [t] of this.names.tensors) declaration(this, t);
    return `${[...this.lines, ...below].join('\n')}\n`;
  }
}

function print<T>(form: Form<T>, x: T): string {
  const w = new Writer();
  form(w, x);
  return w.text();
}

export const printProgram = (p: TileProgram): string => print(tileProgram, p);
/** Equal kernels have equal text but for the name. */
export const printKernel = (k: Kernel): string => print(kernel, k);
export const printTaskProgram = (p: TaskProgram): string => print(taskProgram, p);
