// ONNX ConvTranspose since 11: the gradient of Conv with respect to its input. Each output element
// gathers the taps that reach it, so points are independent.
import { computeType } from '../3-tile/expr.ts';
import { addChannelBias, checkChannelVector, groupCount, sameExtent } from './convolution.ts';
import { FLOATS, sameTypes } from './elementwise.ts';
import { op } from './op.ts';
import { transposedConvolve, transposedWindow } from './transposed-window.ts';

export const ConvTranspose = op({
  name: 'ConvTranspose',
  inputs: [2, 3],
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS },
  infer: (c) => {
    sameTypes(c);
    const rank = c.rank(0);
    if (rank < 3) c.fail(`input has rank ${rank}, expected at least 3`);
    if (c.rank(1) !== rank) c.fail(`weight has rank ${c.rank(1)} beside an input of rank ${rank}`);
    const group = groupCount(c);
    const [channels, perGroup] = c.shape(1);
    sameExtent(c, 'input channels', c.dims(0)[1], channels);
    if (channels % group !== 0) c.fail(`${channels} channels do not split into ${group} groups`);
    const { output } = transposedWindow(c, c.shape(0).slice(2), c.shape(1).slice(2));
    checkChannelVector(c, 2, perGroup * group, 'bias');
    return [c.tensor(c.dtype(0), [c.dims(0)[0], perGroup * group, ...output])];
  },
  lower: (c) => [transposedConvolve(c, c.tensor(0), c.tensor(1), computeType(c.outDtype()), addChannelBias(c, 2))],
});
