// A TaskProgram as C11 with GNU vector extensions: one function per distinct kernel and one exported
// function that runs the tasks of lane 0 over the constant segment and the arena. In: the program
// and its memory plan. Out: one or more translation units that share no data, only functions.
import type { Kernel, Task, TaskProgram } from '../../../3-tile/task.ts';
import { owner, type TileTensor } from '../../../3-tile/tensor.ts';
import { invariant } from '../../../support/errors.ts';
import { emitKernel, writtenParams } from './kernel.ts';
import { type COptions, storageOf, Unit } from './unit.ts';

/** The exported function: `int32_t tilewright_main(const uint8_t *constants, uint8_t *arena)`. */
export const ENTRY = 'tilewright_main';

/** Kernel text per translation unit, and the most units. */
const UNIT_CHARACTERS = 48_000;
const MAX_UNITS = 12;
const MAX_NESTING = 200;

interface EmittedKernel {
  readonly name: string;
  /** Parameter list and body. */
  readonly text: string;
  /** Parameter list only. */
  readonly signature: string;
}

/** The C translation units of the program; the last one holds the entry function. */
export function emitC(program: TaskProgram, options: COptions): string[] {
  const overlapping = overlaps(program);
  const unit = new Unit(options);
  const byText = new Map<string, EmittedKernel>();
  const names = new Map<Kernel, EmittedKernel>();
  for (const kernel of program.kernels) {
    const text = emitKernel(unit, kernel, overlapping.get(kernel) ?? new Set());
    let emitted = byText.get(text);
    if (!emitted) {
      const signature = text.slice(0, text.indexOf(' {\n'));
      emitted = { name: `k${byText.size}`, text, signature };
      byText.set(text, emitted);
    }
    names.set(kernel, emitted);
  }
  const kernels = [...byText.values()];
  const main = emitMain(program, names);
  // Helpers are inlined where used and cost next to nothing where not: every unit gets them all.
  const preamble = unit.preamble();
  const functions = balance(kernels).map((group) =>
    group.map(({ name, text }) => `KERNEL void ${name}${text}`).join(''),
  );
  if (functions.length < 2) return [preamble + functions.join('') + main];
  const prototypes = kernels.map((k) => `KERNEL void ${k.name}${k.signature};\n`).join('');
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

function visitTasks(tasks: readonly Task[], visit: (t: Task) => void): void {
  const stack: Task[] = [...tasks];
  for (let t = stack.pop(); t; t = stack.pop()) {
    visit(t);
    const nested = t.kind === 'loop' ? t.tasks : t.kind === 'branch' ? t.then.concat(t.else) : [];
    for (const n of nested) stack.push(n);
  }
}

/** Per kernel, the parameters that share memory with another one in some call that writes either. */
function overlaps(program: TaskProgram): Map<Kernel, Set<number>> {
  const found = new Map<Kernel, Set<number>>();
  const written = new Map<Kernel, ReadonlySet<number>>();
  const { places } = program.plan;
  visitTasks(program.lanes[0] ?? [], (t) => {
    if (t.kind !== 'run') return;
    let stores = written.get(t.kernel);
    if (!stores) written.set(t.kernel, (stores = writtenParams(t.kernel)));
    const at = t.args.map((a) => places.get(owner(a)));
    for (const w of stores) {
      const a = at[w];
      at.forEach((b, i) => {
        if (i === w || !a || !b || a.space !== b.space) return;
        if (a.offset >= b.offset + b.bytes || b.offset >= a.offset + a.bytes) return;
        if (!found.has(t.kernel)) found.set(t.kernel, new Set());
        found.get(t.kernel)!.add(w).add(i);
      });
    }
  });
  return found;
}

function emitMain(program: TaskProgram, names: ReadonlyMap<Kernel, EmittedKernel>): string {
  const lines: string[] = [];
  const address = (t: TileTensor, type: string): string => {
    const place = program.plan.places.get(owner(t));
    invariant(place, `c: ${t.name} has no place in the memory plan`);
    return `(${type} *)(${place.space} + ${place.offset})`;
  };
  let loops = 0;
  const write = (tasks: readonly Task[], depth: number): void => {
    invariant(depth < MAX_NESTING, 'c: tasks nested too deep');
    const pad = '  '.repeat(depth);
    for (const t of tasks) {
      if (t.kind === 'run') {
        const kernel = names.get(t.kernel);
        invariant(kernel && t.args.length === t.kernel.params.length, 'c: a task calls an unknown kernel');
        const args = t.args.map((a, i) => address(a, argType(t.kernel.params[i], program, a)));
        lines.push(`${pad}${kernel.name}(${args.join(', ')});`);
      } else if (t.kind === 'branch') {
        lines.push(`${pad}if (*${address(t.cond, 'const u8')}) {`);
        write(t.then, depth + 1);
        lines.push(`${pad}} else {`);
        write(t.else, depth + 1);
        lines.push(`${pad}}`);
      } else {
        const n = loops++;
        const tests = ['1'];
        lines.push(`${pad}{`, `${pad}  i64 n${n} = 0;`);
        if (t.trip) {
          lines.push(`${pad}  const i64 m${n} = *${address(t.trip, 'const i64')};`);
          tests.push(`n${n} < m${n}`);
        }
        if (t.cond) tests.push(`*${address(t.cond, 'const u8')}`);
        const counter = address(t.counter, 'i64');
        lines.push(
          `${pad}  *${counter} = 0;`,
          `${pad}  while (${tests.slice(tests.length > 1 ? 1 : 0).join(' && ')}) {`,
        );
        write(t.tasks, depth + 2);
        lines.push(`${pad}    *${counter} = ++n${n};`, `${pad}  }`, `${pad}}`);
      }
    }
  };
  write(program.lanes[0] ?? [], 1);
  return (
    `__attribute__((visibility("default"))) i32 ${ENTRY}(const u8 *constants, u8 *arena) {\n` +
    `  (void)constants;\n  (void)arena;\n${lines.map((l) => `${l}\n`).join('')}  return 0;\n}\n`
  );
}

/** The pointee type of an argument; memory in the constant segment is read-only. */
function argType(formal: TileTensor, program: TaskProgram, actual: TileTensor): string {
  const constant = program.plan.places.get(owner(actual))?.space === 'constants';
  return `${constant ? 'const ' : ''}${storageOf(formal.dtype)}`;
}
