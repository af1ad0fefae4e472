// Statements over values: what a kernel is between instruction selection and emission. Same control
// flow as loop statements, but addresses are explicit and moving pointers are variables.
import type { TileTensor } from '../../../3-tile/tensor.ts';
import type { InstructionName } from './instructions.ts';
import type { Value, Variable } from './value.ts';

export interface Advance {
  readonly variable: Variable;
  /** Added after each iteration. */
  readonly by: number;
}

export type LowFor = {
  readonly kind: 'for';
  readonly index: Variable;
  readonly from: Value;
  readonly to: Value;
  readonly step: number;
  /** Known to run at least once. */
  readonly runs: boolean;
  readonly body: readonly LowStmt[];
  readonly advance: readonly Advance[];
};

export type LowWhile = {
  readonly kind: 'while';
  readonly cond: Value;
  readonly body: readonly LowStmt[];
};

export type LowStmt =
  | { readonly kind: 'set'; readonly variable: Variable; readonly value: Value }
  | {
      readonly kind: 'store';
      readonly op: InstructionName;
      readonly address: Value;
      readonly offset: number;
      readonly lane: number;
      readonly value: Value;
      readonly memory: TileTensor;
    }
  | {
      readonly kind: 'if';
      readonly cond: Value;
      readonly holds: readonly LowStmt[];
      readonly otherwise: readonly LowStmt[];
    }
  | LowFor
  | LowWhile;

/** What a loop may change: variables it assigns and memory it writes. */
export interface Effects {
  readonly variables: Set<Variable>;
  readonly memory: Set<TileTensor>;
}

/** Everything that the statements assign or write, nested ones included. */
export function effectsOf(body: readonly LowStmt[]): Effects {
  const effects: Effects = { variables: new Set(), memory: new Set() };
  const stack = [...body];
  for (let s = stack.pop(); s; s = stack.pop()) {
    if (s.kind === 'set') effects.variables.add(s.variable);
    if (s.kind === 'store') effects.memory.add(s.memory);
    if (s.kind === 'if') stack.push(...s.holds, ...s.otherwise);
    if (s.kind === 'while') stack.push(...s.body);
    if (s.kind === 'for') {
      effects.variables.add(s.index);
      for (const a of s.advance) effects.variables.add(a.variable);
      stack.push(...s.body);
    }
  }
  return effects;
}
