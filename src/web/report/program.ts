// The report on a program: plain data that is also what `explain --json` prints. In: the tile program of a segment and a
// device. Out: kernels, why each is so, and what is called in order over which tensors; the text and the page beside
// this file read nothing else. Here, so that a browser can have it too.

import { type Expr, isLoad } from '../../3-tile/expr.ts';
import { walkExpr } from '../../3-tile/rewrite.ts';
import type { RunTask } from '../../3-tile/statements.ts';
import { type Kernel, stmtExprs, type Task, walkStmts } from '../../3-tile/task.ts';
import { owner, type TileTensor } from '../../3-tile/tensor.ts';
import type { TileOp, TileProgram } from '../../3-tile/tile-op.ts';
import { type Made, schedule } from '../../4-schedule/schedule.ts';
import type { Joint, Way } from '../../4-schedule/welder/weld.ts';
import type { Measured } from '../../backends/measure.ts';
import type { Device } from '../../devices/device.ts';
import { bytesOf } from '../../ir/tensor.ts';
import { lowering } from '../../lowering.ts';
import { type JoinTried, joinTried, type KernelWhy, whyOf } from './why.ts';

export interface KernelReport {
  /** `kN` and the operators in it. */
  readonly kernel: string;
  readonly calls: number;
  readonly statements: number;
  /** Element types and shapes, as of the first call. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Sizes of all arguments of all calls. */
  readonly bytes: number;
  /** Null where no tile graph became this kernel. */
  readonly why: KernelWhy | null;
}

export interface TensorReport {
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  readonly role: 'input' | 'output' | 'constant' | 'temp';
}

/** One call of a kernel; numbers are positions in the lists of kernels and tensors. */
export interface CallReport {
  readonly kernel: number;
  /** Loops and branches around the call, outer first. */
  readonly within: readonly ('loop' | 'branch')[];
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

/** One segment of a model, scheduled. */
export interface ProgramReport {
  readonly kernels: readonly KernelReport[];
  readonly calls: number;
  readonly arenaBytes: number;
  readonly constantBytes: number;
  readonly tensors: readonly TensorReport[];
  /** The calls in the order of the program, those in loops and branches once. */
  readonly order: readonly CallReport[];
}

export type Sums = Readonly<{ together: number; apart: number }>;

/** Bytes or estimated cycles of all calls, beside those of the same operators apart. */
export function sumsOf({ kernels }: ProgramReport, what: 'bytes' | 'cycles'): Sums {
  const sum = (side: keyof Sums): number => kernels.reduce((n, k) => n + k.calls * (k.why?.[what][side] ?? 0), 0);
  return { together: sum('together'), apart: sum('apart') };
}

const typeOf = (t: TileTensor): string => `${t.dtype}[${t.shape.join(',')}]`;

/** How many statements a kernel has; per parameter whether one stores it, and whether one loads it. */
function bodyOf({ body, params }: Kernel) {
  const writes = new Set<TileTensor>();
  const roots: Expr[] = [];
  let statements = 0;
  walkStmts(body, (s) => {
    statements++;
    if (s.kind === 'store') writes.add(s.tensor);
    roots.push(...stmtExprs(s));
  });
  const reads = new Set([...walkExpr(...roots)].filter(isLoad).map((e) => e.arg));
  return { statements, stores: params.map((p) => writes.has(p)), loads: params.map((p) => reads.has(p)) };
}

function kernelReport(kernel: Kernel, runs: readonly RunTask[]): Omit<KernelReport, 'why'> {
  const own = runs.filter((r) => r.kernel === kernel);
  const { statements, stores } = bodyOf(kernel);
  const args = own[0]?.args ?? [];
  const side = (isWrite: boolean): string[] => args.filter((_, i) => stores[i] === isWrite).map(typeOf);
  return {
    kernel: `k${kernel.id} ${kernel.name}`,
    calls: own.length,
    statements,
    reads: side(false),
    writes: side(true),
    bytes: own.reduce((n, r) => n + r.args.reduce((m, t) => m + bytesOf(t), 0), 0),
  };
}

type Placed = { readonly run: RunTask; readonly within: CallReport['within'] };

/** The calls in the order of the program. */
function placed(tasks: readonly Task[]): Placed[] {
  const found: Placed[] = [];
  const stack = tasks.map((task) => ({ task, within: [] as CallReport['within'] })).reverse();
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { task, within } = next;
    if (task.kind === 'run') found.push({ run: task, within });
    else {
      const inner = task.kind === 'loop' ? task.tasks : [...task.then, ...task.else];
      stack.push(...inner.map((t) => ({ task: t, within: [...within, task.kind] })).reverse());
    }
  }
  return found;
}

/** What is called in order over which tensors; views are what they are of. */
function dataFlow(kernels: readonly Kernel[], calls: readonly Placed[], { inputs, outputs }: TileProgram) {
  const visible = new Map([...outputs.map((t) => [t, 'output'] as const), ...inputs.map((t) => [t, 'input'] as const)]);
  const roles = new Map([...visible].map(([t, role]) => [owner(t), role]));
  const ids = new Map<TileTensor, number>();
  for (const t of [...roles.keys(), ...calls.flatMap(({ run }) => run.args.map(owner))]) {
    if (!ids.has(t)) ids.set(t, ids.size);
  }
  const tensors = [...ids.keys()].map((t) => {
    const role = t.data ? ('constant' as const) : (roles.get(t) ?? ('temp' as const));
    return { name: t.name, type: typeOf(t), bytes: bytesOf(t), role };
  });
  const bodies = new Map(kernels.map((k) => [k, bodyOf(k)]));
  const order = calls.map(({ run: { kernel, args }, within }) => {
    const { loads, stores } = bodies.get(kernel)!;
    const side = (used: readonly boolean[]): number[] =>
      [...new Set(args.filter((_, i) => used[i]).map(owner))].map((t) => ids.get(t)!);
    return { kernel: kernel.id, within, reads: side(loads), writes: side(stores) };
  });
  return { tensors, order };
}

/** The report of one segment for a device, and what was measured there. */
export function explained(tiles: TileProgram, device: Device, measured?: Measured): ProgramReport {
  const why = new Map<Kernel, KernelWhy>();
  const tried = new Map<TileOp, JoinTried>();
  const join = (joint: Joint): Way => {
    const found = joinTried(joint, measured);
    for (const op of joint.ops) tried.set(op, found);
    return found.taken;
  };
  const made = (kernel: Kernel, how: Made): unknown =>
    why.set(kernel, whyOf(how, device, measured?.timesOf, tried.get(how.graph.ops[0])));
  const program = schedule(tiles, { device, lower: lowering, made, ...measured?.taking, join });
  const calls = program.lanes.flatMap(placed);
  const runs = calls.map((c) => c.run);
  const { arenaBytes, constantBytes } = program.plan;
  const kernels = program.kernels.map((k) => ({ ...kernelReport(k, runs), why: why.get(k) ?? null }));
  const flow = dataFlow(program.kernels, calls, tiles);
  return { kernels, calls: runs.length, arenaBytes, constantBytes, ...flow };
}
