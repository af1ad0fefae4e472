// Legality of tile programs, kernels and task programs, as a list of problems; INTERNAL, as an illegal program
// is a bug of ours. Coverage is counted: a tensor with fewer writes than elements before it is read is a problem.
import { bytesOf, elementCount } from '../ir/tensor.ts';
import { invariant } from '../support/errors.ts';
import { type Axis, type ComputeType, computeType, type Expr, isLoad } from './expr.ts';
import { walkExpr } from './rewrite.ts';
import { runsOf } from './statements.ts';
import type { Kernel, Task, TaskProgram } from './task.ts';
import { owner, type TileTensor } from './tensor.ts';
import type { BranchStep, LoopStep, Reduction, Routine, Step, TileOp, TileProgram } from './tile-op.ts';
import { BodyVerifier, ExprVerifier, type Problem, Report, type Where } from './verify-expr.ts';

export type { Problem };

/** Elements written so far, per owner; `repeated`: uncounted, because a loop may write them again. */
type Written = { readonly counts: Map<TileTensor, number>; readonly repeated: boolean };
const after = ({ counts }: Written, repeated: boolean): Written => ({ counts: new Map(counts), repeated });

function readableIn(written: Written): Where['readable'] {
  return (t) => {
    const o = owner(t);
    if (o.role === 'input' || o.data || elementCount(o.shape) === 0) return undefined;
    const count = written.counts.get(o);
    if (count === undefined) return `of ${t.name} reads what nothing has written`;
    return count < elementCount(o.shape) ? `of ${t.name} reads what is not fully written` : undefined;
  };
}

function noteWrite(t: TileTensor, points: number, written: Written, report: Report): void {
  const o = owner(t);
  report.require(o.role !== 'input' && !o.data, `writes ${o.role} ${t.name}`);
  written.counts.set(o, (written.counts.get(o) ?? 0) + (written.repeated ? Infinity : points));
}

function verifyOp(op: TileOp, written: Written, report: Report): void {
  const axes = new Set<Axis>(op.axes);
  const spatial = op.axes.every((a) => a.role === 'spatial');
  report.require(spatial, 'has a reduce axis among its spatial axes');
  const readable = readableIn(written);
  const state = op.reduce?.monoid.state ?? [];
  if (op.reduce) verifyReduction(op.reduce, axes, readable, report);
  const point = new ExprVerifier({ axes, readable, acc: state }, report.add);
  point.check(...op.at, op.value);
  report.require(op.value.dtype === computeType(op.write.dtype), `stores ${op.value.dtype} to ${op.write.dtype}`);
  const indices = op.at.length === op.write.shape.length && op.at.every((e) => e.dtype === 'i32');
  report.require(indices, 'writes with other than one i32 index per dimension');
  if (indices) point.bounds(op.write, op.at, `write to ${op.write.name}`);
  const used = new Set(walkExpr(...op.at).flatMap((e) => (e.op === 'axis' ? [e.arg] : [])));
  for (const a of op.axes) report.require(used.has(a) || a.extent <= 1, `writes one element for several ${a.name}`);
  const points = op.axes.reduce((n, a) => n * a.extent, 1);
  noteWrite(op.write, points, written, report);
}

function verifyReduction(r: Reduction, spatial: Iterable<Axis>, readable: Where['readable'], report: Report): void {
  const { axes, monoid, elems } = r;
  const reducing = axes.every((a) => a.role === 'reduce');
  report.require(reducing, 'folds over a spatial axis');
  new ExprVerifier({ axes: new Set([...spatial, ...axes]), readable }, report.add).check(...elems);
  const types = elems.map((e) => e.dtype);
  const combined = (list: readonly Expr[], elem: readonly ComputeType[], name: string): void => {
    new ExprVerifier({ acc: monoid.state, elem, readable }, report.add).check(...list);
    const fits = list.length === monoid.state.length && list.every((e, i) => e.dtype === monoid.state[i]);
    report.require(fits, `${name} of ${monoid.name} does not give its state`);
    report.require(!walkExpr(...list).some(isLoad), `${name} of ${monoid.name} loads`);
  };
  report.require(monoid.init.length === monoid.state.length, `init of ${monoid.name} does not give its state`);
  combined(monoid.combine, types, 'combine');
  if (monoid.merge) combined(monoid.merge, monoid.state, 'merge');
}

function verifyRoutine(r: Routine, written: Written, report: Report): void {
  const outside = readableIn(written);
  const declared = new Set([...r.reads, ...r.writes].map(owner));
  const writes = new Set(r.writes);
  const own = new Set(r.writes.map(owner));
  const readable = (t: TileTensor): string | undefined => {
    if (!declared.has(owner(t))) return `of ${t.name} reads an undeclared tensor`;
    return own.has(owner(t)) ? undefined : outside(t);
  };
  new BodyVerifier(report, { readable }, writes).run(r.body);
  for (const t of r.writes) noteWrite(t, Infinity, written, report);
}

const sameType = (a: TileTensor, b: TileTensor): boolean =>
  a.dtype === b.dtype && elementCount(a.shape) === elementCount(b.shape);
const isScalar = (t: TileTensor, dtype: string): boolean => t.dtype === dtype && elementCount(t.shape) === 1;

