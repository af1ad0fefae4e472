// Functions that generated code calls: the exact float remainder. Written directly in instructions;
// each loop is bounded by the exponent range of the type.
import type { FunctionCode, FunctionType } from './encoder.ts';
import { named } from './forms.ts';
import { FunctionBuilder } from './function.ts';

export interface Helper {
  readonly type: FunctionType;
  readonly code: () => FunctionCode;
}

interface FloatFormat {
  readonly type: 'f32' | 'f64';
  readonly mantissa: number;
  readonly exponentMask: number;
  /** Bits by which a remainder may be shifted left without leaving 64 bits. */
  readonly stride: number;
}

const F32: FloatFormat = { type: 'f32', mantissa: 23, exponentMask: 0xff, stride: 40 };
const F64: FloatFormat = { type: 'f64', mantissa: 52, exponentMask: 0x7ff, stride: 11 };

/** Emits the parts of the remainder over named locals. */
class Remainder {
  private readonly f = new FunctionBuilder(2);
  private readonly format: FloatFormat;
  private readonly x = 0;
  private readonly y = 1;
  private readonly exponentX: number;
  private readonly exponentY: number;
  private readonly mantissaY: number;
  private readonly rest: number;
  private readonly shift: number;

  constructor(format: FloatFormat) {
    this.format = format;
    this.exponentX = this.f.allocate('i64');
    this.exponentY = this.f.allocate('i64');
    this.mantissaY = this.f.allocate('i64');
    this.rest = this.f.allocate('i64');
    this.shift = this.f.allocate('i64');
  }

  private float(op: string): void {
    this.f.op(named(`${this.format.type}.${op}`));
  }

  private big(value: bigint): void {
    this.f.op('i64.const', value);
  }

  private magnitude(local: number): void {
    this.f.get(local);
    this.float('abs');
  }

  /** Bits of |local| as i64. */
  private bits(local: number): void {
    this.magnitude(local);
    if (this.format.type === 'f64') this.f.op('i64.reinterpret_f64');
    else {
      this.f.op('i32.reinterpret_f32');
      this.f.op('i64.extend_i32_u');
    }
  }

  /** |source| = mantissa · 2^(exponent - constant), with exponent at least 1. */
  private split(source: number, mantissa: number, exponent: number): void {
    const { f } = this;
    const { mantissa: width } = this.format;
    this.bits(source);
    f.tee(mantissa);
    this.big(BigInt(width));
    f.op('i64.shr_u');
    f.set(exponent);
    f.get(mantissa);
    this.big((1n << BigInt(width)) - 1n);
    f.op('i64.and');
    f.set(mantissa);
    f.get(exponent);
    f.op('i64.eqz');
    f.if(
      () => {
        this.big(1n);
        f.set(exponent);
      },
      () => {
        f.get(mantissa);
        this.big(1n << BigInt(width));
        f.op('i64.or');
        f.set(mantissa);
      },
    );
  }

  /** rest = (rest << shift) mod mantissaY. */
  private reduce(): void {
    const { f } = this;
    f.get(this.rest);
    f.get(this.shift);
    f.op('i64.shl');
    f.get(this.mantissaY);
    f.op('i64.rem_u');
    f.set(this.rest);
  }

  private loop(): void {
    const { f } = this;
    this.big(0n);
    f.set(this.shift);
    this.reduce();
    f.block(() =>
      f.loop(() => {
        f.get(this.exponentX);
        f.get(this.exponentY);
        f.op('i64.sub');
        f.tee(this.shift);
        f.op('i64.eqz');
        f.branchIf(1);
        f.get(this.shift);
        this.big(BigInt(this.format.stride));
        f.get(this.shift);
        this.big(BigInt(this.format.stride));
        f.op('i64.lt_u');
        f.select();
        f.set(this.shift);
        this.reduce();
        f.get(this.exponentX);
        f.get(this.shift);
        f.op('i64.sub');
        f.set(this.exponentX);
        f.branch(0);
      }),
    );
  }

  /** rest · 2^(exponentY - constant) with the sign of x; exact, as the result is representable. */
  private assemble(): void {
    const { f } = this;
    const { type, mantissa } = this.format;
    f.get(this.rest);
    f.op(named(`${type}.convert_i64_u`));
    // The scale is a power of two, subnormal below exponent mantissa + 1.
    f.get(this.exponentY);
    this.big(BigInt(mantissa));
    f.op('i64.sub');
    this.big(BigInt(mantissa));
    f.op('i64.shl');
    this.big(1n);
    f.get(this.exponentY);
    this.big(1n);
    f.op('i64.sub');
    f.op('i64.shl');
    f.get(this.exponentY);
    this.big(BigInt(mantissa));
    f.op('i64.gt_u');
    f.select();
    if (type === 'f64') f.op('f64.reinterpret_i64');
    else {
      f.op('i32.wrap_i64');
      f.op('f32.reinterpret_i32');
    }
    this.float('mul');
    f.get(this.x);
    this.float('copysign');
  }

  private not(constant: () => void, op: string, local: number): void {
    this.magnitude(local);
    constant();
    this.float(op);
    this.f.op('i32.eqz');
  }

  /** NaN for y = 0, infinite x or NaN; x where it is smaller than y. */
  code(): FunctionCode {
    const { f } = this;
    const { type } = this.format;
    const constant = (value: number) => () => f.op(named(`${type}.const`), value);
    f.block(() => {
      this.not(constant(Number.POSITIVE_INFINITY), 'lt', this.x);
      this.not(constant(0), 'gt', this.y);
      f.op('i32.or');
      f.if(() => {
        constant(Number.NaN)();
        f.set(this.x);
        f.branch(1);
      });
      this.magnitude(this.x);
      this.magnitude(this.y);
      this.float('lt');
      f.branchIf(0);
      this.split(this.x, this.rest, this.exponentX);
      this.split(this.y, this.mantissaY, this.exponentY);
      this.loop();
      this.assemble();
      f.set(this.x);
    });
    f.get(this.x);
    return f.finish();
  }
}

const remainder = (format: FloatFormat): Helper => ({
  type: { params: [format.type, format.type], results: [format.type] },
  code: () => new Remainder(format).code(),
});

/** By the name that values call them by. */
export const HELPERS: ReadonlyMap<string, Helper> = new Map([
  ['fmod_f32', remainder(F32)],
  ['fmod_f64', remainder(F64)],
]);
