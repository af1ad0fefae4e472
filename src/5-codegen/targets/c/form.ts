// The same formula for a scalar and for a vector of any width: conversions, bit views, blends and constants whose C
// spelling differs between the two. Masks are 0/1 in scalars and 0/-1 in vectors.
import type { ComputeType, Expr } from '../../../3-tile/expr.ts';
import { invariant } from '../../../support/errors.ts';
import { perLane, type Scalar, scalarBytes, signedOf, type Unit } from './unit.ts';

/** Names and types of a helper's parameters. */
export type Params = Readonly<Record<string, Scalar>>;
/** The statements of a helper, or the one value that it returns. */
export type Body = () => string | readonly string[];

const statements = (body: ReturnType<Body>): string =>
  typeof body === 'string' ? `  return ${body};\n` : body.map((line) => `  ${line}\n`).join('');

export class Form {
  readonly unit: Unit;
  readonly lanes: number;

  constructor(unit: Unit, lanes: number) {
    this.unit = unit;
    this.lanes = lanes;
  }

  type(s: Scalar): string {
    return this.unit.type(s, this.lanes);
  }

  /** A helper function of this form. */
  helper(name: string, result: Scalar, params: Params, body: Body): string {
    const full = this.lanes === 1 ? name : `${name}_x${this.lanes}`;
    return this.unit.need(full, () => {
      const list = Object.entries(params).map(([n, t]) => `${this.type(t)} ${n}`);
      return `INLINE ${this.type(result)} ${full}(${list.join(', ')}) {\n${statements(body())}}\n`;
    });
  }

  /** A call of a helper function. */
  call(name: string, result: Scalar, params: Params, args: readonly string[], body: Body): string {
    return `${this.helper(name, result, params, body)}(${args.join(', ')})`;
  }

  /** `f` of the operands (all of type `s`, as the result): as it is on scalars, else lane by lane in a helper. */
  lanewise(name: string, s: Scalar, x: readonly string[], f: (...operands: string[]) => string): string {
    if (this.lanes === 1) return f(...x);
    const names = ['a', 'b', 'c'].slice(0, x.length);
    const params = Object.fromEntries(names.map((n) => [n, s]));
    return this.call(`${name}_${s}`, s, params, x, () => this.eachLane(s, (lane) => f(...names.map((n) => n + lane))));
  }

  /** One scalar in every lane. */
  splat(s: Scalar, x: string): string {
    if (this.lanes === 1) return x;
    const name = `splat_${s}_x${this.lanes}`;
    const value = `(${this.type(s)}){${perLane(this.lanes, () => 'x')}}`;
    this.unit.need(name, () => `INLINE ${this.type(s)} ${name}(${s} x) {\n  return ${value};\n}\n`);
    return `${name}(${x})`;
  }

  /** The same bits as another type of equal size. */
  bits(from: Scalar, to: Scalar, x: string): string {
    if (from === to) return x;
    if (this.lanes > 1) return `((${this.type(to)})(${x}))`;
    if (from[0] !== 'f' && to[0] !== 'f') return `((${to})(${x}))`;
    const copy = `__builtin_memcpy(&r, &x, ${scalarBytes(to)});`;
    return this.call(`bits_${from}_${to}`, to, { x: from }, [x], () => [`${to} r;`, copy, 'return r;']);
  }

  /**
   * C's value conversion, lane by lane; the value must be in range of `to`. Written per lane, since gcc 12 turns that
   * into one instruction and __builtin_convertvector of narrow types into many. Between floats it is the other way
   * round: gcc 12 takes f64 → f32 → f64, once vectorised from lanes, for the identity.
   */
  convert(from: Scalar, to: Scalar, x: string): string {
    if (from === to) return x;
    if (this.lanes === 1) return `((${to})(${x}))`;
    if (from[0] === 'f' && to[0] === 'f') return `__builtin_convertvector(${x}, ${this.type(to)})`;
    const each = (): string => this.eachLane(to, (lane) => `(${to})x${lane}`);
    return this.call(`convert_${from}_${to}`, to, { x: from }, [x], each);
  }

  /** A comparison of operands of type `s` as a mask. */
  mask(s: Scalar, comparison: string): string {
    if (this.lanes === 1) return `(${comparison})`;
    const native = `((${this.type(signedOf(s))})(${comparison}))`;
    return this.convert(signedOf(s), 'i32', native);
  }

  /** The mask as 0 or 1 of type i32. */
  truth(mask: string): string {
    return this.lanes === 1 ? mask : `(${mask} & 1)`;
  }

  /** `then` where the mask holds, else `otherwise`; both of type `s`. */
  select(s: Scalar, mask: string, then: string, otherwise: string): string {
    if (this.lanes === 1) return `(${mask} ? ${then} : ${otherwise})`;
    const i = signedOf(s);
    return this.call(`select_${s}`, s, { m: 'i32', a: s, b: s }, [mask, then, otherwise], () => {
      const w = this.type(i);
      const wide = this.convert('i32', i, 'm');
      return [`${w} w = ${wide};`, `return (${this.type(s)})((w & (${w})a) | (~w & (${w})b));`];
    });
  }

  /** Applies a scalar expression of lane texts to every lane. */
  eachLane(s: Scalar, f: (suffix: string) => string): string {
    if (this.lanes === 1) return f('');
    return `(${this.type(s)}){${perLane(this.lanes, (i) => f(`[${i}]`))}}`;
  }
}

/** Integer and float constants as C text that reads back as exactly the same value. */
const LITERALS: Readonly<Record<ComputeType, (v: number | bigint) => string>> = {
  f32: (v) => floatLiteral(Number(v), 9, 'f'),
  f64: (v) => floatLiteral(Number(v), 17, ''),
  bool: (v) => (v ? '1' : '0'),
  i32: (v) => (v === -(2 ** 31) ? '(-2147483647 - 1)' : v < 0 ? `(${v})` : `${v}`),
  u32: (v) => `${v}u`,
  i64: (v) => (v === -(2n ** 63n) ? '((i64)(-9223372036854775807LL - 1))' : v < 0 ? `((i64)${v}LL)` : `${v}LL`),
  u64: (v) => `${v}ull`,
};

/** The literal of a `const` expression, of the expression's compute type; bool is 0 or 1. */
export function literal(e: Expr): string {
  invariant(e.op === 'const', 'literal of a non-constant');
  return LITERALS[e.dtype](e.arg);
}

function floatLiteral(v: number, digits: number, suffix: string): string {
  if (Number.isNaN(v)) return `__builtin_nan${suffix}("")`;
  if (!Number.isFinite(v)) return v > 0 ? `__builtin_inf${suffix}()` : `(-__builtin_inf${suffix}())`;
  if (Object.is(v, -0)) return `(-0.0${suffix})`;
  const text = Number.isInteger(v) && Math.abs(v) < 1e6 ? `${v}.0` : v.toExponential(digits - 1);
  return v < 0 ? `(${text}${suffix})` : `${text}${suffix}`;
}
