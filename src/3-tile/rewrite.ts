// Rewriting of expressions: walking, and rules as typed data, found by op. A rule is named by its equation; names in
// its pattern are fields that its right-hand side receives, so a misspelt name does not compile.
import type { Scalar } from '../ir/tensor.ts';
import { type Dag, postOrder, rewriteDag } from '../support/rewrite.ts';
import { type BinaryOp, type Expr, makeExpr, type Op, type UnaryOp } from './expr.ts';

/** The same node over other operands of the same types. */
export const withSrc = (e: Expr, src: readonly Expr[]): Expr =>
  src.every((s, i) => s === e.src[i]) ? e : makeExpr(e.op, e.dtype, src, e.arg as never, e.lanes);

export const operandsOf = (e: Expr): readonly Expr[] => e.src;
const EXPRS: Dag<Expr> = { src: operandsOf, rebuild: withSrc };

/** Every node of the expressions once, operands first. */
export const walkExpr = (...roots: readonly Expr[]): Expr[] => postOrder(roots, operandsOf);

/** Applies `step` bottom-up until it gives nothing new. */
export function rewriteExpr(root: Expr, step: (e: Expr) => Expr | undefined, memo?: Map<Expr, Expr>): Expr {
  return rewriteDag(root, EXPRS, step, memo);
}

type Bound = Record<string, Expr>;

/** A shape of expression; `Names` are what it binds. */
export interface Pattern<Names extends string> {
  /** The ops of nodes it can match; null: every op. */
  readonly ops: readonly Op[] | null;
  match(e: Expr, bound: Bound): boolean;
  /** Only a type: keeps the names apart. */
  readonly names?: Names;
}

/** Anything; the second use of a name matches only the same expression. */
export function any<N extends string>(name: N): Pattern<N> {
  return { ops: null, match: (e, bound) => bind(bound, name, e) };
}

function bind(bound: Bound, name: string, e: Expr): boolean {
  if (bound[name] !== undefined) return bound[name] === e;
  bound[name] = e;
  return true;
}

/** A constant, or a constant in every lane. */
export function num<N extends string>(name: N): Pattern<N> {
  return { ops: ['const', 'splat'], match: (e, bound) => constOf(e) !== undefined && bind(bound, name, e) };
}

/** The value of a constant or of a splat constant. */
export function constOf(e: Expr): Scalar | undefined {
  if (e.op === 'const') return e.arg;
  return e.op === 'splat' && e.src[0].op === 'const' ? e.src[0].arg : undefined;
}

/** The constant of this value in any type; 0 is not -0. */
export function lit(value: number): Pattern<never> {
  const same = (v: Scalar | undefined): boolean => (typeof v === 'bigint' ? v === BigInt(value) : Object.is(v, value));
  return { ops: ['const', 'splat'], match: (e) => same(constOf(e)) };
}

function node<N extends string>(op: Op, ...parts: Pattern<N>[]): Pattern<N> {
  return { ops: [op], match: (e, bound) => e.op === op && parts.every((p, i) => p.match(e.src[i], bound)) };
}
export const un = <N extends string>(op: UnaryOp | 'cast', a: Pattern<N>): Pattern<N> => node(op, a);
export const bin = <N extends string>(op: BinaryOp, a: Pattern<N>, b: Pattern<N>): Pattern<N> => node(op, a, b);
export const sel = <N extends string>(...parts: [Pattern<N>, Pattern<N>, Pattern<N>]): Pattern<N> =>
  node('select', ...parts);

/** A commutative binary op: operands in either order. */
export function com<N extends string>(op: BinaryOp, a: Pattern<N>, b: Pattern<N>): Pattern<N> {
  const match = (e: Expr, bound: Bound): boolean => {
    if (e.op !== op) return false;
    const trial = { ...bound };
    if (!a.match(e.src[0], trial) || !b.match(e.src[1], trial))
      return a.match(e.src[1], bound) && b.match(e.src[0], bound);
    Object.assign(bound, trial);
    return true;
  };
  return { ops: [op], match };
}

/** The pattern on nodes that also satisfy a condition. */
export function where<N extends string>(p: Pattern<N>, holds: (e: Expr) => boolean): Pattern<N> {
  return { ops: p.ops, match: (e, bound) => holds(e) && p.match(e, bound) };
}

/** One equation, read left to right; `Ctx` is what conditions may ask. */
export interface Rule<Ctx> {
  readonly name: string;
  readonly ops: readonly Op[];
  /** The right-hand side, or undefined where the rule does not apply. */
  apply(e: Expr, ctx: Ctx): Expr | undefined;
}

export function rule<N extends string, Ctx = unknown>(
  name: string,
  left: Pattern<N>,
  right: (bound: Readonly<Record<N, Expr>>, ctx: Ctx, e: Expr) => Expr | undefined,
): Rule<Ctx> {
  const apply = (e: Expr, ctx: Ctx): Expr | undefined => {
    const bound: Bound = {};
    return left.match(e, bound) ? right(bound as Record<N, Expr>, ctx, e) : undefined;
  };
  return { name, ops: left.ops ?? [], apply };
}

/** A rule whose condition and right-hand side are one function of the node. */
export const ruleOn = <C>(name: string, ops: readonly Op[], apply: Rule<C>['apply']): Rule<C> => ({ name, ops, apply });

/** The first right-hand side, in the order given, that differs from a node; `fired` hears the rule's name. */
export function firstOf<Ctx>(rules: readonly Rule<Ctx>[]) {
  const byOp = new Map<Op, Rule<Ctx>[]>();
  for (const r of rules) for (const op of r.ops) byOp.set(op, [...(byOp.get(op) ?? []), r]);
  return (e: Expr, ctx: Ctx, fired?: (name: string) => void): Expr | undefined => {
    for (const r of byOp.get(e.op) ?? []) {
      const next = r.apply(e, ctx);
      if (next === undefined || next === e) continue;
      fired?.(r.name);
      return next;
    }
    return undefined;
  };
}
