// The text of tile programs, kernels and task programs, once for writing and reading: one function per
// construct says what stands where. In: a `Text` that writes what it is given (print.ts) or reads what
// it gives back (parse.ts), and the construct when writing. Out: the construct.
import type { Scalar } from '../ir/tensor.ts';
import type { Axis, ComputeType, Expr, Local } from './expr.ts';
import { walkExpr } from './rewrite.ts';
import { type Kernel, type Placement, stmtExprs, type Task, type TaskProgram, walkStmts } from './task.ts';
import type { TileTensor } from './tensor.ts';
import type { Carried, Check, Monoid, Step, Stmt, TileOp, TileProgram } from './tile-op.ts';

/**
 * Text being written or read. `lead` is the text before a thing, with the spaces that writing puts
 * there. When reading, values to write are undefined; when writing, they are given back.
 */
export interface Text {
  mark(text: string): void;
  quoted(lead: string, name?: string): string;
  integer(lead: string, n?: number): number;
  word<W extends string>(lead: string, word?: W): W;
  scalar(lead: string, value?: TypedScalar): TypedScalar;
  expr(lead: string, e?: Expr): Expr;
  tensor(lead: string, t?: TileTensor): TileTensor;
  /** With its extent; it replaces axes of the same name. */
  axis(lead: string, role: Axis['role'], a?: Axis): Axis;
  /** One that is declared, a declaration with its type, or a loop's index. */
  local(lead: string, form: 'known' | 'typed' | 'index', l?: Local): Local;
  /** Whether an optional part that begins with this word is there; it is not consumed. */
  has(word: string, there?: boolean): boolean;
  /** Items as long as the next word, empty at the end of a line, and its second begin one. */
  many<T>(items: readonly T[] | undefined, begins: Begins, each: (item?: T) => T): T[];
  /** Items between commas, up to a bracket or the end of the line. */
  commas<T>(items: readonly T[] | undefined, each: (item?: T) => T): T[];
  line<T>(body: () => T): T;
  /** Lines one level deeper. */
  block<T>(body: () => T): T;
  /** The lines of the parts that these expressions share, then `body`, which has the expressions. */
  share<T>(roots: readonly Expr[] | undefined, body: () => T): T;
  /** `body` with names of its own. */
  scope<T>(body: () => T): T;
  restartAxes(): void;
  declaration(t?: TileTensor): TileTensor;
  /** Declarations of all tensors that the text names. */
  declarations(): void;
  fail(what: string): never;
}

type Begins = (word: string, second: string) => boolean;
export type TypedScalar = { readonly dtype: ComputeType; readonly value: Scalar };

const is = (word: string) => (next: string) => next === word;
const isDeclaration: Begins = (next, second) => isTensor(next) && second === '=';
const isTensor = (next: string): boolean => next.startsWith('%');
const keyword = (io: Text, word: string): void => io.line(() => io.mark(word));

function exprs(io: Text, lead: string, list?: readonly Expr[] | null): Expr[] {
  io.mark(lead);
  return io.commas(list ?? undefined, (e) => io.expr('', e));
}

function ended<T>(io: Text, body: () => T): T {
  const result = io.block(body);
  keyword(io, 'end');
  return result;
}

function otherwise<T>(io: Text, body: () => T): T {
  keyword(io, 'else');
  return ended(io, body);
}

function tensors(io: Text, word: string, ts?: readonly TileTensor[]): TileTensor[] {
  io.mark(word);
  return io.many(ts, isTensor, (t) => io.tensor(' ', t));
}
const tensorLine: typeof tensors = (io, word, ts) => io.line(() => tensors(io, word, ts));

function optionalTensor(io: Text, lead: string, t?: TileTensor | null): TileTensor | null {
  io.mark(lead);
  if (!io.has('none', t === null)) return io.tensor('', t ?? undefined);
  io.mark('none');
  return null;
}

type Store = Pick<Stmt & { kind: 'store' }, 'tensor' | 'at' | 'value'>;

/** `%n[at] = value`. */
function storing(io: Text, s?: Store): Store {
  return io.line(() => {
    const tensor = io.tensor('', s?.tensor);
    return { tensor, at: exprs(io, '[', s?.at), value: io.expr('] = ', s?.value) };
  });
}

type Forms<T extends { kind: string }> = { readonly [K in T['kind']]: (io: Text, x?: T & { kind: K }) => T };

/** Constructs of several kinds, each beginning with its kind. */
function anyOf<T extends { kind: string }>(io: Text, forms: Forms<T>, list?: readonly T[]): T[] {
  const kinds = Object.keys(forms) as T['kind'][];
  const kindOf = (x?: T): T['kind'] => x?.kind ?? kinds.find((k) => io.has(k))!;
  return io.many(
    list,
    (next) => kinds.includes(next),
    (x) => forms[kindOf(x)](io, x as never),
  );
}

