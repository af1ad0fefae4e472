// ONNX MelWeightMatrix since 17: triangular filters that map spectrum bins to mel bands. All inputs
// are known at compile time, so the matrix is a constant.
import { elementCount, tensorOf } from '../ir/tensor.ts';
import { scalarExtent, typeAttribute } from './creation.ts';
import { FLOATS, INDEX, NUMERIC } from './elementwise.ts';
import { type InferContext, type LowerContext, op } from './op.ts';

const toMel = (hertz: number): number => 2595 * Math.log10(1 + hertz / 700);
const toHertz = (mel: number): number => 700 * (10 ** (mel / 2595) - 1);

/** Spectrum bins of the corners of the triangles: bands + 2 of them. */
function corners(c: InferContext | LowerContext): number[] {
  const [bands, length, rate, lower, upper] = [0, 1, 2, 3, 4].map((i) => c.numbers(i)[0]);
  const [from, to] = [toMel(lower), toMel(upper)];
  const step = (to - from) / (bands + 2);
  return Array.from({ length: bands + 2 }, (_, i) => Math.floor(((length + 1) * toHertz(from + i * step)) / rate));
}

function fill(values: Float64Array, bands: number, band: number, [left, centre, right]: readonly number[]): void {
  if (left === centre) values[centre * bands + band] = 1;
  for (let j = left; left < centre && j <= centre; j++) values[j * bands + band] = (j - left) / (centre - left);
  for (let j = centre; centre < right && j < right; j++) values[j * bands + band] = (right - j) / (right - centre);
}

export const MelWeightMatrix = op({
  name: 'MelWeightMatrix',
  inputs: [5, 5],
  since: 17,
  types: { 0: INDEX, 1: INDEX, 2: INDEX, 3: FLOATS, 4: FLOATS },
  infer: (c) => {
    const bins = Math.floor(scalarExtent(c, 1) / 2) + 1;
    const shape = [bins, scalarExtent(c, 0)];
    for (const i of [2, 3, 4]) if (c.numbers(i).length !== 1) c.fail(`input ${i} is not a scalar`);
    if (elementCount(shape) > 2 ** 26) c.fail('the matrix is too large', undefined, 'LIMIT_EXCEEDED', shape);
    const bad = corners(c).find((p) => !(p >= 0 && p < bins));
    if (bad !== undefined) c.fail(`a band reaches spectrum bin ${bad} of ${bins}`);
    return [c.tensor(typeAttribute(c, 'output_datatype', 'f32', NUMERIC), shape)];
  },
  lower: (c) => {
    const [bins, bands] = c.outShape();
    const at = corners(c);
    const values = new Float64Array(bins * bands);
    for (let band = 0; band < bands; band++) fill(values, bands, band, at.slice(band, band + 3));
    return [c.b.constant(tensorOf(c.outDtype(), c.outShape(), [...values]))];
  },
});
