// Text of tile programs, kernels and task programs: one block per step, tensors declared first. In: a
// program. Out: text that parse.ts reads back to an equal program; names are numbers in order of first
// occurrence, so equal programs have equal text. Contents of large constants are not part of it.

import { dtypeInfo } from '../ir/dtype.ts';
import { elementCount, type Scalar, tensorValues } from '../ir/tensor.ts';
import { computeType, type Expr, type Local } from './expr.ts';
import { Names, printExprs, quoted, scalarText, typeText } from './print-expr.ts';
import { walkExpr } from './rewrite.ts';
import { type Kernel, stmtExprs, type Task, type TaskProgram, walkStmts } from './task.ts';
import type { TileTensor } from './tensor.ts';
import type { BranchStep, Check, LoopStep, Reduction, Routine, Step, Stmt, TileOp, TileProgram } from './tile-op.ts';

/** Constants of up to this many elements are written out. */
export const MAX_WRITTEN = 32;

/** Lines with indentation. */
class Writer {
  readonly names = new Names();
  private readonly lines: string[] = [];
  private depth = 0;

  line(text: string): void {
    this.lines.push('  '.repeat(this.depth) + text);
  }
  block(head: string, body: () => void): void {
    this.line(head);
    this.inside(body);
  }
  inside(body: () => void): void {
    this.depth++;
    body();
    this.depth--;
  }
  /** Texts of expressions after the lines of their shared parts. */
  exprs(...roots: readonly Expr[]): readonly string[] {
    const { parts, texts } = printExprs(roots, this.names);
    for (const p of parts) this.line(p);
    return texts;
  }
  tensors(ts: readonly (TileTensor | null)[]): string {
    return ts.map((t) => (t ? this.names.tensor(t) : 'none')).join(' ');
  }
  text(): string {
    return `${this.lines.join('\n')}\n`;
  }
  prepend(lines: readonly string[]): void {
    this.lines.unshift(...lines);
  }
}

function writtenData(t: TileTensor): string {
  if (!t.data) return '';
  const { kind } = dtypeInfo(t.dtype);
  if (kind === 'complex' || kind === 'string' || elementCount(t.shape) > MAX_WRITTEN) return ' = data';
  const values = tensorValues(t.data).map((v: Scalar) => scalarText(computeType(t.dtype), v));
  return ` = { ${values.join(', ')} }`;
}

/** `%1 = temp f32[2, 3] "name"`; views say of what, constants what is in them. */
function declaration(t: TileTensor, names: Names): string {
  const view = t.base ? ` of ${names.tensor(t.base)}` : '';
  const type = `${t.dtype}[${t.shape.join(', ')}]`;
  return `${names.tensor(t)} = ${t.role} ${type}${view} ${quoted(t.name)}${writtenData(t)}`;
}

function declarations(names: Names): string[] {
  return [...names.allTensors()].map(([t]) => declaration(t, names));
}

const indexed = (w: Writer, t: TileTensor, at: readonly string[]): string => `${w.names.tensor(t)}[${at.join(', ')}]`;

function printOp(op: TileOp, w: Writer): void {
  w.names.restartAxes();
  const axes = (list: TileOp['axes']): string => list.map((a) => `${w.names.axis(a)}:${a.extent}`).join(' ');
  const reduce = op.reduce ? ` | ${axes(op.reduce.axes)}` : '';
  w.block(`op ${quoted(op.name)} [${axes(op.axes)}${reduce}]`, () => {
    const elems = op.reduce?.elems ?? [];
    const texts = w.exprs(...elems, ...op.at, op.value);
    if (op.reduce) printReduction(op.reduce, texts.slice(0, elems.length), w);
    const at = texts.slice(elems.length, -1);
    w.line(`${indexed(w, op.write, at)} = ${texts[texts.length - 1]}`);
  });
}

function printReduction({ monoid }: Reduction, elems: readonly string[], w: Writer): void {
  const init = monoid.init.map((v, i) => scalarText(monoid.state[i], v)).join(', ');
  w.block(`fold ${quoted(monoid.name)} from ${init}`, () => {
    w.line(`combine ${w.exprs(...monoid.combine).join(', ')}`);
    if (monoid.merge) w.line(`merge ${w.exprs(...monoid.merge).join(', ')}`);
  });
  w.line(`elem ${elems.join(', ')}`);
}

/** Locals that no loop declares, in order of first occurrence. */
function declaredLocals(body: readonly Stmt[]): Local[] {
  const indices = new Set<Local>();
  const found = new Set<Local>();
  walkStmts(body, (s) => {
    if (s.kind === 'for') indices.add(s.index);
    for (const e of walkExpr(...stmtExprs(s))) if (e.op === 'local') found.add(e.arg);
    if (s.kind === 'set') found.add(s.local);
  });
  return [...found].filter((l) => !indices.has(l));
}

function printBody(body: readonly Stmt[], w: Writer): void {
  for (const l of declaredLocals(body)) w.line(`local ${w.names.local(l)}:${typeText(l.dtype, l.lanes)}`);
  printStmts(body, w);
}

function printStmts(body: readonly Stmt[], w: Writer): void {
  for (const s of body) printStmt(s, w);
}

