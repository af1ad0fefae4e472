// Values through storage types in C, as 3-tile/rules/storage.ts says it for all targets: helper functions that decode a
// stored pattern to f32, encode f32 (or f64) to a pattern, wrap and round; half precision by the CPU where it can.
import { type ComputeType, type Expr, localExpr, newLocal } from '../../../3-tile/expr.ts';
import { walkExpr } from '../../../3-tile/rewrite.ts';
import * as rules from '../../../3-tile/rules/storage.ts';
import { type DType, isStorageFloat } from '../../../ir/dtype.ts';
import type { Form } from './form.ts';
import { renderOp } from './ops.ts';
import { scalarOf, storageOf } from './unit.ts';

type Make = (x: Expr) => Expr;

/** Statements that return what the expression makes of the variable `x`; `last` is done to its text. */
function returned(form: Form, dtype: ComputeType, make: Make, last = (result: string): string => result): string[] {
  const parameter = localExpr(newLocal('x', dtype, form.lanes));
  const result = make(parameter);
  const texts = new Map<Expr, string>([[parameter, 'x']]);
  const lines: string[] = [];
  for (const e of walkExpr(result)) {
    if (e === parameter) continue;
    const src = e.src.map((s) => texts.get(s)!);
    const text = renderOp(form.unit, e, src);
    const name = `t${lines.length}`;
    if (src.length > 0) lines.push(`${form.unit.type(scalarOf(e.dtype), e.lanes)} ${name} = ${text};`);
    texts.set(e, src.length > 0 ? name : text);
  }
  return [...lines, `return ${last(texts.get(result)!)};`];
}

/** A call of a helper that gives what the expression makes of `x`, in its own type. */
function called(form: Form, name: string, dtype: ComputeType, x: string, make: Make): string {
  const s = scalarOf(dtype);
  return form.call(name, s, { x: s }, [x], () => returned(form, dtype, make));
}

/** `x` wrapped to the bits of a storage type of less than a byte. */
export const wrapValue = (form: Form, storage: DType, x: string): string =>
  called(form, `wrap_${storage}`, 'i32', x, (e) => rules.wrapInteger(storage, e));

/** The value after storing `x` of type `t` as `storage` and loading it again. */
export function roundValue(form: Form, storage: DType, t: ComputeType, x: string): string {
  const make = (e: Expr): Expr => rules.roundTrip(storage, e);
  if (!isStorageFloat(storage)) return called(form, `round_${storage}_${t}`, t, x, make);
  const stored = encodeNarrow(form, storage, t as 'f32' | 'f64', x);
  return form.convert('f32', scalarOf(t), decodeNarrow(form, storage, stored));
}

/** The f32 value of the stored pattern `x` (of the storage type). */
export function decodeNarrow(form: Form, dtype: DType, x: string): string {
  const storage = storageOf(dtype);
  const half = halfConversion(form, dtype, 'decode');
  if (half) return form.call('half_decode', 'f32', { x: 'u16' }, [x], () => half);
  return form.call(`decode_${dtype}`, 'f32', { p: storage }, [x], () => {
    const bits = `${form.type('u32')} x = ${form.convert(storage, 'u32', 'p')};`;
    return [bits, ...returned(form, 'u32', (e) => rules.decodeNarrow(dtype, e))];
  });
}

/** The pattern, in the storage type, nearest to `x` of type `from`; ties to even, no saturation. */
export function encodeNarrow(form: Form, dtype: DType, from: 'f32' | 'f64', x: string): string {
  const storage = storageOf(dtype);
  const odd = (): string[] => returned(form, 'f64', rules.demoteToOdd);
  const value = from === 'f64' ? form.call('odd_f64', 'f32', { x: 'f64' }, [x], odd) : x;
  const half = halfConversion(form, dtype, 'encode');
  if (!half) {
    const stored = (bits: string): string => form.convert('u32', storage, bits);
    const make = (e: Expr): Expr => rules.encodeNarrow(dtype, e);
    return form.call(`encode_${dtype}`, storage, { x: 'f32' }, [value], () => returned(form, 'f32', make, stored));
  }
  form.unit.type('f32', 4);
  return form.call('half_encode', 'u16', { x: 'f32' }, [value], () => {
    const [first, bits] = [`${form.type('u16')} h = ${half};`, form.convert('u16', 'u32', 'h')];
    const canonical = form.select('u32', form.mask('f32', 'x != x'), form.splat('u32', '0x7e00u'), bits);
    return [first, `return ${form.convert('u32', 'u16', canonical)};`];
  });
}

const HALF = [8, 16].map((n) => `typedef short half${n} __attribute__((vector_size(${n * 2})));\n`).join('');

/** The CPU's conversions between f16 patterns and f32, of `x`, per count of lanes. */
const HALF_CONVERSIONS: Readonly<Record<'decode' | 'encode', Readonly<Record<number, string>>>> = {
  decode: {
    1: '__builtin_ia32_vcvtph2ps((half8){(short)x})[0]',
    8: '(f32x8)__builtin_ia32_vcvtph2ps256((half8)x)',
    16: '(f32x16)__builtin_ia32_vcvtph2ps512_mask((half16)x, (f32x16){0}, (u16)-1, 4)',
  },
  encode: {
    1: '(u16)__builtin_ia32_vcvtps2ph((f32x4){x}, 0)[0]',
    8: '(u16x8)__builtin_ia32_vcvtps2ph256(x, 0)',
    16: '(u16x16)__builtin_ia32_vcvtps2ph512_mask(x, 0, (half16){0}, (u16)-1)',
  },
};

function halfConversion(form: Form, dtype: DType, which: 'decode' | 'encode'): string | undefined {
  const { f16c, avx512 } = form.unit.options;
  if (dtype !== 'f16' || !f16c || (form.lanes === 16 && !avx512)) return undefined;
  form.unit.need('half', () => HALF);
  return HALF_CONVERSIONS[which][form.lanes];
}
