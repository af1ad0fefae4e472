// The form in which every operator is written: an Operator whose lowering emits tile steps. `op()`
// only fills defaults, so that an operator file reads as a declaration.
import type { Operator } from '../2-graph/operator.ts';
import type { Lowering } from '../3-tile/lower-context.ts';

export type OpDef = Operator<Lowering>;
export type {
  ExpandContext,
  InferContext,
  StaticOptional,
  StaticSequence,
  StaticValue,
} from '../2-graph/operator.ts';
export type { StaticTensor } from '../2-graph/static.ts';
export type { LowerContext, Lowering } from '../3-tile/lower-context.ts';
export type { TileTensor } from '../3-tile/tensor.ts';

type OpSpec = Partial<OpDef> & Pick<OpDef, 'name'>;

/** Fills defaults: default domain, since 1, one input, one output. */
export function op(spec: OpSpec): OpDef {
  return { domain: '', since: 1, inputs: [1, 1], outputs: [1, 1], ...spec };
}
