// TileOp, Routine and the steps of a TileProgram: what operators become. A TileOp is a loop nest
// with at most one reduction by a monoid; a Routine is loop statements for data-dependent work; a
// loop or branch step holds nested steps. Text, verification and meaning are in the sibling files.
import { elementCount, type Scalar } from '../ir/tensor.ts';
import type { Axis, ComputeType, DotForm, Expr, Local } from './expr.ts';
import type { TileTensor } from './tensor.ts';

/**
 * A reduction's algebra. `combine` gives the new state from `acc(i)` and `elem(i)`; `merge` joins two states (`acc` and
 * `elem` then both range over the state) and is present when partial results of disjoint ranges may be joined in order.
 */
export interface Monoid {
  readonly name: string;
  readonly state: readonly ComputeType[];
  readonly init: readonly Scalar[];
  readonly combine: readonly Expr[];
  readonly merge: readonly Expr[] | null;
}

export interface Reduction {
  readonly axes: readonly Axis[];
  readonly monoid: Monoid;
  /** The element tuple at each point; over spatial and reduce axes. */
  readonly elems: readonly Expr[];
}

/** For every point of the spatial axes: fold the reduction if any, store `value` at `at` of `write`. */
export interface TileOp {
  readonly kind: 'op';
  /** A label; no pass branches on it. */
  readonly name: string;
  /** Spatial axes only. */
  readonly axes: readonly Axis[];
  readonly reduce: Reduction | null;
  readonly write: TileTensor;
  /** One index per dimension of `write`. Points with different axis values write different elements. */
  readonly at: readonly Expr[];
  /** Stored value; with a reduction it sees the folded state through `acc(i)`. */
  readonly value: Expr;
}

/**
 * A matrix of sums in registers: zero before its body, stored after it, row i from element `at` + i·`stride` on. Only
 * kernels have it, for devices with matrix instructions; those of its products take `depth` words at a time.
 */
export type Contraction = Readonly<Record<'rows' | 'columns' | 'depth' | 'stride', number>> &
  Readonly<{ kind: 'contract'; tensor: TileTensor; at: readonly Expr[]; body: readonly Stmt[] }>;

/** The dot products of matrices of words, by name; those of `su` change places. */
export const PRODUCTS: Readonly<Record<string, DotForm>> = { us: 4, su: 4, bf16: 'bf16' };

/**
 * Adds Σₖ dot(lᵢₖ, rₖⱼ) to every element (i, j) of the matrix around it: lᵢₖ is the word k behind the load `left` +
 * i·`leftStride`, rₖⱼ the word j behind `right` + k·`rightStride`. `form` names one of PRODUCTS: unsigned are the bytes
 * of the left (`us`) or right (`su`).
 */
export type Product = Readonly<Record<'leftStride' | 'rightStride', number>> &
  Readonly<{ kind: 'multiply'; form: string; left: Expr; right: Expr }>;

/** Asks for the line of memory around an element that is soon read, or past the end; changes nothing. Only kernels have it. */
export type Fetch = Readonly<{ kind: 'fetch'; tensor: TileTensor; at: readonly Expr[] }>;

/** Loop statements. Bodies run in order; expressions are pure between stores. */
export type Stmt =
  | Contraction
  | Product
  | Fetch
  | Readonly<{ kind: 'for'; index: Local; from: Expr; to: Expr; step: number; body: readonly Stmt[] }>
  | Readonly<{ kind: 'while'; cond: Expr; body: readonly Stmt[] }>
  | Readonly<{ kind: 'if'; cond: Expr; then: readonly Stmt[]; else: readonly Stmt[] }>
  | Readonly<{ kind: 'set'; local: Local; value: Expr }>
  | Readonly<{ kind: 'store'; tensor: TileTensor; at: readonly Expr[]; value: Expr }>;

/** Data-dependent work as statements. Scratch tensors are ordinary temps in `writes`. */
export interface Routine {
  readonly kind: 'routine';
  readonly name: string;
  readonly reads: readonly TileTensor[];
  /** Also read where the statements load them. */
  readonly writes: readonly TileTensor[];
  readonly body: readonly Stmt[];
}

export type Carried = { readonly init: TileTensor; readonly state: TileTensor; readonly next: TileTensor };

/**
 * A loop inside the program: while (i < trip && cond) { steps }. Before it, `carried[k].init` is
 * copied to `carried[k].state`; after each iteration `carried[k].next` is copied back to it (all as
 * if at once). The states are the results.
 */
export interface LoopStep {
  readonly kind: 'loop';
  readonly name: string;
  /** Scalar i64, or null for unbounded. */
  readonly trip: TileTensor | null;
  /** Scalar bool, also carried: written by `condNext` of each iteration; null: always true. */
  readonly cond: Carried | null;
  /** Scalar i64 holding the iteration number inside the body. */
  readonly counter: TileTensor;
  readonly carried: readonly Carried[];
  readonly steps: readonly Step[];
}

/** Runs one side; each side ends by writing the tensors that both sides share. */
export interface BranchStep {
  readonly kind: 'branch';
  readonly name: string;
  /** Scalar bool. */
  readonly cond: TileTensor;
  readonly then: readonly Step[];
  readonly else: readonly Step[];
}

/** Points of a loop nest over these axes. */
export const pointsOf = (axes: readonly Axis[]): number => elementCount(axes.map((a) => a.extent));

export type Step = TileOp | Routine | LoopStep | BranchStep;

/** A scalar bool tensor that must be true after the run; else the run fails with this message. */
export type Check = { readonly ok: TileTensor; readonly message: string; readonly node: string; readonly op: string };

/** A whole static program before scheduling. Steps are in execution order. */
export interface TileProgram {
  readonly inputs: readonly TileTensor[];
  readonly outputs: readonly TileTensor[];
  readonly steps: readonly Step[];
  readonly checks: readonly Check[];
}
