// A TaskProgram as C11 with GNU vector extensions, in translation units that share functions only: one function per
// distinct kernel, and an exported one that runs the tasks of lane 0 over the constant segment and the arena.
import { runsOf } from '../../../3-tile/statements.ts';
import { callersOwn, type Kernel, placeOf, type Task, type TaskProgram } from '../../../3-tile/task.ts';
import { owner, type TileTensor } from '../../../3-tile/tensor.ts';
import { bytesOf } from '../../../ir/tensor.ts';
import { entryOf } from '../../../support/collections.ts';
import { invariant } from '../../../support/errors.ts';
import { emitKernel, writtenParams } from './kernel.ts';
import { type COptions, storageOf, Unit } from './unit.ts';

/** The exported function: `int32_t tilewright_main(const uint8_t *constants, uint8_t *arena, uint8_t *const *given)`. */
export const ENTRY = 'tilewright_main';

/** Kernel text per translation unit, and the most units. */
const UNIT_CHARACTERS = 48_000;
const MAX_UNITS = 12;
const MAX_NESTING = 200;
/** Bytes from which a result is stored past the caches: they would first read it from memory and then drop it. */
const FAR = 2 ** 20;
const NONE: ReadonlySet<number> = new Set();

/** `text` has the parameter list and the body. */
type EmittedKernel = Readonly<{ name: string; text: string }>;

/** The C translation units of the program; the last one holds the entry function. */
export function emitC(program: TaskProgram, options: COptions): string[] {
  const overlapping = overlaps(program);
  const passing = options.avx512 ? results(program) : new Map<Kernel, Set<number>>();
  const unit = new Unit(options);
  const byText = new Map<string, EmittedKernel>();
  const names = new Map<Kernel, EmittedKernel>();
  for (const kernel of program.kernels) {
    const text = emitKernel(unit, kernel, overlapping.get(kernel) ?? NONE, passing.get(kernel) ?? NONE);
    const emitted = entryOf(byText, text, () => ({ name: `k${byText.size}`, text }));
    names.set(kernel, emitted);
  }
  const kernels = [...byText.values()];
  const signature = (k: EmittedKernel): string => k.text.slice(0, k.text.indexOf(' {\n'));
  const main = emitMain(program, names, unit);
  // Helpers are inlined where used and cost next to nothing where not: every unit gets them all.
  const preamble = unit.preamble();
  const define = (k: EmittedKernel): string => `KERNEL void ${k.name}${k.text}`;
  const functions = balance(kernels).map((group) => group.map(define).join(''));
  if (functions.length < 2) return [preamble + functions.join('') + main];
  const prototypes = kernels.map((k) => `KERNEL void ${k.name}${signature(k)};\n`).join('');
  return [...functions.map((f) => preamble + f), preamble + prototypes + main];
}

/** Groups of about equal text, in a fixed order. */
function balance<T extends EmittedKernel>(kernels: readonly T[]): T[][] {
  const total = kernels.reduce((n, k) => n + k.text.length, 0);
  const count = Math.min(MAX_UNITS, Math.ceil(total / UNIT_CHARACTERS), kernels.length);
  const groups = Array.from({ length: count }, () => ({ size: 0, list: [] as T[] }));
  for (const k of [...kernels].sort((a, b) => b.text.length - a.text.length)) {
    const smallest = groups.reduce((a, b) => (b.size < a.size ? b : a));
    smallest.list.push(k);
    smallest.size += k.text.length;
  }
  return groups.map((g) => g.list);
}

/** Per kernel, the parameters that share memory with another one in some call that writes either. */
function overlaps(program: TaskProgram): Map<Kernel, Set<number>> {
  const found = new Map<Kernel, Set<number>>();
  const written = new Map<Kernel, ReadonlySet<number>>();
  const { places } = program.plan;
  for (const t of runsOf(program.lanes[0] ?? [])) {
    const stores = entryOf(written, t.kernel, () => writtenParams(t.kernel));
    const at = t.args.map((a) => places.get(owner(a)));
    for (const w of stores) {
      const a = at[w];
      for (const [i, b] of at.entries()) {
        if (i === w || !a || !b || a.space !== b.space) continue;
        if (a.offset >= b.offset + b.bytes || b.offset >= a.offset + a.bytes) continue;
        found.set(t.kernel, (found.get(t.kernel) ?? new Set<number>()).add(w).add(i));
      }
    }
  }
  return found;
}