function printStmt(s: Stmt, w: Writer): void {
  const texts = w.exprs(...stmtExprs(s));
  switch (s.kind) {
    case 'set':
      w.line(`${w.names.local(s.local)} = ${texts[0]}`);
      return;
    case 'store':
      w.line(`${indexed(w, s.tensor, texts.slice(0, -1))} = ${texts[texts.length - 1]}`);
      return;
    case 'for': {
      const step = s.step === 1 ? '' : ` step ${s.step}`;
      w.block(`for ${w.names.local(s.index)} = ${texts[0]} to ${texts[1]}${step}`, () => printStmts(s.body, w));
      break;
    }
    case 'while':
      w.block(`while ${texts[0]}`, () => printStmts(s.body, w));
      break;
    case 'if':
      w.block(`if ${texts[0]}`, () => printStmts(s.then, w));
      if (s.else.length > 0) w.block('else', () => printStmts(s.else, w));
      break;
  }
  w.line('end');
}

function printRoutine(r: Routine, w: Writer): void {
  w.block(`routine ${quoted(r.name)}`, () => {
    w.line(`reads ${w.tensors(r.reads)}`.trimEnd());
    w.line(`writes ${w.tensors(r.writes)}`.trimEnd());
    printBody(r.body, w);
  });
  w.line('end');
}

function printLoop(s: LoopStep, w: Writer): void {
  w.block(`loop ${quoted(s.name)}`, () => {
    w.line(`trip ${w.tensors([s.trip])}`);
    w.line(`counter ${w.tensors([s.counter])}`);
    if (s.cond) w.line(`cond ${w.tensors([s.cond.init, s.cond.state, s.cond.next])}`);
    for (const c of s.carried) w.line(`carry ${w.tensors([c.init, c.state, c.next])}`);
    printSteps(s.steps, w);
  });
  w.line('end');
}

function printBranch(s: BranchStep, w: Writer): void {
  w.block(`branch ${quoted(s.name)} ${w.tensors([s.cond])}`, () => printSteps(s.then, w));
  w.block('else', () => printSteps(s.else, w));
  w.line('end');
}

function printSteps(steps: readonly Step[], w: Writer): void {
  for (const s of steps) {
    switch (s.kind) {
      case 'op':
        printOp(s, w);
        break;
      case 'routine':
        printRoutine(s, w);
        break;
      case 'loop':
        printLoop(s, w);
        break;
      case 'branch':
        printBranch(s, w);
        break;
    }
  }
}

function printChecks(checks: readonly Check[], w: Writer): void {
  for (const c of checks) {
    w.line(`check ${w.tensors([c.ok])} ${JSON.stringify(c.message)} ${quoted(c.node)} ${quoted(c.op)}`);
  }
}

/** A program before scheduling. */
export function printProgram(p: TileProgram): string {
  const w = new Writer();
  const head = [`inputs ${w.tensors(p.inputs)}`.trimEnd()];
  printSteps(p.steps, w);
  printChecks(p.checks, w);
  w.line(`outputs ${w.tensors(p.outputs)}`.trimEnd());
  w.prepend(['program', ...declarations(w.names), ...head]);
  return w.text();
}

/** One step, without declarations: for messages and reports. */
export function printStep(step: Step): string {
  const w = new Writer();
  printSteps([step], w);
  return w.text();
}

/** A kernel; equal kernels have equal text but for the name. */
export function printKernel(k: Kernel): string {
  const w = new Writer();
  const params = k.params.map((t) => declaration(t, w.names));
  w.block(`kernel ${quoted(k.name)}`, () => {
    for (const p of params) w.line(p);
    printBody(k.body, w);
  });
  w.line('end');
  return w.text();
}

function printTasks(tasks: readonly Task[], kernels: ReadonlyMap<Kernel, number>, w: Writer): void {
  for (const t of tasks) {
    switch (t.kind) {
      case 'run':
        w.line(`run ${kernels.get(t.kernel)} ${w.tensors(t.args)}`.trimEnd());
        break;
      case 'loop': {
        w.block(`loop ${w.tensors([t.trip, t.cond, t.counter])}`, () => printTasks(t.tasks, kernels, w));
        w.line('end');
        break;
      }
      case 'branch': {
        w.block(`branch ${w.tensors([t.cond])}`, () => printTasks(t.then, kernels, w));
        w.block('else', () => printTasks(t.else, kernels, w));
        w.line('end');
        break;
      }
    }
  }
}

/** A scheduled program: kernels, lanes of tasks, places of tensors. */
export function printTaskProgram(p: TaskProgram): string {
  const w = new Writer();
  const kernels = new Map(p.kernels.map((k, i) => [k, i]));
  const head = [`inputs ${w.tensors(p.inputs)}`.trimEnd(), `constants ${w.tensors(p.constants)}`.trimEnd()];
  for (const lane of p.lanes) {
    w.block('lane', () => printTasks(lane, kernels, w));
    w.line('end');
  }
  w.line(`plan constants ${p.plan.constantBytes} arena ${p.plan.arenaBytes}`);
  for (const [t, place] of p.plan.places) {
    w.line(`place ${w.tensors([t])} ${place.space} ${place.offset} ${place.bytes}`);
  }
  printChecks(p.checks, w);
  w.line(`outputs ${w.tensors(p.outputs)}`.trimEnd());
  const texts = p.kernels.flatMap((k) => printKernel(k).trimEnd().split('\n'));
  w.prepend(['tasks', ...declarations(w.names), ...texts, ...head]);
  return w.text();
}
