// Text of expressions. Shared, deep or long parts become numbered lines of their own, so the text is
// linear in the size of the expression. Names are numbers in order of first occurrence: `i0` spatial
// and `r0` reduction axes, `v0` locals, `%0` tensors, `$0` parts. parse-expr.ts reads it back.

import type { Scalar } from '../ir/tensor.ts';
import { printable } from '../support/errors.ts';
import type { Axis, ComputeType, Expr, Local, Op } from './expr.ts';
import { walkExpr } from './rewrite.ts';
import type { TileTensor } from './tensor.ts';

/** Infix ops by precedence; the others are written as functions. */
export const INFIX: ReadonlyMap<Op, readonly [symbol: string, precedence: number]> = new Map([
  ['mul', ['*', 3]],
  ['div', ['/', 3]],
  ['rem', ['%', 3]],
  ['add', ['+', 2]],
  ['sub', ['-', 2]],
  ['lt', ['<', 1]],
  ['le', ['<=', 1]],
  ['gt', ['>', 1]],
  ['ge', ['>=', 1]],
  ['eq', ['==', 1]],
  ['ne', ['!=', 1]],
] as const);

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
  allTensors(): Iterable<[TileTensor, string]> {
    return this.tensors;
  }
  allAxes(): Iterable<[Axis, string]> {
    return this.axes;
  }
  allLocals(): Iterable<[Local, string]> {
    return this.locals;
  }
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

const SPECIAL = new Map<number, string>([
  [Infinity, 'inf'],
  [-Infinity, '-inf'],
]);

/** The shortest decimal that reads back as this number of this type. */
function numberText(v: number, single: boolean): string {
  if (Number.isNaN(v)) return 'nan';
  if (Object.is(v, -0)) return '-0';
  const special = SPECIAL.get(v);
  if (special) return special;
  for (let digits = 1; single && digits <= 9; digits++) {
    const text = v.toPrecision(digits);
    if (Math.fround(Number(text)) === v) return String(Number(text));
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

interface Piece {
  readonly text: string;
  readonly precedence: number;
  readonly depth: number;
}
const ATOM = 9;

export interface PrintedExprs {
  /** `$0 = …`, in order. */
  readonly parts: readonly string[];
  /** One text per root. */
  readonly texts: readonly string[];
}

/** The text of some expressions that share their parts. */
export function printExprs(roots: readonly Expr[], names: Names): PrintedExprs {
  const order = walkExpr(...roots);
  const uses = new Map<Expr, number>();
  const used = (e: Expr): void => {
    uses.set(e, (uses.get(e) ?? 0) + 1);
  };
  for (const e of order) e.src.forEach(used);
  roots.forEach(used);
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

function pieceOf(e: Expr, src: readonly Piece[], names: Names): Piece {
  const depth = LEAVES.has(e.op) ? 0 : 1 + src.reduce((d, p) => Math.max(d, p.depth), 0);
  const infix = INFIX.get(e.op);
  if (!infix)
    return {
      text: atomText(
        e,
        src.map((p) => p.text),
        names,
      ),
      precedence: ATOM,
      depth,
    };
  const [symbol, precedence] = infix;
  const side = (p: Piece, least: number): string => (p.precedence < least ? `(${p.text})` : p.text);
  const left = side(src[0], precedence === 1 ? 2 : precedence);
  return { text: `${left} ${symbol} ${side(src[1], precedence + 1)}`, precedence, depth };
}

function atomText(e: Expr, src: readonly string[], names: Names): string {
  const list = src.join(', ');
  switch (e.op) {
    case 'const':
      return scalarText(e.dtype, e.arg);
    case 'axis':
      return names.axis(e.arg);
    case 'local':
      return names.local(e.arg);
    case 'acc':
    case 'elem':
      return `${e.op}${e.arg}:${e.dtype}`;
    case 'load':
      return `${tensorText(e, names)}[${list}]`;
    case 'guarded': {
      const [guard, otherwise] = src.slice(-2);
      return `${tensorText(e, names)}[${src.slice(0, -2).join(', ')} ? ${guard} : ${otherwise}]`;
    }
    case 'cast':
      return `${e.dtype}(${list})`;
    case 'bitcast':
      return `bits.${e.dtype}(${list})`;
    case 'round':
      return `round.${e.arg}(${list})`;
    case 'lane':
      return `lane.${e.arg}(${list})`;
    case 'splat':
    case 'ramp':
      return `${e.op}.${e.lanes}(${list})`;
    default:
      return `${e.op}(${list})`;
  }
}

function tensorText(e: Expr & { op: 'load' | 'guarded' }, names: Names): string {
  const name = names.tensor(e.arg);
  return e.lanes === 1 ? name : `${name}x${e.lanes}`;
}

/** One expression with the declarations of what it names; for messages and tests. */
export function printExpr(root: Expr): string {
  const names = new Names();
  const { parts, texts } = printExprs([root], names);
  const lines = [
    ...[...names.allTensors()].map(([t, name]) => `tensor ${name} ${t.dtype}[${t.shape.join(', ')}]`),
    ...[...names.allAxes()].map(([a, name]) => `axis ${name}:${a.extent}`),
    ...[...names.allLocals()].map(([l, name]) => `local ${name}:${typeText(l.dtype, l.lanes)}`),
    ...parts,
    texts[0],
  ];
  return lines.join('\n');
}
