// ONNX Concat since 4: inputs joined along one axis. Where an earlier Concat joined the first of them already, as in
// DenseNets, its result stands for them: every input is copied once, not once per Concat.

import type { TileBuilder } from '../3-tile/builder.ts';
import { add, index, load } from '../3-tile/expr.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import type { Dim } from '../ir/dim.ts';
import { entryOf } from '../support/collections.ts';
import { ANY, sameTypes } from './elementwise.ts';
import { sameExtent, sumDims } from './moves.ts';
import { type InferContext, op } from './op.ts';

function shapeOf(c: InferContext): Dim[] {
  if (!c.hasAttr('axis')) c.fail('attribute axis is missing', undefined, 'INVALID_MODEL');
  const all = Array.from({ length: c.numInputs }, (_, i) => c.dims(i));
  const rank = all[0].length;
  const axis = c.axis(c.int('axis', 0), rank);
  for (const dims of all) {
    if (dims.length !== rank) c.fail(`inputs have ranks ${rank} and ${dims.length}, expected one rank`);
    dims.forEach((d, i) => {
      if (i !== axis) sameExtent(c, d, all[0][i], `extents of axis ${i}`);
    });
  }
  return all[0].map((d, i) => (i === axis ? sumDims(all.map((s) => s[i])) : d));
}

/** What follows tensors that were joined, and what they were joined into. */
interface Joined {
  out?: TileTensor;
  readonly next: Map<TileTensor | number, Joined>;
}
const joined = (): Joined => ({ next: new Map() });
/** From an axis on, by the list of steps: what one has made is there for all that follow. */
const joinedIn = new WeakMap<TileBuilder, Joined>();

/** The tensors with the result of the earlier Concat of most of the first in their place; notes theirs. */
function shortened(b: TileBuilder, axis: number, parts: readonly TileTensor[], out: TileTensor): readonly TileTensor[] {
  let at = entryOf(entryOf(joinedIn, b, joined).next, axis, joined);
  let rest = parts;
  for (const [i, t] of parts.entries()) {
    at = entryOf(at.next, t, joined);
    if (at.out) rest = [at.out, ...parts.slice(i + 1)];
  }
  at.out ??= out;
  return rest;
}

export const Concat = op({
  name: 'Concat',
  inputs: [1, Infinity],
  since: 4,
  infer: (c) => {
    sameTypes(c);
    if (!ANY.includes(c.dtype(0))) c.fail(`type ${c.dtype(0)} is not supported`, undefined, 'UNSUPPORTED_TYPE');
    return [c.tensor(c.dtype(0), shapeOf(c))];
  },
  lower: (c) => {
    if (c.numInputs === 1) return [c.tensor(0)];
    const axis = c.axis(c.int('axis', 0), c.rank(0));
    const out = c.b.alloc(c.outDtype(), c.outShape());
    const parts = Array.from({ length: c.numInputs }, (_, i) => c.tensor(i));
    let offset = 0;
    for (const x of shortened(c.b, axis, parts, out)) {
      const shift = index(offset);
      c.b.write(
        out,
        x.shape,
        (ix) => ix.map((e, d) => (d === axis ? add(e, shift) : e)),
        (ix) => load(x, ix),
      );
      offset += x.shape[axis];
    }
    return [out];
  },
});
