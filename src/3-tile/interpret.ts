// The oracle: plain-loop meaning of tile programs, routines, kernels and task programs. In: a
// program and feeds. Out: result tensors. Slow and obvious; with `wide`, f32 arithmetic is done in
// f64 and rounded only when stored.
import { dtypeInfo } from '../ir/dtype.ts';
import { elementCount, elements, rowMajorStrides, type Scalar, type TensorData } from '../ir/tensor.ts';
import { invariant, TilewrightError } from '../support/errors.ts';
import type { Expr, Local } from './expr.ts';
import { type Cells, Tape, type TapeEnv, type Val } from './tape.ts';
import type { Kernel, Task, TaskProgram } from './task.ts';
import { owner, type TileTensor } from './tensor.ts';
import type { BranchStep, Check, LoopStep, Step, Stmt, TileOp, TileProgram } from './tile-op.ts';

export interface InterpretOptions {
  /** Compute f32 in f64, rounding at stores only. */
  readonly wide?: boolean;
  /** Called after each step of the top level, for comparing intermediates. */
  readonly onStep?: (step: Step, read: (t: TileTensor) => TensorData) => void;
}

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
    let b = this.bytes.get(o);
    if (!b) {
      b = o.data ? o.data.bytes : new Uint8Array(elementCount(o.shape) * dtypeInfo(o.dtype).bytes);
      this.bytes.set(o, b);
    }
    return b;
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

  copy(from: TileTensor, to: TileTensor): void {
    this.buffer(to).set(this.buffer(from));
  }
}

function typedCells(t: TileTensor, b: Uint8Array): Cells {
  if (t.dtype === 'f32' && b.byteOffset % 4 === 0) {
    const f = new Float32Array(b.buffer, b.byteOffset, b.byteLength / 4);
    return {
      get: (i) => f[i],
      set: (i, v) => {
        f[i] = v as number;
      },
    };
  }
  const access = elements(t.dtype, b);
  const kind = dtypeInfo(t.dtype).kind;
  if ((kind === 'int' || kind === 'uint') && dtypeInfo(t.dtype).bits < 8) return narrowCells(t, access);
  return access;
}

/** Sub-byte integers live in bytes: stores wrap to their width. */
function narrowCells(t: TileTensor, access: Cells): Cells {
  const { bits, kind } = dtypeInfo(t.dtype);
  const wrap = (v: Scalar): number => {
    const m = Number(v) & ((1 << bits) - 1);
    return kind === 'int' && m >= 1 << (bits - 1) ? m - (1 << bits) : m;
  };
  return { get: access.get, set: (i, v) => access.set(i, wrap(v)) };
}

/** Runs a program on feeds in input order; throws RUNTIME_CHECK when a check fails. */
export function interpret(
  program: TileProgram,
  feeds: readonly TensorData[],
  options: InterpretOptions = {},
): TensorData[] {
  const memory = new Memory(options.wide ?? false);
  program.inputs.forEach((t, i) => {
    memory.feed(t, feeds[i]);
  });
  for (const step of program.steps) {
    runStep(step, memory);
    options.onStep?.(step, (t) => memory.read(t));
  }
  return finish(program.outputs, program.checks, memory);
}

function finish(outputs: readonly TileTensor[], checks: readonly Check[], memory: Memory): TensorData[] {
  for (const c of checks) {
    if (!memory.cells(c.ok).get(0)) {
      throw new TilewrightError('RUNTIME_CHECK', c.message, { node: c.node, op: c.op });
    }
  }
  return outputs.map((t) => memory.read(t));
}

function runStep(step: Step, memory: Memory): void {
  switch (step.kind) {
    case 'op':
      return runOp(step, memory);
    case 'routine':
      return new StmtRunner(step.body, memory).run();
    case 'loop':
      return runLoop(step, memory);
    case 'branch':
      return runBranch(step, memory);
  }
}

