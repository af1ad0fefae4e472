// The values that a function computes, as interned instructions: a DAG between expressions and bytes, in which equal
// instructions on equal operands are one object. Selection makes them; the emitter schedules them on the stack machine.
import { words } from '../../../3-tile/expr.ts';
import { binaryMeaning } from '../../../3-tile/semantics.ts';
import type { TileTensor } from '../../../3-tile/tensor.ts';
import { entryOf } from '../../../support/collections.ts';
import type { ValType } from './encoder.ts';
import type { Immediate } from './function.ts';
import { INSTRUCTIONS, type InstructionName } from './instructions.ts';

/** A mutable variable of the function: a local of the kernel, a parameter, a moving pointer. */
export type Variable = Readonly<{ id: number; type: ValType }>;

export interface Value {
  readonly id: number;
  /** Besides instructions: reading a variable, `select`, and a call of a helper function. */
  readonly op: InstructionName | 'read' | 'select' | 'call';
  readonly type: ValType;
  readonly src: readonly Value[];
  readonly imm: Immediate;
  /** Only for `read`. */
  readonly variable: Variable | null;
  /** Only for `call`: the helper's name. */
  readonly callee: string | null;
  /** Only for loads: the owner of the bytes read. */
  readonly memory: TileTensor | null;
  /** Whether computing it, operands included, reads memory. */
  readonly loads: boolean;
}

export type ScalarType = Exclude<ValType, 'v128'>;
type Extra = Partial<Pick<Value, 'variable' | 'callee' | 'memory'>>;

/** Folded where both operands are constants; index arithmetic is full of these. */
const FOLD_I32: ReadonlyMap<string, (a: never, b: never) => unknown> = new Map(
  words('add sub mul shl and or').map((op) => [`i32.${op}`, binaryMeaning(op, 'i32')!]),
);
/** The right operand that changes nothing. */
const NEUTRAL: Partial<Record<Value['op'], number>> = { 'i32.add': 0, 'i32.sub': 0, 'i32.mul': 1 };

export class Values {
  private readonly table = new Map<string, Value>();
  private nextVariable = 1;

  variable(type: ValType): Variable {
    return { id: this.nextVariable++, type };
  }

  read(variable: Variable): Value {
    return this.intern('read', variable.type, [], variable.id, { variable });
  }

  /** A scalar constant of a WebAssembly type; i64 takes a bigint. */
  constant(type: ScalarType, value: number | bigint): Value {
    return this.intern(`${type}.const`, type, [], value);
  }

  i32(value: number): Value {
    return this.constant('i32', value | 0);
  }

  /** A vector constant of sixteen bytes. */
  bytes(bytes: readonly number[]): Value {
    return this.intern('v128.const', 'v128', [], bytes);
  }

  op(op: InstructionName, src: readonly Value[], imm: Immediate = null): Value {
    return this.fold(op, src) ?? this.intern(op, INSTRUCTIONS[op].result!, src, imm);
  }

  load(op: InstructionName, address: Value, offset: number, memory: TileTensor): Value {
    return this.intern(op, INSTRUCTIONS[op].result!, [address], offset, { memory });
  }

  /** `condition` is an i32; both sides are evaluated. */
  select(condition: Value, then: Value, otherwise: Value): Value {
    if (then === otherwise) return then;
    if (condition.op === 'i32.const') return condition.imm === 0 ? otherwise : then;
    return this.intern('select', then.type, [then, otherwise, condition]);
  }

  call(callee: string, type: ValType, src: readonly Value[]): Value {
    return this.intern('call', type, src, null, { callee });
  }

  private fold(op: InstructionName, [a, b]: readonly Value[]): Value | null {
    if (b?.op !== 'i32.const') return null;
    if (NEUTRAL[op] === b.imm) return a;
    const f = FOLD_I32.get(op);
    return f && a.op === 'i32.const' ? this.i32(f(a.imm as never, b.imm as never) as number) : null;
  }

  private intern(
    op: Value['op'],
    type: ValType,
    src: readonly Value[],
    imm: Immediate = null,
    { variable = null, callee = null, memory = null }: Extra = {},
  ): Value {
    let key = `${op}|${immediateKey(imm)}|${callee ?? ''}`;
    for (const s of src) key += `,${s.id}`;
    return entryOf(this.table, key, () => {
      const loads = memory !== null || src.some((s) => s.loads);
      return { id: this.table.size, op, type, src, imm, variable, callee, memory, loads };
    });
  }
}

/** -0 differs from 0, NaN equals NaN. */
const immediateKey = (imm: Immediate): string => (Object.is(imm, -0) ? '-0' : String(imm ?? ''));

export const operandsOf = (v: Value): readonly Value[] => v.src;

const CONSTANTS: ReadonlySet<Value['op']> = new Set(['i32.const', 'i64.const', 'f32.const', 'f64.const']);
/** Scalars only. */
export const isConstant = (v: Value): boolean => CONSTANTS.has(v.op);
