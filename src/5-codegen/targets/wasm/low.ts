// Statements over values: what a kernel is between instruction selection and emission. Same control
// flow as loop statements, but addresses are explicit and moving pointers are variables. Also which
// values a loop should receive ready-made: the largest ones that no iteration changes.
import type { TileTensor } from '../../../3-tile/tensor.ts';
import { memoised } from '../../../support/rewrite.ts';
import type { Access, Stored } from './storage.ts';
import { isConstant, operandsOf, type Value, type Variable } from './value.ts';

export interface LowFor {
  readonly kind: 'for';
  readonly index: Variable;
  readonly from: Value;
  readonly to: Value;
  readonly step: number;
  /** Known to run at least once. */
  readonly runs: boolean;
  readonly body: readonly LowStmt[];
  /** What is added to which variables after each iteration. */
  readonly advance: ReadonlyMap<Variable, number>;
}

export interface LowWhile {
  readonly kind: 'while';
  readonly cond: Value;
  readonly body: readonly LowStmt[];
}

export type LowStmt =
  | { readonly kind: 'set'; readonly variable: Variable; readonly value: Value }
  | ({ readonly kind: 'store' } & Access & Stored)
  | {
      readonly kind: 'if';
      readonly cond: Value;
      readonly holds: readonly LowStmt[];
      readonly otherwise: readonly LowStmt[];
    }
  | LowFor
  | LowWhile;

/** The values that a statement computes itself. */
function valuesOf(s: LowStmt): readonly Value[] {
  if (s.kind === 'store') return [s.address, s.value];
  return s.kind === 'set' ? [s.value] : s.kind === 'for' ? [s.from, s.to] : [s.cond];
}

const bodyOf = (s: LowStmt): readonly LowStmt[] =>
  s.kind === 'if' ? [...s.holds, ...s.otherwise] : s.kind === 'for' || s.kind === 'while' ? s.body : [];

/** Tells values that the loop may change: they read what it assigns or writes. */
function changes(loop: LowStmt): (x: Value) => boolean {
  const effects = new Set<Variable | TileTensor | null>();
  const stack = [loop];
  for (let s = stack.pop(); s; s = stack.pop()) {
    if (s.kind === 'set') effects.add(s.variable);
    if (s.kind === 'store') effects.add(s.memory);
    if (s.kind === 'for') for (const variable of [s.index, ...s.advance.keys()]) effects.add(variable);
    stack.push(...bodyOf(s));
  }
  const memo = new Map<Value, boolean>();
  const own = (x: Value): boolean => effects.has(x.variable ?? x.memory) || x.src.some((s) => memo.get(s));
  return (x) => memoised(x, operandsOf, memo, own);
}

/** A value and whether it is computed whenever the loop is entered. */
type Root = Readonly<{ value: Value; certain: boolean }>;

/** All values that the loop's iterations compute. */
function rootsOf(loop: LowFor | LowWhile): Root[] {
  const roots: Root[] = [];
  const visit = (body: readonly LowStmt[], certain: boolean): void => {
    for (const s of body) {
      roots.push(...valuesOf(s).map((value) => ({ value, certain })));
      visit(bodyOf(s), certain && s.kind === 'for' && s.runs);
    }
  };
  if (loop.kind === 'while') roots.push({ value: loop.cond, certain: true });
  visit(loop.body, loop.kind === 'for' && loop.runs);
  return roots;
}

/**
 * Values worth a local across the loop, in order of first use; `known` are those that enclosing loops
 * hold already. What reads memory leaves the loop only from where it is surely computed.
 */
export function hoistable(loop: LowFor | LowWhile, known: ReadonlyMap<Value, number>): Value[] {
  const varies = changes(loop);
  const found = new Set<Value>();
  const seen = { certain: new Set<Value>(), uncertain: new Set<Value>() };
  for (const { value, certain } of rootsOf(loop)) {
    const visited = seen[certain ? 'certain' : 'uncertain'];
    const stack = [value];
    for (let x = stack.pop(); x; x = stack.pop()) {
      if (visited.has(x) || known.has(x) || x.variable || isConstant(x)) continue;
      visited.add(x);
      if (!varies(x) && (certain || !x.loads)) found.add(x);
      else stack.push(...[...x.src].reverse());
    }
  }
  return [...found];
}
