// ONNX CausalConvWithState since 27: depthwise convolution over time that continues from the last
// k - 1 inputs of the call before, optionally followed by SiLU.
import { FLOATS } from './elementwise.ts';
import { slice, zeros } from './expansions.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';

function padded(c: ExpandContext, x: StaticTensor, kernel: number): StaticTensor {
  const shape = [x.shape[0], x.shape[1], kernel - 1];
  const past = c.has(3) ? c.tensor(3) : zeros(c, x.dtype, shape);
  if (past.shape.join() !== shape.join()) c.fail(`past_state has shape [${past.shape}], expected [${shape}]`);
  return c.one('Concat', [past, x], { axis: 2 });
}

export const CausalConvWithState = op({
  name: 'CausalConvWithState',
  inputs: [2, 4],
  outputs: [1, 2],
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS, 3: FLOATS },
  expand: (c) => {
    const [x, w] = [c.tensor(0), c.tensor(1)];
    if (x.shape.length !== 3 || w.shape.length !== 3) {
      c.fail(`input and weight have ranks ${x.shape.length} and ${w.shape.length}, expected 3`);
    }
    const activation = c.string('activation', 'none');
    if (!['none', 'silu', 'swish'].includes(activation)) c.fail(`activation ${activation} is not defined`);
    const kernel = w.shape[2];
    const long = padded(c, x, kernel);
    const bias = c.has(2) ? c.tensor(2) : null;
    const y = c.one('Conv', [long, w, bias], { group: x.shape[1], kernel_shape: [kernel] });
    const length = long.shape[2];
    const present = slice(c, long, 2, length - kernel + 1, length);
    return [activation === 'none' ? y : c.one('Swish', [y]), present];
  },
});
