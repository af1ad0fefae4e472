// One function under construction: instructions appended to a byte buffer, locals handed out and
// taken back by type. Control flow is written with the few named methods at the end.
import { ByteWriter } from './bytes.ts';
import { blockType, type FunctionCode, type ValType } from './encoder.ts';
import { INSTRUCTIONS, type Instruction, type InstructionName } from './instructions.ts';

/** Number: i32, f32 and f64 constants, lanes, offsets. Array: the sixteen bytes of a vector. */
export type Immediate = number | bigint | readonly number[] | null;

const OPCODE = {
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  call: 0x10,
  select: 0x1b,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
} as const;

export class FunctionBuilder {
  readonly code = new ByteWriter();
  private readonly params: number;
  private readonly locals: ValType[] = [];
  private readonly free = new Map<ValType, number[]>();

  constructor(params: number) {
    this.params = params;
  }

  /** A local of this type that nothing else uses until it is released. */
  allocate(type: ValType): number {
    return this.free.get(type)?.pop() ?? this.dedicated(type);
  }

  /** A local that was never used before: holds 0 until it is set. */
  dedicated(type: ValType): number {
    this.locals.push(type);
    return this.params + this.locals.length - 1;
  }

  release(local: number): void {
    const type = this.locals[local - this.params];
    const list = this.free.get(type);
    if (list) list.push(local);
    else this.free.set(type, [local]);
  }

  op(name: InstructionName, immediate: Immediate = null, lane = 0): void {
    const row: Instruction = INSTRUCTIONS[name];
    if (row.prefix !== 0) {
      this.code.byte(row.prefix);
      this.code.unsigned(row.code);
    } else this.code.byte(row.code);
    writeImmediate(this.code, row, immediate, lane);
  }

  select(): void {
    this.code.byte(OPCODE.select);
  }

  get(local: number): void {
    this.indexed(OPCODE.get, local);
  }

  set(local: number): void {
    this.indexed(OPCODE.set, local);
  }

  tee(local: number): void {
    this.indexed(OPCODE.tee, local);
  }

  call(index: number): void {
    this.indexed(OPCODE.call, index);
  }

  /** Runs `body` between `block` and `end`. */
  block(body: () => void): void {
    this.nested(OPCODE.block, body);
  }

  loop(body: () => void): void {
    this.nested(OPCODE.loop, body);
  }

  /** Takes an i32 condition from the stack. */
  if(then: () => void, otherwise: (() => void) | null = null): void {
    this.nested(OPCODE.if, () => {
      then();
      if (!otherwise) return;
      this.code.byte(OPCODE.else);
      otherwise();
    });
  }

  /** Leaves `depth` enclosing blocks (0: the innermost), or repeats where that one is a loop. */
  branch(depth: number): void {
    this.indexed(OPCODE.br, depth);
  }

  /** Likewise, when the i32 on the stack is not zero. */
  branchIf(depth: number): void {
    this.indexed(OPCODE.brIf, depth);
  }

  finish(): FunctionCode {
    return { locals: this.locals, body: this.code.copy() };
  }

  private indexed(opcode: number, index: number): void {
    this.code.byte(opcode);
    this.code.unsigned(index);
  }

  private nested(opcode: number, body: () => void): void {
    this.code.byte(opcode);
    this.code.byte(blockType(null));
    body();
    this.code.byte(OPCODE.end);
  }
}

function writeImmediate(w: ByteWriter, row: Instruction, immediate: Immediate, lane: number): void {
  switch (row.immediate) {
    case 'none':
      break;
    case 'i32':
      w.signed32(immediate as number);
      break;
    case 'i64':
      w.signed64(immediate as bigint);
      break;
    case 'f32':
      w.float32(immediate as number);
      break;
    case 'f64':
      w.float64(immediate as number);
      break;
    case 'lane':
      w.byte(immediate as number);
      break;
    case 'bytes':
      w.bytes(immediate as readonly number[]);
      break;
    case 'memory':
    case 'memoryLane':
      w.unsigned(row.align);
      w.unsigned(immediate as number);
      if (row.immediate === 'memoryLane') w.byte(lane);
  }
}
