// ai.onnx.preview FlexAttention: attention whose scores and probabilities pass through regions of the
// model.
import { dtypeFromOnnx } from '../ir/dtype.ts';
import { attend, castTo } from './attention-core.ts';
import { FLOATS } from './elementwise.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';

/** The region named by an attribute as a function of one tensor, if present. */
function region(c: ExpandContext, name: string): ((t: StaticTensor) => StaticTensor) | undefined {
  if (!c.hasAttr(name)) return undefined;
  const graph = c.graph(name);
  if (graph.inputs.length !== 1 || graph.outputs.length !== 1) c.fail(`${name} does not map one tensor to one tensor`);
  return (t) => {
    const [result] = c.inline(graph, [t]);
    if (result.kind !== 'tensor' || result.shape.join() !== t.shape.join()) return c.fail(`${name} changes the shape`);
    return castTo(c, result, t.dtype);
  };
}

export const FlexAttention = op({
  name: 'FlexAttention',
  domain: 'ai.onnx.preview',
  inputs: [3, 3],
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS },
  expand: (c) => {
    const [q, k, v] = [c.tensor(0), c.tensor(1), c.tensor(2)];
    for (const t of [q, k, v]) if (t.shape.length !== 4) c.fail(`an operand has rank ${t.shape.length}, expected 4`);
    const stated = c.hasAttr('softmax_precision') ? dtypeFromOnnx(c.int('softmax_precision', 1)) : undefined;
    const softmaxType = stated ?? (q.dtype === 'f64' ? 'f64' : 'f32');
    if (!FLOATS.includes(softmaxType)) c.fail('softmax_precision is not a float type');
    const [scoreMod, probMod] = [region(c, 'score_mod'), region(c, 'prob_mod')];
    const { y } = attend(c, {
      q,
      k,
      v: castTo(c, v, softmaxType),
      scale: c.hasAttr('scale') ? c.float('scale', 1) : 1 / Math.sqrt(q.shape[3]),
      softcap: 0,
      bias: null,
      guarded: false,
      softmaxType,
      ...(scoreMod && { scoreMod }),
      ...(probMod && { probMod }),
    });
    return [castTo(c, y, v.dtype)];
  },
});
