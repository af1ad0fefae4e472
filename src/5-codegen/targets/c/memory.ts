// Loads and stores in C: from a pointer to the storage type to a value of the compute type and back, for scalars, for
// consecutive elements and lane by lane under a guard.
import { type ComputeType, computeType } from '../../../3-tile/expr.ts';
import { type DType, dtypeInfo, isStorageFloat } from '../../../ir/dtype.ts';
import { wrapInteger } from './casts.ts';
import { Form } from './form.ts';
import { decodeNarrow, encodeNarrow } from './narrow.ts';
import { perLane, scalarOf, storageOf, type Unit } from './unit.ts';

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
  const { kind, bits } = dtypeInfo(dtype);
  const wrapped = bits < 8 ? wrapInteger(form, s, bits, kind === 'int', value) : value;
  return form.convert(s, storage, wrapped);
}

/** `lanes` consecutive elements of `pointer` from element `at` on. */
export function loadAt(unit: Unit, dtype: DType, lanes: number, pointer: string, at: string): string {
  const form = new Form(unit, lanes);
  const raw =
    lanes === 1 ? `${pointer}[${at}]` : `(*(const ${unit.memoryType(storageOf(dtype), lanes)} *)(${pointer} + ${at}))`;
  return decode(form, dtype, raw);
}

/** The assignment that stores `lanes` elements from element `at` on. */
export function storeAt(unit: Unit, dtype: DType, lanes: number, pointer: string, at: string, value: string): string {
  const raw = encode(new Form(unit, lanes), dtype, value);
  if (lanes === 1) return `${pointer}[${at}] = ${raw};`;
  return `*(${unit.memoryType(storageOf(dtype), lanes)} *)(${pointer} + ${at}) = ${raw};`;
}

/**
 * A vector from single elements: lane k reads `pointer[at(k)]` where the vector `guard` holds (always, when there is
 * none), else it is that of the vector `otherwise`.
 */
export function gather(
  unit: Unit,
  dtype: DType,
  lanes: number,
  pointer: string,
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
