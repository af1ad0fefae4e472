// Values of every kind that ONNX knows: tensors, sequences, optionals. A tensor is something else at every stage (a type,
// a static tensor, contents); what holds tensors is the same everywhere. Nesting is at most that of the model's types.
import type { DType } from './dtype.ts';

export type ValueOf<T> = T | SequenceOf<T> | OptionalOf<T>;

export interface SequenceOf<T> {
  readonly kind: 'sequence';
  readonly elems: readonly ValueOf<T>[];
  /** Element type when the list is empty. */
  readonly dtype?: DType | undefined;
}

export interface OptionalOf<T> {
  readonly kind: 'optional';
  /** null: empty. */
  readonly value: ValueOf<T> | null;
}

const isSequence = <T>(v: ValueOf<T>): v is SequenceOf<T> => (v as SequenceOf<T>).kind === 'sequence';
const isOptional = <T>(v: ValueOf<T>): v is OptionalOf<T> => (v as OptionalOf<T>).kind === 'optional';

/** The value with another tensor for each. */
export function mapTensors<A, B>(v: ValueOf<A>, tensor: (t: A) => B): ValueOf<B> {
  if (isSequence(v)) return { ...v, elems: v.elems.map((e) => mapTensors(e, tensor)) };
  if (isOptional(v)) return { ...v, value: v.value && mapTensors(v.value, tensor) };
  return tensor(v);
}

/** The tensors in a value, in order. */
export function tensorsIn<T>(v: ValueOf<T>): T[] {
  const found: T[] = [];
  mapTensors(v, (t) => void found.push(t));
  return found;
}
