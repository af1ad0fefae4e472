// The text of tile programs, kernels and task programs, once for writing and reading: a template per line, and forms
// that put lines together. In: a `Text` that writes what it is given (print.ts) or reads what it gives back (parse.ts),
// and the construct when writing. Out: the construct.

import { type Axis, type ComputeType, computeType, type Expr, type Local } from '../../3-tile/expr.ts';
import { walkExpr } from '../../3-tile/rewrite.ts';
import type { Kernel, MemoryPlan, Placement, Task, TaskProgram } from '../../3-tile/task.ts';
import { stmtExprs, walkStmts } from '../../3-tile/task.ts';
import { newTensor, type TileTensor } from '../../3-tile/tensor.ts';
import type { Check, Monoid, Step, Stmt, TileOp, TileProgram } from '../../3-tile/tile-op.ts';
import { DTYPES, type DType, dtypeInfo } from '../../ir/dtype.ts';
import { elementCount, type Scalar, type TensorData, tensorOf, tensorValues } from '../../ir/tensor.ts';
import type { Writer } from './print.ts';

export type TypedScalar = Readonly<{ dtype: ComputeType; value: Scalar }>;

/**
 * The smallest parts: names from outside and our own, numbers, constants, what names stand for. Axes come with their
 * extent and replace those of their name; a local is declared already, declared here with its type, or a loop's index.
 */
export type Parts = { quoted: string; word: string; integer: number; scalar: TypedScalar; expr: Expr } & {
  tensor: TileTensor;
  spatial: Axis;
  reduce: Axis;
} & Record<'local' | 'typed' | 'index', Local>;

/** Writes what it is given and gives it back; or gives back what it reads, when there is nothing to write. */
export type Form<T> = (io: Text, x?: T) => T;
export type Begins = (word: string, second: string) => boolean;

/** Text being written or read: what the parts, lines and blocks of a construct are handed to. */
export type Text = { readonly [K in Exclude<keyof Writer, 'text'>]: Writer[K] };

const is = (word: string) => (next: string) => next === word;
const keyword = (io: Text, word: string): void => io.line(() => io.mark(word));

function many<T>(begins: Begins, each: Form<T>, between?: string): Form<readonly T[]> {
  return (io, list) => io.many(list, begins, each, between);
}
const commas = <T>(each: Form<T>): Form<readonly T[]> => many((next) => !/^[\]}]?$/.test(next), each, ', ');
const spaced = <T>(each: Form<T>): Form<readonly T[]> => many((next) => /^[%\w]/.test(next), each, ' ');
/** What may be absent: there where its first word is. */
function optional<T, A>(word: string, form: Form<T>, absent: A): Form<T | A> {
  return (io, x) => (io.has(word, x !== absent) ? form(io, x as T) : absent);
}
function behind<T>(lead: string, form: Form<T>): Form<T> {
  return (io, x) => {
    io.mark(lead);
    return form(io, x);
  };
}

const part = <K extends keyof Parts>(kind: K): Form<Parts[K]> => {
  return (io, x) => io.part(kind, x);
};
/** What a line may hold besides the smallest parts. */
const GROUPS = {
  exprs: commas(part('expr')),
  scalars: commas(part('scalar')),
  integers: commas(part('integer')),
  tensors: spaced(part('tensor')),
  axes: spaced(part('spatial')),
  folded: optional('|', behind(' | ', spaced(part('reduce'))), null),
  step: optional('step', behind(' step ', part('integer')), 1),
  base: optional('of', behind(' of ', part('tensor')), null),
  orNone: ((io, t) =>
    io.has('none', t === null) ? behind('none', () => null)(io) : io.part('tensor', t!)) as Form<TileTensor | null>,
  kernel: ((io, k) =>
    io.kernels[io.part('integer', k && io.kernels.indexOf(k))] ?? io.fail('there is no such kernel')) as Form<Kernel>,
};
type Groups = typeof GROUPS;
type Held<K> = K extends keyof Parts ? Parts[K] : K extends keyof Groups ? ReturnType<Groups[K]> : never;
/** The fields of a template such as `while {cond:expr}`. */
type Fields<S> = S extends `${string}{${infer F}:${infer K}}${infer Rest}`
  ? { readonly [N in F]: Held<K> } & Fields<Rest>
  : object;

