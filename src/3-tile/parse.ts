// Reads the text that print.ts writes. In: text, and the contents of constants that the text leaves
// out. Out: a tile program, kernel or task program equal in structure to the one printed; names of
// axes and locals are those of the text. Refuses with USAGE and the line number.
import { type Axis, type ComputeType, type Expr, type Local, newAxis, newLocal } from './expr.ts';
import { type Line, parseScalar, Scope } from './parse-expr.ts';
import { type DataSource, Reader } from './parse-reader.ts';
import type { Kernel, MemoryPlan, Placement, Task, TaskProgram } from './task.ts';
import type { TileTensor } from './tensor.ts';
import type {
  BranchStep,
  Check,
  LoopStep,
  Monoid,
  Reduction,
  Routine,
  Step,
  Stmt,
  TileOp,
  TileProgram,
} from './tile-op.ts';

/** `i0:4 i1:8`, up to `]` or `|`. */
function parseAxes(l: Line, r: Reader, role: Axis['role']): Axis[] {
  const axes: Axis[] = [];
  while (l.peek.kind === 'word') {
    const name = l.take('word');
    l.expect(':');
    const axis = newAxis(name, l.integer(), role);
    r.scope.axes.set(name, axis);
    axes.push(axis);
  }
  return axes;
}

function parseOp(r: Reader): TileOp {
  const head = r.open('op');
  const name = head.string();
  head.expect('[');
  const axes = parseAxes(head, r, 'spatial');
  const reduceAxes = head.skip('|') ? parseAxes(head, r, 'reduce') : null;
  head.expect(']');
  r.parts();
  const parts = new Map(r.scope.parts);
  const fold = reduceAxes ? parseMonoid(r) : null;
  let reduce: Reduction | null = null;
  if (reduceAxes && fold) {
    for (const [k, e] of parts) r.scope.parts.set(k, e);
    reduce = { axes: reduceAxes, monoid: fold, elems: r.exprs(r.open('elem')) };
  }
  const { tensor, at, value } = parseStore(r);
  return { kind: 'op', name, axes, reduce, write: tensor, at, value };
}

function parseMonoid(r: Reader): Monoid {
  const head = r.open('fold');
  const name = head.string();
  head.expect('from');
  const init = [parseScalar(head)];
  while (head.skip(',')) init.push(parseScalar(head));
  r.parts();
  const combine = r.exprs(r.open('combine'));
  r.parts();
  const merge = r.first === 'merge' ? r.exprs(r.open('merge')) : null;
  return { name, state: init.map((s): ComputeType => s.dtype), init: init.map((s) => s.value), combine, merge };
}

/** `%n[at] = value`. */
function parseStore(r: Reader): { tensor: TileTensor; at: Expr[]; value: Expr } {
  const l = r.line();
  const tensor = r.tensor(l);
  l.expect('[');
  const at = l.list(']', () => r.expr(l));
  l.expect('=');
  return { tensor, at, value: r.expr(l) };
}

function parseLocals(r: Reader): void {
  while (r.first === 'local') {
    const l = r.open('local');
    const name = l.take('word');
    const [dtype, lanes] = l.take('type').slice(1).split('x');
    r.scope.locals.set(name, newLocal(name, dtype as ComputeType, Number(lanes ?? 1)));
  }
}

function parseBody(r: Reader): Stmt[] {
  parseLocals(r);
  return parseStmts(r);
}

function parseStmts(r: Reader): Stmt[] {
  const body: Stmt[] = [];
  while (r.first !== 'end' && r.first !== 'else') {
    r.parts();
    body.push(parseStmt(r));
  }
  return body;
}

function parseStmt(r: Reader): Stmt {
  if (r.first.startsWith('%')) return { kind: 'store', ...parseStore(r) };
  const l = r.line();
  const word = l.take('word');
  switch (word) {
    case 'for':
      return parseFor(l, r);
    case 'while': {
      const cond = r.expr(l);
      const body = r.nested(l, () => parseStmts(r));
      r.close();
      return { kind: 'while', cond, body };
    }
    case 'if': {
      const cond = r.expr(l);
      const then = r.nested(l, () => parseStmts(r));
      const otherwise = r.first === 'else' && r.line() ? r.nested(l, () => parseStmts(r)) : [];
      r.close();
      return { kind: 'if', cond, then, else: otherwise };
    }
    default: {
      const local = r.scope.locals.get(word) ?? l.fail(`${word} is not declared`);
      l.expect('=');
      return { kind: 'set', local, value: r.expr(l) };
    }
  }
}

function parseFor(l: Line, r: Reader): Stmt {
  const name = l.take('word');
  const known: Local | undefined = r.scope.locals.get(name);
  const index = known ?? newLocal(name, 'i32');
  l.expect('=');
  const from = r.expr(l);
  l.expect('to');
  const to = r.expr(l);
  const step = l.skip('step') ? l.integer() : 1;
  r.scope.locals.set(name, index);
  const body = r.nested(l, () => parseStmts(r));
  r.close();
  return { kind: 'for', index, from, to, step, body };
}

function parseRoutine(r: Reader): Routine {
  const name = r.open('routine').string();
  const reads = r.tensors(r.open('reads'));
  const writes = r.tensors(r.open('writes'));
  const body = parseBody(r);
  r.close();
  return { kind: 'routine', name, reads, writes, body };
}

