// Statements over values: what a kernel is between selection and emission. Control flow is that of loop statements, but
// addresses are explicit and moving pointers variables. Also the largest values that no iteration of a loop changes.
import type { TileTensor } from '../../../3-tile/tensor.ts';
import { memoised } from '../../../support/rewrite.ts';
import type { Access, Stored } from './storage.ts';
import { isConstant, operandsOf, type Value, type Variable } from './value.ts';

/** What the iterations of a loop set and store to, by owners; and which values that may change, as far as known. */
export type Changes = Readonly<{ changed: Set<Variable | TileTensor | null>; known: Map<Value, boolean> }>;

/** Whether the value may differ between iterations. */
export function varies(value: Value, { changed, known }: Changes): boolean {
  const own = (x: Value): boolean => changed.has(x.variable ?? x.memory) || x.src.some((s) => known.get(s));
  return memoised(value, operandsOf, known, own);
}

export interface LowFor {
  readonly kind: 'for';
  readonly changes: Changes;
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

export type LowWhile = Readonly<{ kind: 'while'; changes: Changes; cond: Value; body: readonly LowStmt[] }>;

export type LowStmt =
  | Readonly<{ kind: 'set'; variable: Variable; value: Value }>
  | (Readonly<{ kind: 'store' }> & Access & Stored)
  | Readonly<{ kind: 'if'; cond: Value; holds: readonly LowStmt[]; otherwise: readonly LowStmt[] }>
  | LowFor
  | LowWhile;

export type LowFunction = Readonly<{ params: readonly Variable[]; body: readonly LowStmt[]; result?: Value }>;

/** The values that a statement computes itself. */
function valuesOf(s: LowStmt): readonly Value[] {
  if (s.kind === 'store') return [s.address, s.value];
  return s.kind === 'set' ? [s.value] : s.kind === 'for' ? [s.from, s.to] : [s.cond];
}

const bodyOf = (s: LowStmt): readonly LowStmt[] =>
  s.kind === 'if' ? [...s.holds, ...s.otherwise] : s.kind === 'for' || s.kind === 'while' ? s.body : [];

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
  const found = new Set<Value>();
  const seen = { certain: new Set<Value>(), uncertain: new Set<Value>() };
  for (const { value, certain } of rootsOf(loop)) {
    const visited = seen[certain ? 'certain' : 'uncertain'];
    const stack = [value];
    for (let x = stack.pop(); x; x = stack.pop()) {
      if (visited.has(x) || known.has(x) || x.variable || isConstant(x)) continue;
      visited.add(x);
      if (!varies(x, loop.changes) && (certain || !x.loads)) found.add(x);
      else stack.push(...[...x.src].reverse());
    }
  }
  return [...found];
}
