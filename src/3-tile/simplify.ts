// Simplification to a fixed point: constants, identities, canonical indices, choices that ranges decide. Out: an
// expression with the same value, bit for bit, wherever what is known about locals holds. Idempotent.
import { entryOf } from '../support/collections.ts';
import { BINARY, type Expr, type Local, type Op, UNARY } from './expr.ts';
import { type Interval, Ranges } from './range.ts';
import { constOf, firstOf, type Rule, rewriteExpr, ruleOn } from './rewrite.ts';
import { like } from './rules/arithmetic.ts';
import { CAST_RULES, CHOICE_RULES, LANE_RULES, liftSplat } from './rules/choices.ts';
import { BOOL_RULES, FLOAT_RULES, INTEGER_RULES, ROUND_RULES } from './rules/identities.ts';
import { INDEX_RULES } from './rules/integers.ts';
import { meaningOf } from './semantics.ts';

export type SimplifyRule = Rule<SimplifyContext>;

/** What holds where the expressions are evaluated, and what has been simplified under it. */
export class SimplifyContext {
  readonly ranges: Ranges;
  private readonly memo = new Map<Expr, Expr>();
  private readonly nested = new Map<Expr, SimplifyContext>();
  private readonly depth: number;

  constructor(locals: ReadonlyMap<Local, Interval> = new Map(), ranges?: Ranges, depth = 0) {
    this.ranges = ranges ?? new Ranges(locals);
    this.depth = depth;
  }

  /** The context where this condition holds. */
  under(cond: Expr, facts: (cond: Expr) => ReadonlyMap<Expr, Interval>): SimplifyContext {
    const inner = () => new SimplifyContext(new Map(), this.ranges.with(facts(cond)), this.depth + 1);
    return entryOf(this.nested, cond, inner);
  }

  simplify(root: Expr): Expr {
    return this.depth > MAX_NESTING ? root : rewriteExpr(root, (e) => firstRule(e, this), this.memo);
  }
}

/** Conditions within conditions whose facts are used. */
const MAX_NESTING = 4;

/** The simplest form known. Pass one context for expressions evaluated in one place. */
export const simplify = (root: Expr, context: SimplifyContext = new SimplifyContext()): Expr => context.simplify(root);

/** Ops whose meaning on constants is known. */
const FOLDED: readonly Op[] = [...UNARY, ...BINARY, 'cast', 'bitcast', 'round'];

/** The value of a node over constants. */
function fold(e: Expr): Expr | undefined {
  for (const s of e.src) if (constOf(s) === undefined) return undefined;
  const value = meaningOf(e)?.(...e.src.map((s) => constOf(s)!));
  return value === undefined ? undefined : like(e, value);
}

const firstRule = firstOf<SimplifyContext>([
  ruleOn('constants fold', FOLDED, fold),
  ...LANE_RULES,
  ruleOn('a function of splats', [...FOLDED, 'select', 'fma', 'dot'], liftSplat),
  ...INTEGER_RULES,
  ...BOOL_RULES,
  ...INDEX_RULES,
  ...CAST_RULES,
  ...CHOICE_RULES,
  ...ROUND_RULES,
  ...FLOAT_RULES,
]);
