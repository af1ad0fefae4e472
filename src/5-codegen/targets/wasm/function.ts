// One function under construction: instructions appended to a byte buffer, locals handed out and
// taken back by type. Control flow is written with the few named methods at the end.
import { ByteWriter } from './bytes.ts';
import type { FunctionCode, ValType } from './encoder.ts';
import { type ImmediateKind, INSTRUCTIONS, type Instruction, type InstructionName } from './instructions.ts';

/** Number: i32, f32 and f64 constants, lanes, offsets. Array: the sixteen bytes of a vector. Stores of a lane: lane 0. */
export type Immediate = number | bigint | readonly number[] | null;

/** What is not in the table of instructions. */
export const CONTROL = { block: 2, loop: 3, if: 4, else: 5, end: 11, br: 12, br_if: 13, call: 16, select: 27 } as const;
export const LOCALS = { 'local.get': 32, 'local.set': 33, 'local.tee': 34 } as const;

/** The type of a block without result. */
const NO_RESULT = 0x40;

type WriteImmediate = (w: ByteWriter, x: never, align: number) => void;
const memory = (w: ByteWriter, offset: number, align: number): void => {
  w.unsigned(align);
  w.unsigned(offset);
};
const IMMEDIATES: Readonly<Record<ImmediateKind, WriteImmediate>> = {
  none: () => undefined,
  i32: (w, x) => w.signed32(x),
  i64: (w, x) => w.signed64(x),
  f32: (w, x) => w.float('f32', x),
  f64: (w, x) => w.float('f64', x),
  lane: (w, x) => w.byte(x),
  bytes: (w, x) => w.bytes(x),
  memory,
  memoryLane: (w, x, align) => {
    memory(w, x, align);
    w.byte(0);
  },
};

export class FunctionBuilder {
  private readonly code = new ByteWriter();
  private readonly params: number;
  private readonly locals: ValType[] = [];
  private readonly free: Record<ValType, number[]> = { i32: [], i64: [], f32: [], f64: [], v128: [] };

  constructor(params: number) {
    this.params = params;
  }

  /** A local of this type that nothing else uses until it is released. */
  allocate(type: ValType): number {
    return this.free[type].pop() ?? this.dedicated(type);
  }

  /** A local that was never used before: holds 0 until it is set. */
  dedicated(type: ValType): number {
    return this.params + this.locals.push(type) - 1;
  }

  release(local: number): void {
    this.free[this.locals[local - this.params]].push(local);
  }

  op(name: InstructionName, immediate: Immediate = null): void {
    const row: Instruction = INSTRUCTIONS[name];
    if (row.prefix === 0) this.code.byte(row.code);
    else this.indexed(row.prefix, row.code);
    IMMEDIATES[row.immediate](this.code, immediate as never, row.align);
  }

  readonly select = (): void => this.code.byte(CONTROL.select);
  readonly get = (local: number): void => this.indexed(LOCALS['local.get'], local);
  readonly set = (local: number): void => this.indexed(LOCALS['local.set'], local);
  readonly tee = (local: number): void => this.indexed(LOCALS['local.tee'], local);
  readonly call = (index: number): void => this.indexed(CONTROL.call, index);

  /** Leaves `depth` enclosing blocks (0: the innermost), or repeats where that one is a loop. */
  readonly branch = (depth: number): void => this.indexed(CONTROL.br, depth);
  /** Likewise, when the i32 on the stack is not zero. */
  readonly branchIf = (depth: number): void => this.indexed(CONTROL.br_if, depth);

  /** Runs `body` between the opening and `end`. */
  readonly block = (body: () => void): void => this.nested(CONTROL.block, body);
  readonly loop = (body: () => void): void => this.nested(CONTROL.loop, body);

  /** Takes an i32 condition from the stack. */
  if(then: () => void, otherwise: (() => void) | null = null): void {
    this.nested(CONTROL.if, () => {
      then();
      if (!otherwise) return;
      this.code.byte(CONTROL.else);
      otherwise();
    });
  }

  /** The instruction on these locals. */
  on(name: InstructionName, ...locals: readonly number[]): void {
    for (const local of locals) this.get(local);
    this.op(name);
  }

  /** Adds a constant to what is on the stack. */
  add(type: 'i32' | 'i64', by: number | bigint): void {
    this.op(`${type}.const`, by);
    this.op(`${type}.add`);
  }

  increase(local: number, type: 'i32' | 'i64', by: number | bigint): void {
    this.get(local);
    this.add(type, by);
    this.set(local);
  }

  finish(): FunctionCode {
    return { locals: this.locals, body: this.code.view().slice() };
  }

  private indexed(opcode: number, index: number): void {
    this.code.byte(opcode);
    this.code.unsigned(index);
  }

  private nested(opcode: number, body: () => void): void {
    this.code.byte(opcode);
    this.code.byte(NO_RESULT);
    body();
    this.code.byte(CONTROL.end);
  }
}
