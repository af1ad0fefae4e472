// Kernels, tasks and the task program: what scheduling hands to code generation. A kernel is loop
// statements over formal tensors with flat element indices; a task calls it with actual tensors; the
// memory plan gives every tensor its place before anything runs.
import { invariant } from '../support/errors.ts';
import type { Expr } from './expr.ts';
import { owner, type TileTensor } from './tensor.ts';
import type { Check, Stmt } from './tile-op.ts';

/**
 * A function over pointers. Loads and stores in `body` name formal tensors (`params`) with exactly
 * one flat element index; a load or store whose value has `lanes` > 1 touches that many consecutive
 * elements. Locals are declared by their first `set`; two kernels with equal text are one kernel.
 */
export type Kernel = Readonly<{ id: number; name: string; params: readonly TileTensor[]; body: readonly Stmt[] }>;

export type Task =
  | { readonly kind: 'run'; readonly kernel: Kernel; readonly args: readonly TileTensor[] }
  | LoopTask
  | Readonly<{ kind: 'branch'; cond: TileTensor; then: readonly Task[]; else: readonly Task[] }>;

/**
 * counter = 0; while ((trip == null || counter < trip) && (cond == null || cond)) { tasks; counter++ }.
 * `trip` and `counter` are scalar i64 tensors, `cond` a scalar bool tensor that the tasks update.
 */
export interface LoopTask {
  readonly kind: 'loop';
  readonly trip: TileTensor | null;
  readonly cond: TileTensor | null;
  readonly counter: TileTensor;
  readonly tasks: readonly Task[];
}

/** Where a tensor's bytes are: in the constant segment or in the arena, 64-byte aligned. */
export type Placement = { readonly space: 'constants' | 'arena'; readonly offset: number; readonly bytes: number };

export interface MemoryPlan {
  readonly constantBytes: number;
  readonly arenaBytes: number;
  /** Keyed by owner tensor; views resolve through `owner(t)`. */
  readonly places: ReadonlyMap<TileTensor, Placement>;
}

/** Where the bytes of a tensor are; INTERNAL where the plan does not say. */
export function placeOf({ places }: MemoryPlan, t: TileTensor): Placement {
  const place = places.get(owner(t));
  invariant(place, `tensor ${t.name} has no place`);
  return place;
}

export interface TaskProgram {
  readonly kernels: readonly Kernel[];
  /** One list per lane; one lane today. */
  readonly lanes: readonly (readonly Task[])[];
  readonly plan: MemoryPlan;
  readonly inputs: readonly TileTensor[];
  readonly outputs: readonly TileTensor[];
  /** Tensors with data, in placement order. */
  readonly constants: readonly TileTensor[];
  readonly checks: readonly Check[];
}

/** Inputs and outputs for which code takes pointers; programs with more take none. */
const MAX_POINTERS = 64;

/** Owners whose bytes a caller may keep in memory of its own, with their first position among inputs, then outputs. */
export function callersOwn({ inputs, outputs, checks }: TaskProgram): ReadonlyMap<TileTensor, number> {
  const tested = new Set(checks.map((c) => owner(c.ok)));
  const all = [...inputs, ...outputs].map((t, i) => [owner(t), i] as const).reverse();
  return new Map(all.length > MAX_POINTERS ? [] : all.filter(([o]) => !o.data && !tested.has(o)));
}

/** Calls `visit` on every statement, outer first. */
export function walkStmts(body: readonly Stmt[], visit: (s: Stmt) => void): void {
  const stack = [...body].reverse();
  for (let s = stack.pop(); s; s = stack.pop()) {
    visit(s);
    if (s.kind === 'if') stack.push(...[...s.else].reverse(), ...[...s.then].reverse());
    if (s.kind === 'for' || s.kind === 'while' || s.kind === 'contract') stack.push(...[...s.body].reverse());
  }
}

/** The expressions a statement evaluates itself (not those of nested statements). */
export function stmtExprs(s: Stmt): readonly Expr[] {
  if (s.kind === 'for') return [s.from, s.to];
  if (s.kind === 'set') return [s.value];
  if (s.kind === 'contract' || s.kind === 'fetch') return s.at;
  if (s.kind === 'multiply') return [s.left, s.right];
  return s.kind === 'store' ? [...s.at, s.value] : [s.cond];
}