const STATEMENTS: Forms<Stmt> = {
  store: (io, s) => ({ kind: 'store', ...storing(io, s) }),
  set: (io, s) =>
    io.line(() => ({ kind: 'set', local: io.local('', 'known', s?.local), value: io.expr(' = ', s?.value) })),
  for: (io, s) => {
    const head = io.line(() => ({
      index: io.local('for ', 'index', s?.index),
      from: io.expr(' = ', s?.from),
      to: io.expr(' to ', s?.to),
      step: io.has('step', s?.step !== 1) ? io.integer(' step ', s?.step) : 1,
    }));
    return { kind: 'for', ...head, body: ended(io, () => statements(io, s?.body)) };
  },
  while: (io, s) => {
    const cond = io.line(() => io.expr('while ', s?.cond));
    return { kind: 'while', cond, body: ended(io, () => statements(io, s?.body)) };
  },
  if: (io, s) => {
    const cond = io.line(() => io.expr('if ', s?.cond));
    const then = io.block(() => statements(io, s?.then));
    const two = io.has('else', s && s.else.length > 0);
    if (two) keyword(io, 'else');
    return { kind: 'if', cond, then, else: ended(io, () => (two ? statements(io, s?.else) : [])) };
  },
};

function statement(io: Text, s?: Stmt): Stmt {
  return io.share(s && stmtExprs(s), () => {
    const kinds = ['for', 'while', 'if'] as const;
    const kind = s?.kind ?? kinds.find((k) => io.has(k)) ?? (io.has('%') ? 'store' : 'set');
    return STATEMENTS[kind](io, s as never);
  });
}