function parseLoop(r: Reader): LoopStep {
  const head = r.open('loop');
  const name = head.string();
  const trip = r.tensorOrNone(r.open('trip'));
  const counter = r.tensor(r.open('counter'));
  const triple = (l: Line): LoopStep['carried'][number] => ({
    init: r.tensor(l),
    state: r.tensor(l),
    next: r.tensor(l),
  });
  const cond = r.first === 'cond' ? triple(r.open('cond')) : null;
  const carried: LoopStep['carried'][number][] = [];
  while (r.first === 'carry') carried.push(triple(r.open('carry')));
  const steps = r.nested(head, () => parseSteps(r));
  r.close();
  return { kind: 'loop', name, trip, cond, counter, carried, steps };
}

function parseBranch(r: Reader): BranchStep {
  const head = r.open('branch');
  const name = head.string();
  const cond = r.tensor(head);
  const then = r.nested(head, () => parseSteps(r));
  r.open('else');
  const otherwise = r.nested(head, () => parseSteps(r));
  r.close();
  return { kind: 'branch', name, cond, then, else: otherwise };
}

const STEPS: ReadonlyMap<string, (r: Reader) => Step> = new Map<string, (r: Reader) => Step>([
  ['op', parseOp],
  ['routine', parseRoutine],
  ['loop', parseLoop],
  ['branch', parseBranch],
]);

function parseSteps(r: Reader): Step[] {
  const steps: Step[] = [];
  for (let f = STEPS.get(r.first); f; f = STEPS.get(r.first)) steps.push(f(r));
  return steps;
}

function parseChecks(r: Reader): Check[] {
  const checks: Check[] = [];
  while (r.first === 'check') {
    const l = r.open('check');
    checks.push({ ok: r.tensor(l), message: l.string(), node: l.string(), op: l.string() });
  }
  return checks;
}

const NO_DATA: DataSource = () => undefined;

/** What `printProgram` wrote. */
export function parseProgram(text: string, data: DataSource = NO_DATA): TileProgram {
  const r = new Reader(text, data);
  r.open('program');
  r.declarations();
  const inputs = r.tensors(r.open('inputs'));
  const steps = parseSteps(r);
  const checks = parseChecks(r);
  return { inputs, outputs: r.tensors(r.open('outputs')), steps, checks };
}

function readKernel(r: Reader, id: number): Kernel {
  const outer = r.scope;
  r.scope = new Scope();
  const name = r.open('kernel').string();
  const params: TileTensor[] = [];
  while (r.declares) params.push(r.declaration());
  const body = parseBody(r);
  r.close();
  r.scope = outer;
  return { id, name, params, body };
}

/** What `printKernel` wrote. */
export function parseKernel(text: string): Kernel {
  return readKernel(new Reader(text, NO_DATA), 0);
}

function parseTasks(r: Reader, kernels: readonly Kernel[]): Task[] {
  const tasks: Task[] = [];
  while (r.first === 'run' || r.first === 'loop' || r.first === 'branch') {
    const l = r.line();
    const kind = l.take('word');
    if (kind === 'run') {
      const kernel = kernels[l.integer()] ?? l.fail('there is no such kernel');
      tasks.push({ kind, kernel, args: r.tensors(l) });
    } else if (kind === 'loop') {
      const [trip, cond, counter] = [r.tensorOrNone(l), r.tensorOrNone(l), r.tensor(l)];
      tasks.push({ kind, trip, cond, counter, tasks: r.nested(l, () => parseTasks(r, kernels)) });
      r.close();
    } else {
      const cond = r.tensor(l);
      const then = r.nested(l, () => parseTasks(r, kernels));
      r.open('else');
      tasks.push({ kind: 'branch', cond, then, else: r.nested(l, () => parseTasks(r, kernels)) });
      r.close();
    }
  }
  return tasks;
}

function parsePlan(r: Reader): MemoryPlan {
  const l = r.open('plan');
  l.expect('constants');
  const constantBytes = l.integer();
  l.expect('arena');
  const arenaBytes = l.integer();
  const places = new Map<TileTensor, Placement>();
  while (r.first === 'place') {
    const p = r.open('place');
    const t = r.tensor(p);
    places.set(t, { space: p.take('word') as Placement['space'], offset: p.integer(), bytes: p.integer() });
  }
  return { constantBytes, arenaBytes, places };
}

/** What `printTaskProgram` wrote. */
export function parseTaskProgram(text: string, data: DataSource = NO_DATA): TaskProgram {
  const r = new Reader(text, data);
  r.open('tasks');
  r.declarations();
  const kernels: Kernel[] = [];
  while (r.first === 'kernel') kernels.push(readKernel(r, kernels.length));
  const inputs = r.tensors(r.open('inputs'));
  const constants = r.tensors(r.open('constants'));
  const lanes: Task[][] = [];
  while (r.first === 'lane') {
    r.line();
    lanes.push(parseTasks(r, kernels));
    r.close();
  }
  const plan = parsePlan(r);
  const checks = parseChecks(r);
  return { kernels, lanes, plan, inputs, outputs: r.tensors(r.open('outputs')), constants, checks };
}
