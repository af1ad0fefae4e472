// Value conversions in C with the total semantics of 3-tile/expr.ts: float → int truncates and saturates with NaN
// giving 0, int → int wraps, anything → bool is x != 0; and the round trip through a storage type.
import type { ComputeType } from '../../../3-tile/expr.ts';
import { type DType, dtypeInfo, isStorageFloat } from '../../../ir/dtype.ts';
import { TilewrightError } from '../../../support/errors.ts';
import type { Form } from './form.ts';
import { decodeNarrow, encodeNarrow } from './narrow.ts';
import { isFloatScalar, isUnsigned, type Scalar, scalarBytes, scalarOf, signedOf, unsignedOf } from './unit.ts';

/** `x` of type `from` as type `to`. */
export function castValue(form: Form, from: ComputeType, to: ComputeType, x: string): string {
  if (from === to) return x;
  const source = scalarOf(from);
  const target = scalarOf(to);
  if (to === 'bool') return form.mask(source, `${x} != ${zero(source)}`);
  if (from === 'bool') return form.convert('i32', target, form.truth(x));
  if (isFloatScalar(source) && !isFloatScalar(target)) return saturate(form, source, target, x);
  return form.convert(source, target, x);
}

const zero = (s: Scalar): string => (s === 'f32' ? '0.0f' : s === 'f64' ? '0.0' : '0');

/** Smallest and largest value of an integer type, as C text. */
const RANGE: Partial<Record<Scalar, readonly [string, string]>> = {
  i32: ['(-2147483647 - 1)', '2147483647'],
  u32: ['0u', '4294967295u'],
  i64: ['(-9223372036854775807LL - 1)', '9223372036854775807LL'],
  u64: ['0ull', '18446744073709551615ull'],
};

function saturate(form: Form, from: Scalar, to: Scalar, x: string): string {
  return form.call(`saturate_${from}_${to}`, to, { x: from }, [x], () => {
    const f = from === 'f32' ? 'f' : '';
    const bits = scalarBytes(to) * 8;
    const [low, high] = RANGE[to]!;
    const [tooLow, tooHigh] = isUnsigned(to)
      ? [`x <= -1.0${f}`, `x >= 0x1p${bits}${f}`]
      : [`x < -0x1p${bits - 1}${f}`, `x >= 0x1p${bits - 1}${f}`];
    const m = form.type('i32');
    const inside = form.select(from, '(under | over | unordered)', form.splat(from, `0.0${f}`), 'x');
    const converted = form.convert(from, to, inside);
    const capped = form.select(to, 'over', form.splat(to, high), converted);
    return [
      `${m} under = ${form.mask(from, tooLow)};`,
      `${m} over = ${form.mask(from, tooHigh)};`,
      `${m} unordered = ${form.mask(from, 'x != x')};`,
      `return ${form.select(to, 'under', form.splat(to, low), capped)};`,
    ];
  });
}

/** `x` (an integer of type `s`) wrapped to `bits`, sign- or zero-extended. */
export function wrapInteger(form: Form, s: Scalar, bits: number, signed: boolean, x: string): string {
  const width = scalarBytes(s) * 8;
  if (bits >= width) return x;
  const shift = width - bits;
  const unsigned = unsignedOf(s);
  const sized = signed ? signedOf(s) : unsigned;
  const up = `(${form.bits(s, unsigned, x)} << ${shift})`;
  return form.bits(sized, s, `(${form.bits(unsigned, sized, up)} >> ${shift})`);
}

/** The value after storing `x` of type `t` as `storage` and loading it again. */
export function roundValue(form: Form, storage: DType, t: ComputeType, x: string): string {
  const s = scalarOf(t);
  const { kind, bits } = dtypeInfo(storage);
  const integral = kind === 'int' || kind === 'uint';
  if (storage === t || (kind === 'bool' && t === 'bool')) return x;
  if (isFloatScalar(s) && storage === 'f64') return x;
  if (isFloatScalar(s) && storage === 'f32') return form.convert('f32', s, form.convert(s, 'f32', x));
  if (isFloatScalar(s) && isStorageFloat(storage)) {
    return form.convert('f32', s, decodeNarrow(form, storage, encodeNarrow(form, storage, s as 'f32' | 'f64', x)));
  }
  if (!isFloatScalar(s) && kind === 'bool') return form.convert('i32', s, form.truth(form.mask(s, `${x} != 0`)));
  if (!isFloatScalar(s) && integral && t !== 'bool') return wrapInteger(form, s, bits, kind === 'int', x);
  throw new TilewrightError('INTERNAL', `c: round of ${t} to ${storage}`);
}
