// The oracle: plain-loop meaning of tile programs, routines, kernels and task programs. In: a program and feeds. Out:
// result tensors. Slow and obvious; with `wide`, f32 arithmetic is done in f64 and rounded only when stored.
import { dtypeInfo } from '../ir/dtype.ts';
import { elementCount, elements, emptyTensor, rowMajorStrides, type Scalar, type TensorData } from '../ir/tensor.ts';
import { entryOf } from '../support/collections.ts';
import { invariant, TilewrightError } from '../support/errors.ts';
import type { Axis, Expr, Local } from './expr.ts';
import { dotScalar } from './semantics.ts';
import { type Cells, Tape, type TapeEnv, type Val } from './tape.ts';
import { type LoopTask, stmtExprs, type Task, type TaskProgram } from './task.ts';
import { owner, type TileTensor } from './tensor.ts';
import type { Check, Contraction, LoopStep, Product, Reduction, Step, Stmt, TileOp, TileProgram } from './tile-op.ts';
import { PRODUCTS } from './tile-op.ts';

/** Bytes of every tensor, allocated on first use. */
class Memory implements TapeEnv {
  readonly wide: boolean;
  private readonly bytes = new Map<TileTensor, Uint8Array>();
  private readonly access = new Map<TileTensor, Cells>();
  /** Kernel parameters resolve through the innermost call. */
  bindings: ReadonlyMap<TileTensor, TileTensor> | null = null;

  constructor(wide: boolean) {
    this.wide = wide;
  }

  buffer(t: TileTensor): Uint8Array {
    const o = owner(t);
    return entryOf(this.bytes, o, () => (o.data ?? emptyTensor(o.dtype, o.shape)).bytes);
  }

  cells(formal: TileTensor): Cells {
    const t = this.bindings?.get(formal) ?? formal;
    let c = this.access.get(t);
    if (!c) this.access.set(t, (c = typedCells(t, this.buffer(t))));
    return c;
  }

  feed(t: TileTensor, data: TensorData): void {
    this.bytes.set(owner(t), data.bytes.slice());
  }

  read(t: TileTensor): TensorData {
    return { dtype: t.dtype, shape: t.shape, bytes: this.buffer(t).slice() };
  }
}

function typedCells(t: TileTensor, b: Uint8Array): Cells {
  if (t.dtype === 'f32' && b.byteOffset % 4 === 0) {
    const f = new Float32Array(b.buffer, b.byteOffset, b.byteLength / 4);
    const set = (i: number, v: Scalar): unknown => (f[i] = v as number);
    return { get: (i) => f[i], set };
  }
  const access = elements(t.dtype, b);
  const { bits, kind } = dtypeInfo(t.dtype);
  if ((kind !== 'int' && kind !== 'uint') || bits >= 8) return access;
  // Sub-byte integers live in bytes: stores wrap to their width.
  const wrap = kind === 'int' ? BigInt.asIntN : BigInt.asUintN;
  return { get: access.get, set: (i, v) => access.set(i, Number(wrap(bits, BigInt(v)))) };
}

/** Memory where each of `tensors` holds its data. */
function fed(tensors: readonly TileTensor[], data: readonly TensorData[], wide = false): Memory {
  const memory = new Memory(wide);
  for (const [i, t] of tensors.entries()) memory.feed(t, data[i]);
  return memory;
}

/** Runs a program on feeds in input order; throws RUNTIME_CHECK when a check fails. */
export function interpret(program: TileProgram, feeds: readonly TensorData[], wide = false): TensorData[] {
  const memory = fed(program.inputs, feeds, wide);
  runAll(program.steps, memory);
  return finish(program.outputs, program.checks, memory);
}

function finish(outputs: readonly TileTensor[], checks: readonly Check[], memory: Memory): TensorData[] {
  for (const { ok, message, node, op } of checks) {
    if (!memory.cells(ok).get(0)) throw new TilewrightError('RUNTIME_CHECK', message, { node, op });
  }
  return outputs.map((t) => memory.read(t));
}

