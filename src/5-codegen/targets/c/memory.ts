// Conversions between compute types in C with the total semantics of 3-tile/expr.ts; loads and stores from a pointer to a
// storage type, for scalars, consecutive elements and lane by lane under a guard.
import { type ComputeType, computeType } from '../../../3-tile/expr.ts';
import { type DType, dtypeInfo, isStorageFloat } from '../../../ir/dtype.ts';
import { Form } from './form.ts';
import { decodeNarrow, encodeNarrow, wrapValue } from './storage.ts';
import type { Scalar, Unit } from './unit.ts';
import { isFloatScalar, isUnsigned, perLane, scalarBytes, scalarOf, storageOf } from './unit.ts';

/** `x` of type `from` as type `to`; `bounded`: it is in the range of `to`, or NaN. */
export function castValue(form: Form, from: ComputeType, to: ComputeType, x: string, bounded = false): string {
  if (from === to) return x;
  const source = scalarOf(from);
  const target = scalarOf(to);
  if (to === 'bool') return form.mask(source, `${x} != ${zero(source)}`);
  if (from === 'bool') return form.convert('i32', target, form.truth(x));
  if (isFloatScalar(source) && !isFloatScalar(target)) return (bounded ? truncate : saturate)(form, source, target, x);
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

/** A number in the range of the type, or NaN, which gives 0. */
function truncate(form: Form, from: Scalar, to: Scalar, x: string): string {
  return form.call(`truncate_${from}_${to}`, to, { x: from }, [x], () => {
    const number = form.select(from, form.mask(from, 'x == x'), 'x', form.splat(from, zero(from)));
    return form.convert(from, to, number);
  });
}

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

function decode(form: Form, dtype: DType, raw: string): string {
  if (isStorageFloat(dtype)) return decodeNarrow(form, dtype, raw);
  const storage = storageOf(dtype);
  if (dtype === 'bool') return form.mask('i32', `${form.convert(storage, 'i32', raw)} != 0`);
  return form.convert(storage, scalarOf(computeType(dtype)), raw);
}

function encode(form: Form, dtype: DType, value: string): string {
  if (isStorageFloat(dtype)) return encodeNarrow(form, dtype, 'f32', value);
  const storage = storageOf(dtype);
  if (dtype === 'bool') return form.convert('i32', storage, form.truth(value));
  const s = scalarOf(computeType(dtype));
  if (dtypeInfo(dtype).bits >= 8) return form.convert(s, storage, value);
  return form.convert(s, storage, wrapValue(form, dtype, value));
}

/** Elements of a storage type behind a pointer, `lanes` at a time. */
type Place = Readonly<{ unit: Unit; dtype: DType; lanes: number; pointer: string }>;

/** The consecutive elements from element `at` on, as they lie in memory. */
function elementsAt({ unit, dtype, lanes, pointer }: Place, at: string, constness = ''): string {
  if (lanes === 1) return `${pointer}[${at}]`;
  return `*(${constness}${unit.memoryType(storageOf(dtype), lanes)} *)(${pointer} + ${at})`;
}

export function loadAt(from: Place, at: string): string {
  const raw = elementsAt(from, at, 'const ');
  return decode(new Form(from.unit, from.lanes), from.dtype, from.lanes === 1 ? raw : `(${raw})`);
}

/** Stores a whole line of 64 bytes without reading it first, where it begins one. */
const STREAM = `INLINE void stream(void *p, f32x16 x) {
  if (((__UINTPTR_TYPE__)p & 63) != 0) {
    *(f32x16u *)p = x;
    return;
  }
#ifdef __clang__
  __builtin_nontemporal_store(x, (f32x16 *)p);
#else
  __builtin_ia32_movntps512((f32 *)p, x);
#endif
}
`;

/** The statement that stores elements from element `at` on; `passing`: past the caches where they are whole lines. */
export function storeAt(to: Place, at: string, value: string, passing = false): string {
  const { unit, dtype, lanes, pointer } = to;
  const raw = encode(new Form(unit, lanes), dtype, value);
  if (passing && scalarBytes(storageOf(dtype)) * lanes === 64) {
    unit.memoryType('f32', 16);
    unit.need('stream', () => STREAM);
    return `stream(${pointer} + ${at}, (f32x16)${raw});`;
  }
  return `${elementsAt(to, at)} = ${raw};`;
}

/** Lane k is `pointer[at(k)]`; where there is a vector `guard` and it does not hold, that of the vector `otherwise`. */
export function gather(
  { unit, dtype, lanes, pointer }: Place,
  at: (lane: number) => string,
  under?: { guard: string; otherwise: string },
): string {
  const compute: ComputeType = computeType(dtype);
  const one = (lane: number): string => {
    const value = decode(new Form(unit, 1), dtype, `${pointer}[${at(lane)}]`);
    const masked = compute === 'bool' ? `(-${value})` : value;
    return under ? `(${under.guard}[${lane}] ? ${masked} : ${under.otherwise}[${lane}])` : masked;
  };
  return `((${unit.type(scalarOf(compute), lanes)}){${perLane(lanes, one)}})`;
}
