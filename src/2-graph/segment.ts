// Results of specialisation: the static segments of a model for given input shapes and answers. A
// segment ends where a value must be read before the rest can be given shapes.
import type { StaticValue } from './operator.ts';
import type { StaticGraph, StaticTensor } from './static.ts';

/** What must be known to go on: the contents of a model input, or of a value an earlier segment computes. */
export type Pending =
  | { readonly kind: 'input'; readonly input: number }
  | { readonly kind: 'tensor'; readonly tensor: StaticTensor };

export interface Specialisation {
  /** In execution order; the inputs of each are model inputs or outputs of earlier ones (by tensor id). */
  readonly segments: readonly StaticGraph[];
  /** Static tensors standing for the model's inputs, flattened through sequences; in input order. */
  readonly inputs: readonly (readonly StaticTensor[])[];
  /** Null when complete. */
  readonly pending: Pending | null;
  /** One per model output when complete, else empty. */
  readonly outputs: readonly StaticValue[];
}