/** Per kernel, the parameters that are large results in the caller's memory in every call, used nowhere else. */
function results(program: TaskProgram): Map<Kernel, Set<number>> {
  const runs = runsOf(program.lanes[0] ?? []);
  const used = runs.flatMap((t) => t.args.map(owner));
  const own = callersOwn(program);
  const far = (t: TileTensor): boolean =>
    (own.get(t) ?? -1) >= program.inputs.length && bytesOf(t) >= FAR && used.indexOf(t) === used.lastIndexOf(t);
  const found = new Map(program.kernels.map((k) => [k, new Set(writtenParams(k))]));
  for (const { kernel, args } of runs) {
    for (const [i, t] of args.entries()) if (!far(owner(t))) found.get(kernel)!.delete(i);
  }
  return found;
}

function emitMain(program: TaskProgram, names: ReadonlyMap<Kernel, EmittedKernel>, unit: Unit): string {
  const lines = unit.has('tiles') ? ['  if (!tiles_granted()) return 1;\n'] : [];
  const { plan } = program;
  const own = callersOwn(program);
  for (const [t, i] of own) {
    if (placeOf(plan, t).bytes > 0)
      lines.push(`  u8 *const x${i} = given && given[${i}] ? given[${i}] : arena + ${placeOf(plan, t).offset};\n`);
  }
  const address = (t: TileTensor, type: string): string => {
    const { space, offset, bytes } = placeOf(plan, t);
    const at = bytes > 0 ? own.get(owner(t)) : undefined;
    return `(${type} *)(${at === undefined ? `${space} + ${offset}` : `x${at}`})`;
  };
  /** Memory in the constant segment is read-only. */
  const argument = (formal: TileTensor, actual: TileTensor): string =>
    address(actual, `${placeOf(plan, actual).space === 'constants' ? 'const ' : ''}${storageOf(formal.dtype)}`);
  let loops = 0;
  const write = (tasks: readonly Task[], depth: number): void => {
    invariant(depth < MAX_NESTING, 'c: tasks nested too deep');
    const emit = (...text: string[]): void => {
      lines.push(...text.map((line) => `${'  '.repeat(depth)}${line}\n`));
    };
    for (const t of tasks) {
      if (t.kind === 'run') {
        const kernel = names.get(t.kernel);
        invariant(kernel && t.args.length === t.kernel.params.length, 'c: a task calls an unknown kernel');
        emit(`${kernel.name}(${t.args.map((a, i) => argument(t.kernel.params[i], a)).join(', ')});`);
      } else if (t.kind === 'branch') {
        emit(`if (*${address(t.cond, 'const u8')}) {`);
        write(t.then, depth + 1);
        emit('} else {');
        write(t.else, depth + 1);
        emit('}');
      } else {
        const n = loops++;
        const counter = address(t.counter, 'i64');
        const tests = t.trip ? [`n${n} < m${n}`] : [];
        if (t.cond) tests.push(`*${address(t.cond, 'const u8')}`);
        emit('{', `  i64 n${n} = 0;`);
        if (t.trip) emit(`  const i64 m${n} = *${address(t.trip, 'const i64')};`);
        emit(`  *${counter} = 0;`, `  while (${tests.join(' && ') || '1'}) {`);
        write(t.tasks, depth + 2);
        emit(`    *${counter} = ++n${n};`, '  }', '}');
      }
    }
  };
  write(program.lanes[0] ?? [], 1);
  if (unit.has('stream')) lines.push('  __builtin_ia32_sfence();\n');
  return (
    `__attribute__((visibility("default"))) i32 ${ENTRY}(const u8 *constants, u8 *arena, u8 *const *given) {\n` +
    `  (void)constants;\n  (void)arena;\n  (void)given;\n${lines.join('')}  return 0;\n}\n`
  );
}
