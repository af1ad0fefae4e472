// Functions that generated code calls: the exact float remainder, whose loop is bounded by the
// exponent range of the type.
import type { InstructionName } from './instructions.ts';
import type { LowFunction, LowStmt } from './low.ts';
import { type Value, Values, type Variable } from './value.ts';

/** Bits of the mantissa, and by how many bits a remainder may be shifted without leaving 64. */
const FORMATS = { f32: { mantissa: 23, stride: 40 }, f64: { mantissa: 52, stride: 11 } } as const;
type FloatType = keyof typeof FORMATS;

/** NaN for y = 0, infinite x or NaN; x where it is smaller than y; else the remainder of mantissas. */
function remainder(type: FloatType): LowFunction {
  const { mantissa, stride } = FORMATS[type];
  const v = new Values();
  const [x, y] = [v.variable(type), v.variable(type)];
  const [rest, divisor, exponent, exponentY, shift] = Array.from({ length: 5 }, () => v.variable('i64'));
  const big = (n: number | bigint): Value => v.constant('i64', BigInt(n));
  const read = (s: Value | Variable): Value => ('op' in s ? s : v.read(s));
  const op = (name: InstructionName, ...src: (Value | Variable)[]): Value => v.op(name, src.map(read));
  const set = (variable: Variable, value: Value): LowStmt => ({ kind: 'set', variable, value });

  /** |source| = mantissa · 2^(exponent - constant), with exponent at least 1. */
  const split = (source: Variable, into: Variable, itsExponent: Variable): LowStmt[] => {
    const abs = op(`${type}.abs`, source);
    const f64 = type === 'f64';
    const wide = f64 ? op('i64.reinterpret_f64', abs) : op('i64.extend_i32_u', op('i32.reinterpret_f32', abs));
    const above = op('i64.shr_u', wide, big(mantissa));
    const below = op('i64.and', wide, big((1n << BigInt(mantissa)) - 1n));
    const normal = op('i64.or', below, big(1n << BigInt(mantissa)));
    const subnormal = op('i64.eqz', above);
    return [set(into, v.select(subnormal, below, normal)), set(itsExponent, v.select(subnormal, big(1), above))];
  };
  const distance = op('i64.sub', exponent, exponentY);
  const changes = { changed: new Set([shift, rest, exponent]), known: new Map() };
  const reduce: LowStmt[] = [
    set(shift, v.select(op('i64.lt_u', distance, big(stride)), distance, big(stride))),
    set(rest, op('i64.rem_u', op('i64.shl', rest, shift), divisor)),
    set(exponent, op('i64.sub', exponent, shift)),
  ];
  // A power of two, subnormal below exponent mantissa + 1.
  const scaleBits = v.select(
    op('i64.gt_u', exponentY, big(mantissa)),
    op('i64.shl', op('i64.sub', exponentY, big(mantissa)), big(mantissa)),
    op('i64.shl', big(1), op('i64.sub', exponentY, big(1))),
  );
  const scale =
    type === 'f64' ? op('f64.reinterpret_i64', scaleBits) : op('f32.reinterpret_i32', op('i32.wrap_i64', scaleBits));
  // Exact, as the result is representable.
  const result = op(`${type}.copysign`, op(`${type}.mul`, op(`${type}.convert_i64_u`, rest), scale), x);
  const divide: LowStmt[] = [
    ...split(x, rest, exponent),
    ...split(y, divisor, exponentY),
    set(rest, op('i64.rem_u', rest, divisor)),
    { kind: 'while', changes, cond: op('i64.ne', exponent, exponentY), body: reduce },
    set(x, result),
  ];
  const [ax, ay] = [op(`${type}.abs`, x), op(`${type}.abs`, y)];
  const finite = op(`${type}.lt`, ax, v.constant(type, Infinity));
  const defined = op('i32.and', finite, op(`${type}.gt`, ay, v.constant(type, 0)));
  const body: LowStmt = {
    kind: 'if',
    cond: defined,
    holds: [{ kind: 'if', cond: op(`${type}.ge`, ax, ay), holds: divide, otherwise: [] }],
    otherwise: [set(x, v.constant(type, Number.NaN))],
  };
  return { params: [x, y], body: [body], result: v.read(x) };
}

/** By the name that values call them by. */
export const HELPERS: ReadonlyMap<string, () => LowFunction> = new Map([
  ['fmod_f32', () => remainder('f32')],
  ['fmod_f64', () => remainder('f64')],
]);