/** Steps before scheduling, or tasks after it. */
function runAll(list: readonly (Step | Task)[], memory: Memory): void {
  for (const s of list) {
    if (s.kind === 'op') runOp(s, memory);
    else if (s.kind === 'routine') new StmtRunner(memory).run(s.body);
    else if (s.kind === 'run') {
      memory.bindings = new Map(s.kernel.params.map((p, i) => [p, s.args[i]]));
      new StmtRunner(memory).run(s.kernel.body);
      memory.bindings = null;
    } else if (s.kind === 'branch') runAll(memory.cells(s.cond).get(0) ? s.then : s.else, memory);
    else if ('tasks' in s) repeat(s, memory, () => runAll(s.tasks, memory));
    else runLoopStep(s, memory);
  }
}

function runOp(op: TileOp, memory: Memory): void {
  const reduceAxes = op.reduce?.axes ?? [];
  const axes = [...op.axes, ...reduceAxes];
  const depth = (leaf: unknown): number =>
    typeof leaf === 'string' ? (leaf === 'load' ? 0 : axes.length + 1) : axes.indexOf(leaf as never) + 1;
  const elems = op.reduce?.elems ?? [];
  const tape = new Tape([...op.at, op.value, ...elems], memory, depth);
  const fold = op.reduce && folding(op.reduce, tape, op.axes.length, memory);
  const store = storing(op.write, op.at.length, memory);
  tape.run(0);
  loopOver(op.axes, 0, tape, () => {
    for (const [i, s] of (fold?.() ?? []).entries()) tape.set(`acc${i}`, s);
    if (fold) tape.run(axes.length + 1);
    const at = op.at.map((e) => tape.value(e));
    store(at, tape.value(op.value));
  });
}

/** Folds the elements at the point where the tape is; gives the state. */
function folding({ axes, monoid, elems }: Reduction, tape: Tape, outer: number, memory: Memory): () => Val[] {
  const combine = new Tape(monoid.combine, memory, () => 1);
  combine.run(0);
  return () => {
    let state: Val[] = [...monoid.init];
    loopOver(axes, outer, tape, () => {
      for (let i = 0; i < state.length; i++) combine.set(`acc${i}`, state[i]);
      for (let i = 0; i < elems.length; i++) combine.set(`elem${i}`, tape.value(elems[i]));
      combine.run(1);
      state = monoid.combine.map((e) => combine.value(e));
    });
    return state;
  };
}

/** Stores a value, of one or several lanes, at indices (one per dimension, or one of the element). */
function storing(t: TileTensor, rank: number, memory: Memory): (at: readonly Val[], value: Val) => void {
  const strides = rank === 1 ? [1] : rowMajorStrides(t.shape);
  const count = elementCount(t.shape);
  return (at, value) => {
    let flat = 0;
    for (let d = 0; d < rank; d++) flat += (at[d] as number) * strides[d];
    const lanes = Array.isArray(value) ? value : [value];
    invariant(flat >= 0 && flat + lanes.length <= count, `store to ${t.name} out of range: ${flat} of ${count}`);
    const cells = memory.cells(t);
    for (let i = 0; i < lanes.length; i++) cells.set(flat + i, lanes[i]);
  };
}

/** Visits all points of the axes in order; the tape's level of the k-th is `outer + k + 1`. */
function loopOver(axes: readonly Axis[], outer: number, tape: Tape, body: () => void): void {
  if (axes.some((a) => a.extent <= 0)) return;
  const ix = new Array<number>(axes.length).fill(0);
  for (let k = 0; ; ) {
    for (; k < axes.length; k++) {
      tape.set(axes[k], ix[k]);
      tape.run(outer + k + 1);
    }
    body();
    k = axes.length - 1;
    while (k >= 0 && ++ix[k] >= axes[k].extent) ix[k--] = 0;
    if (k < 0) return;
  }
}

/** Interprets loop statements; one tape per expression-bearing statement. */
class StmtRunner {
  private readonly locals = new Map<Local, Val>();
  private readonly tapes = new Map<Stmt, Tape>();
  /** The contraction whose body runs. */
  private around: (Contraction & { readonly sums: number[][] }) | null = null;
  private readonly memory: Memory;

