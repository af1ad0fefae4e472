// Text of expressions. Shared, deep or long parts become numbered lines of their own, so the text is
// linear in the size of the expression. Names are numbers in order of first occurrence: `i0` spatial
// and `r0` reduction axes, `v0` locals, `%0` tensors, `$0` parts. parse-expr.ts reads it back.

import type { Scalar } from '../ir/tensor.ts';
import { printable } from '../support/errors.ts';
import type { Axis, ComputeType, Expr, Local, Op } from './expr.ts';
import { walkExpr } from './rewrite.ts';
import type { TileTensor } from './tensor.ts';

/** Infix ops by precedence; the others are written as functions. */
export const INFIX: ReadonlyMap<string, readonly [symbol: string, precedence: number]> = new Map(
  ['eq == ne != lt < le <= gt > ge >=', 'add + sub -', 'mul * div / rem %'].flatMap((level, i) =>
    [...level.matchAll(/(\w+) (\S+)/g)].map(([, op, symbol]) => [op, [symbol, i + 1]] as const),
  ),
);

/** Numbers given to axes, locals and tensors as they are first met. */
export class Names {
  private readonly axes = new Map<Axis, string>();
  private readonly locals = new Map<Local, string>();
  private readonly tensors = new Map<TileTensor, string>();
  private readonly counts = { i: 0, r: 0 };

  /** Axes are numbered from 0 again: they belong to one operator. */
  restartAxes(): void {
    this.axes.clear();
    Object.assign(this.counts, { i: 0, r: 0 });
  }

  axis(a: Axis): string {
    const role = a.role === 'spatial' ? 'i' : 'r';
    return fresh(this.axes, a, () => `${role}${this.counts[role]++}`);
  }
  local(l: Local): string {
    return fresh(this.locals, l, () => `v${this.locals.size}`);
  }
  /** A view's base is numbered before the view. */
  tensor(t: TileTensor): string {
    for (const base of basesOf(t)) fresh(this.tensors, base, () => `%${this.tensors.size}`);
    return this.tensors.get(t)!;
  }
  allTensors = (): Iterable<[TileTensor, string]> => this.tensors;
  allAxes = (): Iterable<[Axis, string]> => this.axes;
  allLocals = (): Iterable<[Local, string]> => this.locals;
}

/** The tensor and what it is a view of, outermost base first. */
function basesOf(t: TileTensor): TileTensor[] {
  const chain = [t];
  for (let b = t.base; b; b = b.base) chain.push(b);
  return chain.reverse();
}

function fresh<K>(names: Map<K, string>, key: K, make: () => string): string {
  let name = names.get(key);
  if (name === undefined) names.set(key, (name = make()));
  return name;
}

/** A name from outside, quoted and escaped. */
export const quoted = (name: string): string => JSON.stringify(printable(name));

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
export function scalarText(t: ComputeType, v: Scalar): string {
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
  if (e.op === 'round' || e.op === 'lane' || e.op === 'shuffle') return `${e.op}.${e.arg}`;
  return e.op === 'splat' || e.op === 'ramp' ? `${e.op}.${e.lanes}` : e.op;
}
