// ONNX SequenceMap since 17: a body applied to the elements of sequences, with tensors passed along.
import { type ExpandContext, op, type StaticValue } from './op.ts';
import { sequenceOf } from './sequences.ts';

/** The argument of input `i` for element `k`. */
function argument(c: ExpandContext, i: number, k: number, count: number): StaticValue {
  const given = c.input(i);
  if (given.kind !== 'sequence') return given;
  if (given.elems.length !== count) c.fail(`input ${i} has ${given.elems.length} elements, expected ${count}`);
  return given.elems[k];
}

export const SequenceMap = op({
  name: 'SequenceMap',
  inputs: [1, Infinity],
  outputs: [1, Infinity],
  since: 17,
  expand: (c) => {
    const body = c.graph('body');
    const count = c.sequence(0).elems.length;
    if (body.inputs.length !== c.numInputs) c.fail(`the body has ${body.inputs.length} inputs for ${c.numInputs}`);
    const results: StaticValue[][] = body.outputs.map(() => []);
    for (let k = 0; k < count; k++) {
      c.countUnrolled();
      const args = Array.from({ length: c.numInputs }, (_, i) => argument(c, i, k, count));
      c.hold(results.flat());
      for (const [o, v] of c.inline(body, args).entries()) results[o].push(v);
    }
    return results.map((elems, o) => {
      const type = body.outputs[o].type;
      return sequenceOf(c, elems, type?.kind === 'tensor' && elems.length === 0 ? type.dtype : undefined);
    });
  },
});