function statements(io: Text, body?: readonly Stmt[]): Stmt[] {
  return io.many(
    body,
    (next) => next !== '' && next !== 'end' && next !== 'else',
    (s) => statement(io, s),
  );
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

function bodyOf(io: Text, body?: readonly Stmt[]): Stmt[] {
  io.many(body && declaredLocals(body), is('local'), (l) => io.line(() => io.local('local ', 'typed', l)));
  return statements(io, body);
}

function monoid(io: Text, m?: Monoid): Monoid {
  const list = (word: string, es?: readonly Expr[] | null): Expr[] =>
    io.share(es ?? undefined, () => io.line(() => exprs(io, `${word} `, es)));
  const { name, init } = io.line(() => {
    const name = io.quoted('fold ', m?.name);
    io.mark(' from ');
    const typed = m?.init.map((value, i): TypedScalar => ({ dtype: m.state[i], value }));
    return { name, init: io.commas(typed, (s) => io.scalar('', s)) };
  });
  return io.block(() => {
    const combine = list('combine', m?.combine);
    const merge = io.has('merge', m && m.merge !== null) ? list('merge', m?.merge) : null;
    return { name, state: init.map((s) => s.dtype), init: init.map((s) => s.value), combine, merge };
  });
}

function tileOp(io: Text, op?: TileOp): TileOp {
  io.restartAxes();
  const isName = (next: string): boolean => /^\w/.test(next);
  const axes = (role: Axis['role'], list?: readonly Axis[]): Axis[] =>
    io.many(list, isName, (a) => io.axis(list && a !== list[0] ? ' ' : '', role, a));
  const head = io.line(() => {
    const name = io.quoted('op ', op?.name);
    io.mark(' [');
    const spatial = axes('spatial', op?.axes);
    const folds = io.has('|', op && op.reduce !== null);
    if (folds) io.mark(' | ');
    const reduced = folds ? axes('reduce', op?.reduce?.axes) : null;
    io.mark(']');
    return { name, spatial, reduced };
  });
  return io.block(() =>
    io.share(op && [...(op.reduce?.elems ?? []), ...op.at, op.value], () => {
      const fold = head.reduced && { axes: head.reduced, monoid: monoid(io, op?.reduce?.monoid) };
      const elems = (): Expr[] => io.line(() => exprs(io, 'elem ', op?.reduce?.elems));
      const reduce = fold && { ...fold, elems: elems() };
      const { tensor, at, value } = storing(io, op && { tensor: op.write, at: op.at, value: op.value });
      return { kind: 'op', name: head.name, axes: head.spatial, reduce, write: tensor, at, value };
    }),
  );
}

function triple(io: Text, word: string, c?: Carried | null): Carried {
  return io.line(() => ({
    init: io.tensor(`${word} `, c?.init),
    state: io.tensor(' ', c?.state),
    next: io.tensor(' ', c?.next),
  }));
}

const STEPS: Forms<Step> = {
  op: tileOp,
  routine: (io, r) => {
    const name = io.line(() => io.quoted('routine ', r?.name));
    return ended(io, () => ({
      kind: 'routine',
      name,
      reads: tensorLine(io, 'reads', r?.reads),
      writes: tensorLine(io, 'writes', r?.writes),
      body: bodyOf(io, r?.body),
    }));
  },
  loop: (io, s) => {
    const name = io.line(() => io.quoted('loop ', s?.name));
    return ended(io, () => ({
      kind: 'loop',
      name,
      trip: io.line(() => optionalTensor(io, 'trip ', s?.trip)),
      counter: io.line(() => io.tensor('counter ', s?.counter)),
      cond: io.has('cond', s && s.cond !== null) ? triple(io, 'cond', s?.cond) : null,
      carried: io.many(s?.carried, is('carry'), (c) => triple(io, 'carry', c)),
      steps: steps(io, s?.steps),
    }));
  },
  branch: (io, s) => {
    const head = io.line(() => ({ name: io.quoted('branch ', s?.name), cond: io.tensor(' ', s?.cond) }));
    const then = io.block(() => steps(io, s?.then));
    return { kind: 'branch', ...head, then, else: otherwise(io, () => steps(io, s?.else)) };
  },
};

const steps = (io: Text, list?: readonly Step[]): Step[] => anyOf(io, STEPS, list);

function checks(io: Text, list?: readonly Check[]): Check[] {
  return io.many(list, is('check'), (c) =>
    io.line(() => ({
      ok: io.tensor('check ', c?.ok),
      message: io.quoted(' ', c?.message),
      node: io.quoted(' ', c?.node),
      op: io.quoted(' ', c?.op),
    })),
  );
}

/** A program before scheduling. */
export function programText(io: Text, p?: TileProgram): TileProgram {
  keyword(io, 'program');
  io.declarations();
  const inputs = tensorLine(io, 'inputs', p?.inputs);
  const list = steps(io, p?.steps);
  return { inputs, steps: list, checks: checks(io, p?.checks), outputs: tensorLine(io, 'outputs', p?.outputs) };
}

/** A kernel: parameters in order, then its body; names are its own. */
export function kernelText(io: Text, id: number, k?: Kernel): Kernel {
  return io.scope(() => {
    const name = io.line(() => io.quoted('kernel ', k?.name));
    return ended(io, () => {
      const params = io.many(k?.params, isDeclaration, (t) => io.declaration(t));
      return { id, name, params, body: bodyOf(io, k?.body) };
    });
  });
}

type Numbered = { readonly kernels: readonly Kernel[]; readonly numbers: ReadonlyMap<Kernel, number> };

function tasks(io: Text, of: Numbered, list?: readonly Task[]): Task[] {
  const forms: Forms<Task> = {
    run: (_, t) =>
      io.line(() => {
        const kernel = of.kernels[io.integer('run ', t && of.numbers.get(t.kernel))];
        return { kind: 'run', kernel: kernel ?? io.fail('there is no such kernel'), args: tensors(io, '', t?.args) };
      }),
    loop: (_, t) => {
      const head = io.line(() => ({
        trip: optionalTensor(io, 'loop ', t?.trip),
        cond: optionalTensor(io, ' ', t?.cond),
        counter: io.tensor(' ', t?.counter),
      }));
      return { kind: 'loop', ...head, tasks: ended(io, () => tasks(io, of, t?.tasks)) };
    },
    branch: (_, t) => {
      const cond = io.line(() => io.tensor('branch ', t?.cond));
      const then = io.block(() => tasks(io, of, t?.then));
      return { kind: 'branch', cond, then, else: otherwise(io, () => tasks(io, of, t?.else)) };
    },
  };
  return anyOf(io, forms, list);
}

function placed(io: Text, entry?: [TileTensor, Placement]): [TileTensor, Placement] {
  const [tensor, place] = entry ?? [];
  return io.line(() => [
    io.tensor('place ', tensor),
    { space: io.word(' ', place?.space), offset: io.integer(' ', place?.offset), bytes: io.integer(' ', place?.bytes) },
  ]);
}

/** A scheduled program: kernels, lanes of tasks, places of tensors. */
export function taskProgramText(io: Text, p?: TaskProgram): TaskProgram {
  keyword(io, 'tasks');
  io.declarations();
  let id = 0;
  const kernels = io.many(p?.kernels, is('kernel'), (k) => kernelText(io, id++, k));
  const of: Numbered = { kernels, numbers: new Map(p?.kernels.map((k, i) => [k, i])) };
  const inputs = tensorLine(io, 'inputs', p?.inputs);
  const constants = tensorLine(io, 'constants', p?.constants);
  const lanes = io.many<readonly Task[]>(p?.lanes, is('lane'), (lane) => {
    keyword(io, 'lane');
    return ended(io, () => tasks(io, of, lane));
  });
  const plan = io.line(() => ({
    constantBytes: io.integer('plan constants ', p?.plan.constantBytes),
    arenaBytes: io.integer(' arena ', p?.plan.arenaBytes),
  }));
  const places = new Map(io.many(p && [...p.plan.places], is('place'), (entry) => placed(io, entry)));
  const list = checks(io, p?.checks);
  const outputs = tensorLine(io, 'outputs', p?.outputs);
  return { kernels, lanes, plan: { ...plan, places }, inputs, outputs, constants, checks: list };
}
