// Comparison of results with expected values: tolerance per element, distance in units in the last place, and the worst
// element for messages.
import { isTensorValue, type RunValue } from '../6-runtime/plan.ts';
import { type DType, dtypeInfo, isFloat } from '../ir/dtype.ts';
import { elementCount, elements, type TensorData, tensorOf, tensorValues } from '../ir/tensor.ts';

export type Tolerance = Readonly<{ rtol: number; atol: number }>;
/** What is known of the expected value: whether it is a sample, and the element type that the model declares. */
type Expected = Readonly<{ sample?: boolean | undefined; declared?: DType | undefined }>;
type MaybeValue = RunValue | null;
export interface Comparison {
  readonly ok: boolean;
  readonly reason: string;
  readonly maxAbs: number;
  /**
   * For f32 only; 0 otherwise. Differences of at most one unit in the last place of the tensor's largest magnitude
   * count as 0: where terms cancel, units of the remainder measure nothing.
   */
  readonly maxUlp: number;
}

const bits = new DataView(new ArrayBuffer(4));
/** Position of an f32 on the ordered line of floats. */
function ordinal(x: number): number {
  bits.setFloat32(0, x);
  const i = bits.getInt32(0);
  return i < 0 ? -(i & 0x7fffffff) : i;
}

const SAME: Comparison = { ok: true, reason: '', maxAbs: 0, maxUlp: 0 };
const fail = (reason: string): Comparison => ({ ok: false, reason, maxAbs: Number.NaN, maxUlp: Number.NaN });

/** Of a sample, element i stands for flat element floor(i·size/n). A declared float type counts, not the stored one. */
export function compareTensors(got: TensorData, stored: TensorData, tol: Tolerance, as: Expected = {}): Comparison {
  const { sample = false, declared } = as;
  const misfiled = stored.dtype !== got.dtype && got.dtype === declared && isFloat(got.dtype) && isFloat(stored.dtype);
  const want = misfiled ? tensorOf(got.dtype, stored.shape, tensorValues(stored)) : stored;
  if (got.dtype !== want.dtype) return fail(`type ${got.dtype}, expected ${want.dtype}`);
  if (!sample && (got.shape.length !== want.shape.length || got.shape.some((d, i) => d !== want.shape[i]))) {
    return fail(`shape [${got.shape}], expected [${want.shape}]`);
  }
  if (got.dtype === 'string') {
    const same = got.strings!.every((s, i) => s === want.strings![i]);
    return same ? SAME : fail('strings differ');
  }
  if (dtypeInfo(got.dtype).kind !== 'complex') return compareElements(got, want, tol, sample);
  const dtype = got.dtype === 'complex64' ? 'f32' : 'f64';
  const real = (t: TensorData): TensorData => ({ ...t, dtype, shape: [...t.shape, 2] });
  return compareElements(real(got), real(want), tol, false);
}

/** Largest finite magnitude. */
function largest(cells: ReturnType<typeof elements>, n: number): number {
  let most = 0;
  for (let i = 0; i < n; i++) {
    const a = Math.abs(Number(cells.get(i)));
    if (a > most && a !== Number.POSITIVE_INFINITY) most = a;
  }
  return most;
}

function compareElements(got: TensorData, want: TensorData, tol: Tolerance, sample: boolean): Comparison {
  const [a, b] = [elements(got.dtype, got.bytes), elements(want.dtype, want.bytes)];
  const n = elementCount(want.shape);
  const size = elementCount(got.shape);
  const floor = got.dtype === 'f32' ? largest(b, n) * 2 ** -23 : 0;
  let [maxAbs, maxUlp, bad, worst] = [0, 0, 0, ''];
  for (let i = 0; i < n; i++) {
    const at = sample ? Math.floor((i * size) / n) : i;
    const [x, y] = [a.get(at), b.get(i)];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    const diff = Math.abs(typeof x === 'bigint' ? Number(x - (y as bigint)) : x - (y as number));
    if (got.dtype === 'f32' && diff > floor)
      maxUlp = Math.max(maxUlp, Math.abs(ordinal(x as number) - ordinal(y as number)));
    const limit = isFloat(got.dtype) ? tol.atol + tol.rtol * Math.abs(Number(y)) : tol.atol >= 1 ? tol.atol : 0;
    if (!(diff <= limit) && (bad++ === 0 || diff > maxAbs)) worst = `[${at}] is ${x}, expected ${y}`;
    if (!Number.isNaN(diff)) maxAbs = Math.max(maxAbs, diff);
  }
  return { ok: bad === 0, reason: bad ? `${bad} of ${n} elements differ, worst ${worst}` : '', maxAbs, maxUlp };
}

/** What an optional holds, at any depth; other values themselves. */
const held = (v: MaybeValue): MaybeValue => (v && !isTensorValue(v) && v.kind === 'optional' ? held(v.value) : v);

/** As `compareTensors`, for values of any kind; an optional that holds a value equals that value. */
export function compareValues(got: MaybeValue, want: MaybeValue, tol: Tolerance, as: Expected = {}): Comparison {
  const [a, b] = [held(got), held(want)];
  if (!a || !b) return a === b ? SAME : fail('one side is an empty optional');
  if (isTensorValue(a) && isTensorValue(b)) return compareTensors(a, b, tol, as);
  if (!('elems' in a && 'elems' in b)) return fail('kinds differ');
  if (a.elems.length !== b.elems.length) return fail(`${a.elems.length} elements, expected ${b.elems.length}`);
  const parts = a.elems.map((e, i) => compareValues(e, b.elems[i], tol, { sample: as.sample }));
  const worst = (of: 'maxAbs' | 'maxUlp'): number => Math.max(0, ...parts.map((p) => p[of]));
  const reason = parts.find((p) => !p.ok)?.reason ?? '';
  return { ok: parts.every((p) => p.ok), reason, maxAbs: worst('maxAbs'), maxUlp: worst('maxUlp') };
}