function verifyLoop(s: LoopStep, written: Written, report: Report, depth: number): void {
  const readable = readableIn(written);
  const pairs = [...s.carried, ...(s.cond ? [s.cond] : [])];
  const read = (t: TileTensor, what: string, can = readable): void => {
    const problem = can(t);
    if (problem) report.add(`${what} ${problem}`);
  };
  report.require(!s.trip || isScalar(s.trip, 'i64'), 'has a trip count that is not a scalar i64');
  report.require(isScalar(s.counter, 'i64'), 'has a counter that is not a scalar i64');
  report.require(!s.cond || isScalar(s.cond.state, 'bool'), 'has a condition that is not a scalar bool');
  if (s.trip) read(s.trip, 'trip');
  for (const p of pairs) {
    const same = sameType(p.init, p.state) && sameType(p.next, p.state);
    report.require(same, `carries ${p.state.name} between different types`);
    read(p.init, 'init');
    noteWrite(p.state, Infinity, written, report);
  }
  noteWrite(s.counter, Infinity, written, report);
  const inside = after(written, true);
  verifySteps(s.steps, inside, report, depth + 1);
  for (const p of pairs) read(p.next, 'next', readableIn(inside));
  for (const [t, n] of inside.counts) written.counts.set(t, n);
}

function verifyBranch(s: BranchStep, written: Written, report: Report, depth: number): void {
  const sides = [s.then, s.else].map((steps) => {
    const copy = after(written, written.repeated);
    verifySteps(steps, copy, report, depth + 1);
    return copy;
  });
  for (const [t, n] of sides[0].counts) {
    const other = sides[1].counts.get(t);
    if (other !== undefined) written.counts.set(t, Math.min(n, other));
  }
}

const MAX_DEPTH = 200;

function verifySteps(steps: readonly Step[], written: Written, report: Report, depth: number): void {
  report.require(depth < MAX_DEPTH, 'nests too deep');
  if (depth >= MAX_DEPTH) return;
  const outer = report.place;
  for (const [i, s] of steps.entries()) {
    report.place = `${outer}${s.kind} ${i} ${s.name}`;
    verifyStep(s, written, report, depth);
  }
  report.place = outer;
}

function verifyStep(s: Step, written: Written, report: Report, depth: number): void {
  if (s.kind === 'op') verifyOp(s, written, report);
  if (s.kind === 'routine') verifyRoutine(s, written, report);
  if (s.kind === 'op' || s.kind === 'routine') return;
  if (s.kind === 'branch') report.require(isScalar(s.cond, 'bool'), 'branches on what is not a scalar bool');
  report.place += ' / ';
  if (s.kind === 'loop') verifyLoop(s, written, report, depth);
  else verifyBranch(s, written, report, depth);
}

/** What is illegal in a program before scheduling. */
export function programProblems(p: TileProgram): readonly Problem[] {
  const report = new Report();
  const written: Written = { counts: new Map(), repeated: false };
  verifySteps(p.steps, written, report, 0);
  const readable = readableIn(written);
  report.place = 'outputs';
  for (const t of p.outputs) report.require(readable(t) === undefined, `output ${readable(t)}`);
  report.place = 'checks';
  for (const c of p.checks) report.require(isScalar(c.ok, 'bool'), `"${c.message}" is not a scalar bool`);
  return report.problems;
}

/** What is illegal in a kernel: flat indices, parameters only, no scalar functions. */
export function kernelProblems(k: Kernel): readonly Problem[] {
  const report = new Report();
  report.place = `kernel ${k.name}`;
  const params = new Set(k.params);
  report.require(params.size === k.params.length, 'has the same parameter twice');
  const readable = (t: TileTensor): string | undefined =>
    params.has(t) ? undefined : `of ${t.name} reads what is not a parameter`;
  new BodyVerifier(report, { lowered: true, readable }, params).run(k.body);
  return report.problems;
}

function verifyTasks(tasks: readonly Task[], p: TaskProgram, report: Report): void {
  for (const { kernel, args } of runsOf(tasks)) {
    const { params, name } = kernel;
    report.require(p.kernels.includes(kernel), `runs kernel ${name}, which the program does not list`);
    report.require(params.length === args.length, `calls ${name} with ${args.length} tensors for ${params.length}`);
    args.forEach((a, i) => {
      const same = params[i] && sameType(a, params[i]);
      report.require(same, `calls ${name} with ${a.name} for a parameter of another type`);
      report.require(p.plan.places.has(owner(a)), `calls ${name} with ${a.name}, which has no place`);
    });
  }
}

function verifyPlan({ plan, outputs, inputs, constants }: TaskProgram, report: Report): void {
  for (const t of [...inputs, ...outputs, ...constants])
    report.require(plan.places.has(owner(t)), `${t.name} has no place`);
  for (const [t, p] of plan.places) {
    const limit = p.space === 'arena' ? plan.arenaBytes : plan.constantBytes;
    report.require(p.offset % 64 === 0 && p.offset >= 0, `${t.name} is not aligned`);
    report.require(p.offset + p.bytes <= limit, `${t.name} ends beyond the ${p.space}`);
    report.require(p.bytes >= bytesOf(t), `${t.name} does not fit its place`);
  }
}

/** What is illegal in a scheduled program. */
export function taskProblems(p: TaskProgram): readonly Problem[] {
  const report = new Report();
  report.problems.push(...p.kernels.flatMap(kernelProblems));
  report.place = 'plan';
  verifyPlan(p, report);
  p.lanes.forEach((lane, i) => {
    report.place = `lane ${i}`;
    verifyTasks(lane, p, report);
  });
  return report.problems;
}

function refuse(what: string, problems: readonly Problem[]): void {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  invariant(!first, `illegal ${what}: ${first?.place}: ${first?.what}${more}`);
}

/** Throws INTERNAL unless the program is legal. */
export const verifyProgram = (p: TileProgram): void => refuse('tile program', programProblems(p));
export const verifyTaskProgram = (p: TaskProgram): void => refuse('task program', taskProblems(p));
