// ONNX STFT since 17: Fourier transforms of windowed frames that advance by frame_step.
import { add, computeType, type Expr, load, mul } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { FLOATS } from './elementwise.ts';
import { factors, inStages, isStaged, transformType } from './fourier.ts';
import { times } from './index-math.ts';
import { type InferContext, type LowerContext, op } from './op.ts';
import { checkTable } from './tables.ts';

interface Plan {
  readonly step: number;
  readonly length: number;
  readonly frames: number;
  readonly bins: number;
}

function plan(c: InferContext | LowerContext): Plan {
  if (c.rank(0) !== 3) c.fail(`signal has rank ${c.rank(0)}, expected 3`);
  const [, samples, parts] = c.shape(0);
  if (parts !== 1 && parts !== 2) c.fail(`the last axis has ${parts} parts, expected 1 or 2`);
  const [step] = c.numbers(1);
  const windowed = c.has(2) ? c.shape(2)[0] : null;
  const length = c.has(3) ? c.numbers(3)[0] : (windowed ?? samples);
  if (c.has(2) && (c.rank(2) !== 1 || windowed !== length))
    c.fail(`window has shape [${c.shape(2)}], expected [${length}]`);
  if (!(step >= 1) || !(length >= 1) || length > samples) {
    c.fail(`frames of ${length} with step ${step} do not fit ${samples} samples`);
  }
  checkTable(c, length);
  const onesided = c.int('onesided', 1) !== 0;
  if (onesided && parts === 2) c.fail('a one-sided spectrum needs a real signal');
  return {
    step,
    length,
    frames: Math.floor((samples - length) / step) + 1,
    bins: onesided ? Math.floor(length / 2) + 1 : length,
  };
}

export const STFT = op({
  name: 'STFT',
  inputs: [2, 4],
  since: 17,
  types: { 0: FLOATS, 1: ['i32', 'i64'], 2: FLOATS, 3: ['i32', 'i64'] },
  infer: (c) => {
    const p = plan(c);
    return [c.tensor(c.dtype(0), [c.shape(0)[0], p.frames, p.bins, 2])];
  },
  lower: (c) => {
    const p = plan(c);
    const x = c.tensor(0);
    const [batch, , from] = x.shape;
    const { length: n, bins, frames } = p;
    const t = { n, inverse: false, used: n, bins, from, to: 2 };
    /** The windowed sample m of a frame. */
    const sampleAt = (of: Expr, frame: Expr, m: Expr, part: Expr): Expr => {
      const sample = load(x, [of, add(times(frame, p.step), m), part]);
      return c.has(2) ? mul(sample, load(c.tensor(2), [m])) : sample;
    };
    const dtype = transformType(computeType(x.dtype));
    if (isStaged(t)) {
      const framed = c.b.map(dtype, [batch, frames, n, from], ([of, frame, m, part]) => sampleAt(of, frame, m, part));
      return [c.b.view(inStages(c, c.b.view(framed, [batch * frames, n, 1, from]), t), c.outShape())];
    }
    const factor = factors(c, t, dtype);
    return [
      c.b.reduce(x.dtype, c.outShape(), [n, from], sum(dtype), ([of, frame, k, to], [m, part]) =>
        mul(sampleAt(of, frame, m, part), factor(to, part, k, m)),
      ),
    ];
  },
});
