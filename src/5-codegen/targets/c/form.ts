// The same formula for a scalar and for a vector of any width: conversions, bit views, blends and
// constants whose C spelling differs between the two. Masks are 0/1 in scalars and 0/-1 in vectors.
import { perLane, type Scalar, scalarBytes, signedOf, type Unit } from './unit.ts';

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

  /** A helper function of this form; `params` are `[type, name]`. Returns its name. */
  helper(name: string, result: Scalar, params: readonly (readonly [Scalar, string])[], body: () => string): string {
    const full = this.lanes === 1 ? name : `${name}_x${this.lanes}`;
    return this.unit.need(full, () => {
      const list = params.map(([t, n]) => `${this.type(t)} ${n}`).join(', ');
      const text = body();
      return `INLINE ${this.type(result)} ${full}(${list}) {\n${text}}\n`;
    });
  }

  /** One scalar in every lane. */
  splat(s: Scalar, x: string): string {
    if (this.lanes === 1) return x;
    const name = this.helper2(
      `splat_${s}`,
      s,
      () => `  return (${this.type(s)}){${perLane(this.lanes, () => 'x')}};\n`,
    );
    return `${name}(${x})`;
  }

  private helper2(name: string, s: Scalar, body: () => string): string {
    const full = `${name}_x${this.lanes}`;
    return this.unit.need(full, () => {
      const type = this.type(s);
      return `INLINE ${type} ${full}(${s} x) {\n${body()}}\n`;
    });
  }

  /** The same bits as another type of equal size. */
  bits(from: Scalar, to: Scalar, x: string): string {
    if (from === to) return x;
    if (this.lanes > 1) return `((${this.type(to)})(${x}))`;
    if (from[0] !== 'f' && to[0] !== 'f') return `((${to})(${x}))`;
    const name = this.helper(
      `bits_${from}_${to}`,
      to,
      [[from, 'x']],
      () => `  ${to} r;\n  __builtin_memcpy(&r, &x, ${scalarBytes(to)});\n  return r;\n`,
    );
    return `${name}(${x})`;
  }

  /**
   * C's value conversion, lane by lane; the value must be in range of `to`. Written per lane, since
   * gcc 12 turns that into one instruction and __builtin_convertvector of narrow types into many.
   * Between floats it is the other way round: gcc 12 takes f64 → f32 → f64, once vectorised from
   * lanes, for the identity.
   */
  convert(from: Scalar, to: Scalar, x: string): string {
    if (from === to) return x;
    if (this.lanes === 1) return `((${to})(${x}))`;
    if (from[0] === 'f' && to[0] === 'f') return `__builtin_convertvector(${x}, ${this.type(to)})`;
    const name = this.helper(
      `convert_${from}_${to}`,
      to,
      [[from, 'x']],
      () => `  return ${this.eachLane(to, (lane) => `(${to})x${lane}`)};\n`,
    );
    return `${name}(${x})`;
  }

  /** A comparison of operands of type `s` as a mask. */
  mask(s: Scalar, comparison: string): string {
    if (this.lanes === 1) return `(${comparison})`;
    const native = `((${this.type(signedOf(s))})(${comparison}))`;
    return this.convert(signedOf(s), 'i32', native);
  }

  not(mask: string): string {
    return this.lanes === 1 ? `(!${mask})` : `(~${mask})`;
  }

  /** The mask as 0 or 1 of type i32. */
  truth(mask: string): string {
    return this.lanes === 1 ? mask : `(${mask} & 1)`;
  }

  /** `then` where the mask holds, else `otherwise`; both of type `s`. */
  select(s: Scalar, mask: string, then: string, otherwise: string): string {
    if (this.lanes === 1) return `(${mask} ? ${then} : ${otherwise})`;
    const i = signedOf(s);
    const name = this.helper(
      `select_${s}`,
      s,
      [
        ['i32', 'm'],
        [s, 'a'],
        [s, 'b'],
      ],
      () => {
        const w = this.type(i);
        const wide = this.convert('i32', i, 'm');
        return `  ${w} w = ${wide};\n  return (${this.type(s)})((w & (${w})a) | (~w & (${w})b));\n`;
      },
    );
    return `${name}(${mask}, ${then}, ${otherwise})`;
  }

  /** Applies a scalar expression of lane texts to every lane. */
  eachLane(s: Scalar, f: (suffix: string) => string): string {
    if (this.lanes === 1) return f('');
    return `(${this.type(s)}){${perLane(this.lanes, (i) => f(`[${i}]`))}}`;
  }
}