function runOp(op: TileOp, memory: Memory): void {
  const reduceAxes = op.reduce?.axes ?? [];
  const axes = [...op.axes, ...reduceAxes];
  const inner = axes.length;
  const depth = (leaf: unknown): number =>
    typeof leaf === 'string' ? (leaf === 'load' ? 0 : inner + 1) : axes.indexOf(leaf as never) + 1;
  const elemRoots = op.reduce?.elems ?? [];
  const tape = new Tape([...op.at, op.value, ...elemRoots], memory, depth);
  const combine = op.reduce ? new Tape(op.reduce.monoid.combine, memory, () => 1) : null;
  const strides = rowMajorStrides(op.write.shape);
  const cells = memory.cells(op.write);
  const count = elementCount(op.write.shape);
  const fold = (): Val[] => {
    const monoid = op.reduce!.monoid;
    let state: Val[] = [...monoid.init];
    loopOver(
      reduceAxes.map((a) => a.extent),
      (k, i) => {
        tape.set(reduceAxes[k], i);
        tape.run(op.axes.length + k + 1);
      },
      () => {
        state.forEach((s, i) => {
          combine!.set(`acc${i}`, s);
        });
        elemRoots.forEach((e, i) => {
          combine!.set(`elem${i}`, tape.value(e));
        });
        combine!.run(0);
        combine!.run(1);
        state = monoid.combine.map((e) => combine!.value(e));
      },
    );
    return state;
  };
  tape.run(0);
  loopOver(
    op.axes.map((a) => a.extent),
    (k, i) => {
      tape.set(op.axes[k], i);
      tape.run(k + 1);
    },
    () => {
      if (op.reduce) {
        fold().forEach((s, i) => {
          tape.set(`acc${i}`, s);
        });
        tape.run(inner + 1);
      }
      let flat = 0;
      op.at.forEach((e, d) => {
        flat += (tape.value(e) as number) * strides[d];
      });
      invariant(flat >= 0 && flat < count, `store to ${op.write.name} out of range: ${flat} of ${count}`);
      cells.set(flat, tape.value(op.value) as Scalar);
    },
  );
}

/** Visits all index tuples in order; `enter(k, i)` is called when index k changes to i. */
function loopOver(extents: readonly number[], enter: (k: number, i: number) => void, body: () => void): void {
  if (extents.some((e) => e <= 0)) return;
  const ix = new Array<number>(extents.length).fill(0);
  for (let k = 0; k < extents.length; k++) enter(k, 0);
  for (;;) {
    body();
    let k = extents.length - 1;
    while (k >= 0 && ++ix[k] >= extents[k]) ix[k--] = 0;
    if (k < 0) return;
    for (; k < extents.length; k++) enter(k, ix[k]);
  }
}

/** Interprets loop statements; one tape per expression-bearing statement. */
class StmtRunner {
  private readonly locals = new Map<Local, Val>();
  private readonly tapes = new Map<Stmt, Tape>();
  private readonly body: readonly Stmt[];
  private readonly memory: Memory;

  constructor(body: readonly Stmt[], memory: Memory) {
    this.body = body;
    this.memory = memory;
  }

  run(): void {
    this.runAll(this.body);
  }

  private evaluate(s: Stmt, roots: readonly Expr[]): Val[] {
    let tape = this.tapes.get(s);
    if (!tape) this.tapes.set(s, (tape = new Tape(roots, this.memory, () => 0)));
    for (const [local, v] of this.locals) tape.set(local, v);
    tape.run(0);
    return roots.map((e) => tape.value(e));
  }

  private runAll(body: readonly Stmt[]): void {
    for (const s of body) this.runOne(s);
  }

