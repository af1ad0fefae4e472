// The static graph: what remains after specialisation. Every value has a dtype and a numeric shape; control flow is a
// loop or a branch over nested node lists; sequences, optionals and shape arithmetic are gone. In: the specialiser.
// Out: lowering to tiles.
import type { DType } from '../ir/dtype.ts';
import type { Attr } from '../ir/graph.ts';
import type { TensorData } from '../ir/tensor.ts';
import type { Operator } from './operator.ts';

/** A tensor value of the static graph. Compared by identity. */
export interface StaticTensor {
  readonly kind: 'tensor';
  readonly id: number;
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Known contents, if any: then no node defines the value. */
  readonly constant: TensorData | null;
}

export type Tensors = readonly StaticTensor[];
/** Inputs or outputs of an operator; null where one is left out. */
export type Slots = readonly (StaticTensor | null)[];

export interface StaticOpNode {
  readonly kind: 'op';
  readonly operator: Operator;
  readonly name: string;
  readonly attrs: ReadonlyMap<string, Attr>;
  readonly inputs: Slots;
  readonly outputs: Slots;
}

export interface Carried {
  /** Value before the first iteration (outside). */
  readonly init: StaticTensor;
  /** Value at the start of an iteration (inside). */
  readonly state: StaticTensor;
  /** Value at the end of an iteration (inside or captured). */
  readonly next: StaticTensor;
  /** Value after the loop (outside). */
  readonly result: StaticTensor;
}

/** A per-iteration value stacked along a new leading axis of the loop's static trip count. */
export interface Stacked {
  readonly each: StaticTensor;
  readonly result: StaticTensor;
  /** Stacks from the last iteration to the first. */
  readonly reverse: boolean;
}

export interface StaticLoop {
  readonly kind: 'loop';
  readonly name: string;
  /** Number of iterations when known, else a scalar i64, else null (unbounded). */
  readonly trip: number | StaticTensor | null;
  /** Scalar i64 inside the body. */
  readonly iteration: StaticTensor;
  /** Scalar bool carried condition, or null when always true. */
  readonly cond: { readonly init: StaticTensor; readonly next: StaticTensor } | null;
  readonly carried: readonly Carried[];
  readonly stacked: readonly Stacked[];
  readonly body: readonly StaticNode[];
}

/** One side of a branch. */
export type StaticSide = Readonly<{ nodes: readonly StaticNode[]; results: Tensors }>;

export interface StaticBranch {
  readonly kind: 'branch';
  readonly name: string;
  readonly cond: StaticTensor;
  readonly then: StaticSide;
  readonly else: StaticSide;
  readonly outputs: Tensors;
}

export type StaticNode = StaticOpNode | StaticLoop | StaticBranch;

export type StaticGraph = Readonly<{ inputs: Tensors; outputs: Tensors; nodes: readonly StaticNode[] }>;

/** Same element type and extents. */
export const sameType = (a: Pick<StaticTensor, 'dtype' | 'shape'>, b: Pick<StaticTensor, 'dtype' | 'shape'>): boolean =>
  a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((d, i) => d === b.shape[i]);
