// ONNX Col2Im since 18: columns of sliding blocks added back into an image. Each pixel gathers the
// blocks that cover it.
import { computeType } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { sameExtent } from './convolution.ts';
import { NUMERIC } from './elementwise.ts';
import { type InferContext, type LowerContext, op } from './op.ts';
import { loadWhere, meeting, meetingTaps, type TransposedWindow } from './transposed-window.ts';
import { checkReach, perAxis, span, type Window, windowExtents } from './window.ts';

/** The block window on the image, seen from the image. */
function windows(c: InferContext | LowerContext): TransposedWindow {
  const [image, kernel] = [c.numbers(1), c.numbers(2)];
  const n = image.length;
  if (kernel.length !== n || n < 1) c.fail(`image_shape [${image}] and block_shape [${kernel}] differ in rank`);
  if (kernel.some((k) => k < 1) || image.some((d) => d < 0)) c.fail(`blocks [${kernel}] of an image [${image}]`);
  const pads = perAxis(c, 'pads', 2 * n, 0, 0);
  const window: Window = {
    kernel,
    strides: perAxis(c, 'strides', n, 1, 1),
    dilations: perAxis(c, 'dilations', n, 1, 1),
    before: pads.slice(0, n),
    after: pads.slice(n),
    same: null,
    ceil: false,
  };
  for (const [i, d] of image.entries()) checkReach(c, d + window.before[i] + span(window, i));
  const blocks = windowExtents(c, window, image) as number[];
  return {
    kernel,
    strides: window.strides,
    dilations: window.dilations,
    before: window.before,
    input: blocks,
    output: image,
  };
}

const product = (list: readonly number[]): number => list.reduce((p, d) => p * d, 1);

export const Col2Im = op({
  name: 'Col2Im',
  inputs: [3, 3],
  since: 18,
  types: { 0: NUMERIC, 1: ['i64'], 2: ['i64'] },
  infer: (c) => {
    const p = windows(c);
    const [n, columns] = c.shape(0);
    if (c.rank(0) !== 3) c.fail(`input has rank ${c.rank(0)}, expected 3`);
    const size = product(p.kernel);
    if (columns % size !== 0) c.fail(`${columns} rows do not split into blocks of ${size}`);
    sameExtent(c, 'number of blocks', c.dims(0)[2], product(p.input));
    return [c.tensor(c.dtype(0), [n, columns / size, ...p.output])];
  },
  lower: (c) => {
    const p = windows(c);
    const [n, channels] = c.outShape();
    const x = c.b.view(c.tensor(0), [n, channels, ...p.kernel, ...p.input]);
    const dtype = computeType(x.dtype);
    return [
      c.b.reduce(x.dtype, c.outShape(), meetingTaps(p), sum(dtype), ([i, m, ...o], j) => {
        const { at, tap, tapGuards, inputGuards } = meeting(p, o, j);
        return loadWhere(x, [i, m, ...tap, ...at], [...tapGuards, ...inputGuards]);
      }),
    ];
  },
});