  private runOne(s: Stmt): void {
    switch (s.kind) {
      case 'set': {
        this.locals.set(s.local, this.evaluate(s, [s.value])[0]);
        return;
      }
      case 'store':
        return this.store(s);
      case 'if':
        return this.runAll(this.evaluate(s, [s.cond])[0] ? s.then : s.else);
      case 'while': {
        while (this.evaluate(s, [s.cond])[0]) this.runAll(s.body);
        return;
      }
      case 'for': {
        const [from, to] = this.evaluate(s, [s.from, s.to]) as number[];
        for (let i = from; i < to; i += s.step) {
          this.locals.set(s.index, i);
          this.runAll(s.body);
        }
      }
    }
  }

  private store(s: Stmt & { kind: 'store' }): void {
    const vals = this.evaluate(s, [...s.at, s.value]);
    const strides = s.at.length === 1 ? [1] : rowMajorStrides(s.tensor.shape);
    let flat = 0;
    s.at.forEach((_, d) => {
      flat += (vals[d] as number) * strides[d];
    });
    const value = vals[vals.length - 1];
    const cells = this.memory.cells(s.tensor);
    const lanes = Array.isArray(value) ? value : [value];
    const count = elementCount(s.tensor.shape);
    invariant(flat >= 0 && flat + lanes.length <= count, `store to ${s.tensor.name} out of range: ${flat} of ${count}`);
    lanes.forEach((v, i) => {
      cells.set(flat + i, v);
    });
  }
}

function runLoop(step: LoopStep, memory: Memory): void {
  const pairs = [...step.carried, ...(step.cond ? [step.cond] : [])];
  const copyAll = (from: 'init' | 'next'): void => {
    const saved = pairs.map((p) => memory.buffer(p[from]).slice());
    pairs.forEach((p, i) => {
      memory.buffer(p.state).set(saved[i]);
    });
  };
  copyAll('init');
  const trip = step.trip ? (memory.cells(step.trip).get(0) as bigint) : null;
  for (let i = 0n; trip === null || i < trip; i++) {
    if (step.cond && !memory.cells(step.cond.state).get(0)) return;
    memory.cells(step.counter).set(0, i);
    for (const s of step.steps) runStep(s, memory);
    copyAll('next');
  }
}

function runBranch(step: BranchStep, memory: Memory): void {
  for (const s of memory.cells(step.cond).get(0) ? step.then : step.else) runStep(s, memory);
}

/** Runs a scheduled program: its kernels' statements, loops and branches, in lane order. */
export function interpretTasks(
  program: TaskProgram,
  feeds: readonly TensorData[],
  options: InterpretOptions = {},
): TensorData[] {
  const memory = new Memory(options.wide ?? false);
  program.inputs.forEach((t, i) => {
    memory.feed(t, feeds[i]);
  });
  for (const lane of program.lanes) runTasks(lane, memory);
  return finish(program.outputs, program.checks, memory);
}

/** Runs one kernel on tensors given by value; returns the contents of every argument after the call. */
export function interpretKernel(kernel: Kernel, args: readonly TensorData[]): TensorData[] {
  const memory = new Memory(false);
  kernel.params.forEach((t, i) => {
    memory.feed(t, args[i]);
  });
  new StmtRunner(kernel.body, memory).run();
  return kernel.params.map((t) => memory.read(t));
}

function runTasks(tasks: readonly Task[], memory: Memory): void {
  for (const task of tasks) {
    switch (task.kind) {
      case 'run': {
        memory.bindings = new Map(task.kernel.params.map((p, i) => [p, task.args[i]]));
        new StmtRunner(task.kernel.body, memory).run();
        memory.bindings = null;
        break;
      }
      case 'branch': {
        runTasks(memory.cells(task.cond).get(0) ? task.then : task.else, memory);
        break;
      }
      case 'loop': {
        const trip = task.trip ? (memory.cells(task.trip).get(0) as bigint) : null;
        for (let i = 0n; trip === null || i < trip; i++) {
          if (task.cond && !memory.cells(task.cond).get(0)) break;
          memory.cells(task.counter).set(0, i);
          runTasks(task.tasks, memory);
        }
      }
    }
  }
}