/** What the template says, within a line. */
function inline<S extends string>(template: S): Form<Fields<S>> {
  const found = [...template.matchAll(/([^{]*)\{(\w+):(\w+)\}/g)];
  const tail = template.slice(template.lastIndexOf('}') + 1);
  return (io, x) => {
    const made = found.map(([, lead, field, kind]) => {
      io.mark(lead);
      const form = (GROUPS as Record<string, Form<unknown>>)[kind] ?? part(kind as keyof Parts);
      return [field, form(io, (x as Record<string, unknown> | undefined)?.[field])];
    });
    io.mark(tail);
    return Object.fromEntries(made);
  };
}
const onLine = <T>(form: Form<T>): Form<T> => {
  return (io, x) => io.line(() => form(io, x));
};
/** The lines of the template. */
function line<S extends string>(template: S): Form<Fields<S>> {
  const lines = template.split('\n').map((one) => onLine(inline(one)));
  return (io, x) => Object.assign({}, ...lines.map((one) => one(io, x)));
}

/** The parts of a thing in order. */
function parts<T extends object>(fields: { readonly [K in keyof T]: Form<T[K]> }): Form<T> {
  const all = Object.entries(fields) as [keyof T, Form<unknown>][];
  return (io, x) => Object.fromEntries(all.map(([key, form]) => [key, form(io, x?.[key])])) as T;
}

function both<A extends object, B extends object>(first: Form<A>, second: Form<B>): Form<A & B> {
  return (io, x) => ({ ...first(io, x), ...second(io, x) });
}

function ended<T>(io: Text, body: () => T): T {
  const result = io.block(body);
  keyword(io, 'end');
  return result;
}

/** A line, what stands below it, and `end`. */
function section<S extends string, B extends object>(template: S, body: Form<B>): Form<Fields<S> & B> {
  return both<Fields<S>, B>(line(template), (io, x) => ended(io, () => body(io, x)));
}

/** A line and two sides; the second one where there is something in it, or `always`. */
function fork<S extends string, T>(template: S, side: Form<readonly T[]>, always: boolean) {
  const head = line(template);
  type Whole = Fields<S> & { readonly then: readonly T[]; readonly else: readonly T[] };
  return (io: Text, x?: Whole): Whole => {
    const made = { ...head(io, x), then: io.block(() => side(io, x?.then)) };
    const two = io.has('else', x && (always || x.else.length > 0));
    if (two) keyword(io, 'else');
    return { ...made, else: ended(io, () => (two ? side(io, x?.else) : [])) };
  };
}

type Kinds<T extends { kind: string }> = { readonly [K in T['kind']]: Form<Omit<Extract<T, { kind: K }>, 'kind'>> };

/** Of kinds that begin with their name, or else are what `other` tells. */
function anyOf<T extends { kind: string }>(forms: Kinds<T>, other?: (io: Text) => T['kind']): Form<T> {
  const kinds = Object.keys(forms) as T['kind'][];
  return (io, x) => {
    const kind: T['kind'] = x?.kind ?? kinds.find((k) => io.has(k)) ?? other!(io);
    return { kind, ...(forms[kind] as Form<object>)(io, x) } as unknown as T;
  };
}
function listOf<T extends { kind: string }>(forms: Kinds<T>): Form<readonly T[]> {
  return many((next) => Object.hasOwn(forms, next), anyOf(forms));
}

const ROLES: ReadonlySet<string> = new Set<TileTensor['role']>(['input', 'output', 'constant', 'temp']);
const typed = inline(' = {role:word} {dtype:word}[{shape:integers}]{base:base} {name:quoted}');

/** `%1 = temp f32[2, 3] "name"`; views say of what, constants what is in them. */
export const declaration: Form<TileTensor> = onLine((io, t) =>
  io.declare(t, () => {
    const { role, dtype, shape, base, name } = typed(io, t);
    if (!ROLES.has(role) || !DTYPES.includes(dtype as DType)) io.fail('expected a role and an element type');
    const data = optional('=', (_, d?: TensorData) => contents(io, dtype as DType, shape, d), null)(io, t?.data);
    const extra = { ...(base && { base }), ...(data && { data }) };
    return t ?? newTensor(name, dtype as DType, shape, role as TileTensor['role'], extra);
  }),
);

/** Constants of up to this many elements are written out. */
const MAX_WRITTEN = 32;

function contents(io: Text, dtype: DType, shape: readonly number[], data?: TensorData): TensorData {
  const { kind } = dtypeInfo(dtype);
  io.mark(' = ');
  if (io.has('data', kind === 'complex' || kind === 'string' || elementCount(shape) > MAX_WRITTEN)) {
    io.mark('data');
    return io.contents(data, dtype, shape);
  }
  const values = data && tensorValues(data).map((value) => ({ dtype: computeType(dtype), value }));
  const read = behind('{ ', GROUPS.scalars)(io, values).map((s) => s.value);
  io.mark(' }');
  return data ?? tensorOf(dtype, shape, read);
}

const statements: Form<readonly Stmt[]> = many(
  (next) => next !== '' && next !== 'end' && next !== 'else',
  (io, s) => io.share(s && stmtExprs(s), () => statement(io, s)),
);
const block: Form<{ readonly body: readonly Stmt[] }> = (io, s) => ({ body: statements(io, s?.body) });
const stored = line('{tensor:tensor}[{at:exprs}] = {value:expr}');
const STATEMENTS: Kinds<Stmt> = {
  for: section('for {index:index} = {from:expr} to {to:expr}{step:step}', block),
  while: section('while {cond:expr}', block),
  if: fork('if {cond:expr}', statements, false),
  set: line('{local:local} = {value:expr}'),
  store: stored,
  contract: section(
    'contract {rows:integer} {columns:integer} {depth:integer} {tensor:tensor}[{at:exprs}]{stride:step}',
    block,
  ),
  fetch: line('fetch {tensor:tensor}[{at:exprs}]'),
  multiply: line('multiply {form:word} {left:expr}{leftStride:step} {right:expr}{rightStride:step}'),
};
const statement = anyOf(STATEMENTS, (io) => (io.has('%') ? 'store' : 'set'));

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

const body: Form<readonly Stmt[]> = (io, b) => {
  many(is('local'), onLine(behind('local ', part('typed'))))(io, b && declaredLocals(b));
  return statements(io, b);
};

const monoid: Form<Monoid> = (io, m) => {
  const list = (word: string): Form<readonly Expr[]> => onLine(behind(word, GROUPS.exprs));
  const nodes = m && [...new Set([...m.combine, ...(m.merge ?? [])])];
  const init = m?.init.map((value, i) => ({ dtype: m.state[i], value }));
  const head = line('fold {name:quoted} from {init:scalars}')(io, m && { ...m, init: init! });
  const algebra = parts({ combine: list('combine '), merge: optional('merge', list('merge '), null) });
  const state = { state: head.init.map((s) => s.dtype), init: head.init.map((s) => s.value) };
  return { name: head.name, ...state, ...io.block(() => io.share(nodes, () => algebra(io, m))) };
};

const tileOp: Form<Omit<TileOp, 'kind'>> = (io, op) => {
  io.restartAxes();
  const head = line('op {name:quoted} [{axes:axes}{folded:folded}]');
  const { folded, ...made } = head(io, op && { ...op, folded: op.reduce?.axes ?? null });
  return io.block(() =>
    io.share(op && [...(op.reduce?.elems ?? []), ...op.at, op.value], () => {
      const fold = folded && { axes: folded, monoid: monoid(io, op?.reduce?.monoid) };
      const reduce = fold && { ...fold, ...line('elem {elems:exprs}')(io, op?.reduce ?? undefined) };
      const { tensor: write, at, value } = stored(io, op && { ...op, tensor: op.write });
      return { ...made, reduce, write, at, value };
    }),
  );
};

const triple = (word: 'cond' | 'carry') => line(`${word} {init:tensor} {state:tensor} {next:tensor}`);
const steps: Form<readonly Step[]> = (io, list) => STEPS(io, list);
const STEPS = listOf<Step>({
  op: tileOp,
  routine: section(
    'routine {name:quoted}',
    both(line('reads {reads:tensors}\nwrites {writes:tensors}'), parts({ body })),
  ),
  loop: section(
    'loop {name:quoted}',
    both(
      line('trip {trip:orNone}\ncounter {counter:tensor}'),
      parts({ cond: optional('cond', triple('cond'), null), carried: many(is('carry'), triple('carry')), steps }),
    ),
  ),
  branch: fork('branch {name:quoted} {cond:tensor}', steps, true),
});

/** A program behind its first line and declarations of the tensors that it names. */
function program<T extends object>(word: string, form: Form<T>): Form<T> {
  return (io, p) => {
    keyword(io, word);
    io.declarations();
    return form(io, p);
  };
}
const tensorLine = (word: string): Form<readonly TileTensor[]> => onLine(behind(`${word} `, GROUPS.tensors));
const [inputs, outputs] = [tensorLine('inputs'), tensorLine('outputs')];
const checks = many<Check>(is('check'), line('check {ok:tensor} {message:quoted} {node:quoted} {op:quoted}'));

/** A program before scheduling. */
export const tileProgram: Form<TileProgram> = program('program', parts({ inputs, steps, checks, outputs }));

/** A kernel: parameters in order, then its body; names are its own. */
export const kernel: Form<Kernel> = (io, k) => {
  const params = many((next, second) => next.startsWith('%') && second === '=', declaration);
  const made = io.scope(() => section('kernel {name:quoted}', parts({ params, body }))(io, k));
  io.kernels.push(k ?? { id: io.kernels.length, ...made });
  return io.kernels.at(-1)!;
};

const tasks: Form<readonly Task[]> = (io, list) => TASKS(io, list);
const TASKS = listOf<Task>({
  run: line('run {kernel:kernel} {args:tensors}'),
  loop: section('loop {trip:orNone} {cond:orNone} {counter:tensor}', parts({ tasks })),
  branch: fork('branch {cond:tensor}', tasks, true),
});
const lane: Form<readonly Task[]> = (io, list) => section('lane', parts({ tasks }))(io, list && { tasks: list }).tasks;

const place = line('place {tensor:tensor} {space:word} {offset:integer} {bytes:integer}');
const plan: Form<MemoryPlan> = (io, p) => {
  const sizes = line('plan constants {constantBytes:integer} arena {arenaBytes:integer}')(io, p);
  const given = p && [...p.places].map(([tensor, at]) => ({ tensor, ...at }));
  const places = many(is('place'), place)(io, given);
  return { ...sizes, places: new Map(places.map(({ tensor, ...at }) => [tensor, at as Placement])) };
};

/** A scheduled program: kernels, lanes of tasks, places of tensors. */
export const taskProgram: Form<TaskProgram> = program(
  'tasks',
  parts({
    kernels: many(is('kernel'), kernel),
    inputs,
    constants: tensorLine('constants'),
    lanes: many(is('lane'), lane),
    plan,
    checks,
    outputs,
  }),
);