  constructor(memory: Memory) {
    this.memory = memory;
  }

  run(body: readonly Stmt[]): void {
    for (const s of body) this.runOne(s);
  }

  private evaluate(s: Stmt): Val[] {
    const roots = stmtExprs(s);
    const tape = entryOf(this.tapes, s, () => new Tape(roots, this.memory, () => 0));
    for (const [local, v] of this.locals) tape.set(local, v);
    tape.run(0);
    return roots.map((e) => tape.value(e));
  }

  private runOne(s: Stmt): void {
    if (s.kind === 'fetch') return;
    const values = this.evaluate(s);
    if (s.kind === 'set') this.locals.set(s.local, values[0]);
    else if (s.kind === 'store') storing(s.tensor, s.at.length, this.memory)(values, values[s.at.length]);
    else if (s.kind === 'if') this.run(values[0] ? s.then : s.else);
    else if (s.kind === 'multiply') this.multiply(s, this.tapes.get(s)!);
    else if (s.kind === 'contract') this.contract(s, values);
    else if (s.kind === 'while') for (let go = values[0]; go; go = this.evaluate(s)[0]) this.run(s.body);
    else {
      for (let i = values[0] as number; i < (values[1] as number); i += s.step) {
        this.locals.set(s.index, i);
        this.run(s.body);
      }
    }
  }

  private contract(s: Contraction, [at]: readonly Val[]): void {
    const sums = Array.from({ length: s.rows }, () => new Array<number>(s.columns).fill(0));
    this.around = { ...s, sums };
    this.run(s.body);
    const put = storing(s.tensor, 1, this.memory);
    for (const [i, row] of sums.entries()) put([(at as number) + i * s.stride], row);
  }

  private multiply({ form, left, leftStride, right, rightStride }: Product, tape: Tape): void {
    const word = (e: Expr, behind: number): number =>
      this.memory.cells(e.arg as TileTensor).get((tape.value(e.src[0]) as number) + behind) as number;
    const { depth, columns, sums } = this.around!;
    const dot = PRODUCTS[form];
    for (const [i, row] of sums.entries()) {
      for (let at = 0; at < columns * depth; at++) {
        const [k, j] = [at % depth, Math.floor(at / depth)];
        const [l, r] = [word(left, i * leftStride + k), word(right, k * rightStride + j)];
        row[j] = form === 'su' ? dotScalar(dot, r, l, row[j]) : dotScalar(dot, l, r, row[j]);
      }
    }
  }
}

/** Runs `body` while the count and the condition last. */
function repeat({ trip, cond, counter }: Omit<LoopTask, 'kind' | 'tasks'>, memory: Memory, body: () => void): void {
  const count = trip ? (memory.cells(trip).get(0) as bigint) : null;
  for (let i = 0n; count === null || i < count; i++) {
    if (cond && !memory.cells(cond).get(0)) return;
    memory.cells(counter).set(0, i);
    body();
  }
}

function runLoopStep(step: LoopStep, memory: Memory): void {
  const pairs = [...step.carried, ...(step.cond ? [step.cond] : [])];
  const copyAll = (from: 'init' | 'next'): void => {
    const saved = pairs.map((p) => memory.buffer(p[from]).slice());
    for (const [i, p] of pairs.entries()) memory.buffer(p.state).set(saved[i]);
  };
  copyAll('init');
  repeat({ ...step, cond: step.cond?.state ?? null }, memory, () => {
    runAll(step.steps, memory);
    copyAll('next');
  });
}

/** Runs a scheduled program: its kernels' statements, loops and branches, in lane order. */
export function interpretTasks(program: TaskProgram, feeds: readonly TensorData[], wide = false): TensorData[] {
  const memory = fed(program.inputs, feeds, wide);
  for (const lane of program.lanes) runAll(lane, memory);
  return finish(program.outputs, program.checks, memory);
}
