// What the sequence operators share: positions in a sequence, and element types.
import type { ExpandContext, StaticSequence, StaticTensor, StaticValue } from './op.ts';

/** The position that scalar input `i` names, from 0 to `count` - 1; negative counts from the end. */
export function positionOf(c: ExpandContext, i: number, count: number): number {
  const values = c.numbersOf(c.tensor(i));
  if (values.length !== 1) c.fail(`a position has ${values.length} values, expected 1`);
  const at = values[0] < 0 ? values[0] + count : values[0];
  if (at < 0 || at >= count) c.fail(`position ${values[0]} is out of range for ${count} elements`);
  return at;
}

/** A sequence of these elements, which must be tensors of one type. */
export function sequenceOf(
  c: ExpandContext,
  elems: readonly StaticValue[],
  dtype?: StaticSequence['dtype'],
): StaticSequence {
  const types = new Set(elems.map((e) => (e.kind === 'tensor' ? e.dtype : e.kind)));
  const first = elems[0]?.kind === 'tensor' ? elems[0].dtype : undefined;
  const declared = first ?? dtype;
  if (types.size > 1 || (dtype && first && dtype !== first)) {
    c.fail('the elements of a sequence have different types', undefined, 'UNSUPPORTED_TYPE');
  }
  return { kind: 'sequence', elems, dtype: declared };
}

/** Elements as tensors. */
export function tensorsOf(c: ExpandContext, s: StaticSequence): StaticTensor[] {
  return s.elems.map((e) =>
    e.kind === 'tensor' ? e : c.fail(`an element is a ${e.kind}, expected a tensor`, undefined, 'UNSUPPORTED_TYPE'),
  );
}
