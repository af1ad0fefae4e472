// One kernel as one C function over restrict pointers: statements in order, locals as C variables. Out: parameters and
// body text; the function gets its name from the program, so that equal kernels can share one.
import { computeType, type Expr, type Local } from '../../../3-tile/expr.ts';
import { type Effects, effects, loads } from '../../../3-tile/statements.ts';
import { type Kernel, walkStmts } from '../../../3-tile/task.ts';
import type { TileTensor } from '../../../3-tile/tensor.ts';
import type { Contraction, Stmt } from '../../../3-tile/tile-op.ts';
import { invariant } from '../../../support/errors.ts';
import { configuration, multiplied, stored, zeroed } from './matrix.ts';
import { storeAt } from './memory.ts';
import { scalarOf, storageOf, type Unit } from './unit.ts';
import { Values } from './values.ts';

/** Statements nested deeper than this are refused. */
const MAX_NESTING = 200;

type Positions = ReadonlySet<number>;

/**
 * `(parameters) { body }`. Positions of parameters: `overlapping` may share memory with a written one, `passing` are
 * written once and not read soon.
 */
export const emitKernel = (unit: Unit, kernel: Kernel, overlapping: Positions, passing: Positions): string =>
  new KernelWriter(unit, kernel, overlapping, passing).run();

/** Positions of the parameters that the kernel stores to. */
export function writtenParams(kernel: Kernel): Positions {
  const changed = effects(kernel.body);
  return new Set(kernel.params.flatMap((t, i) => (changed.has(t) ? [i] : [])));
}

/** What the values of a kernel are told and what they emit through. */
export class KernelWriter {
  readonly unit: Unit;
  private readonly kernel: Kernel;
  private readonly overlapping: Positions;
  /** Tensors whose stores go past the caches. */
  private readonly passing: ReadonlySet<TileTensor>;
  private readonly variables = new Map<Local, string>();
  private readonly indices = new Map<Local, string>();
  private readonly values: Values;
  private readonly lines: string[] = [];
  private depth = 1;
  /** Those of the matrix registers, by contraction. */
  private readonly sizes = new Set<string>();
  /** The contraction around the statement. */
  private sums: Contraction | null = null;

  constructor(unit: Unit, kernel: Kernel, overlapping: Positions, passing: Positions) {
    this.unit = unit;
    this.kernel = kernel;
    this.overlapping = overlapping;
    const loaded = loads(kernel.body);
    this.passing = new Set(kernel.params.filter((t, i) => passing.has(i) && !loaded.has(t)));
    this.declareLocals();
    this.values = new Values(this, kernel);
  }

  run(): string {
    const written = writtenParams(this.kernel);
    const params = this.kernel.params.map((t, i) => {
      const constness = written.has(i) ? '' : 'const ';
      return `${constness}${storageOf(t.dtype)} *${this.overlapping.has(i) ? '' : 'restrict '}p${i}`;
    });
    const [first] = this.sizes;
    if (this.sizes.size === 1) this.emit(`_tile_loadconfig(${first});`);
    this.values.block(() => this.statements(this.kernel.body));
    if (first) this.emit('_tile_release();');
    const locals = [...this.variables].map(([l, name]) => {
      const type = this.unit.type(scalarOf(l.dtype), l.lanes);
      return `  ${type} ${name} = ${l.lanes > 1 ? '{0}' : '0'};\n`;
    });
    return `(${params.join(', ') || 'void'}) {\n${locals.join('')}${this.lines.join('')}}\n`;
  }

  /** The C pointer to a formal tensor. */
  pointer(tensor: TileTensor): string {
    const i = this.kernel.params.indexOf(tensor);
    invariant(i >= 0, `c: ${tensor.name} is not a parameter of kernel ${this.kernel.id}`);
    return `p${i}`;
  }

  /** The C variable of a local; loop indices are 64-bit. */
  local(local: Local): { name: string; wide: boolean } {
    const name = this.indices.get(local);
    if (name !== undefined) return { name, wide: true };
    const variable = this.variables.get(local);
    invariant(variable !== undefined, `c: local ${local.name} is read and never set`);
    return { name: variable, wide: false };
  }

  /** Writes one line of C before the current statement. */
  emit(line: string): void {
    this.lines.push(`${'  '.repeat(Math.min(this.depth, 12))}${line}\n`);
  }

  private declareLocals(): void {
    walkStmts(this.kernel.body, (s) => {
      if (s.kind === 'for' && !this.indices.has(s.index)) {
        invariant(s.index.lanes === 1 && s.index.dtype !== 'bool' && s.index.dtype[0] !== 'f', 'c: loop index type');
        this.indices.set(s.index, `j${this.indices.size}`);
      }
      if (s.kind === 'contract') this.sizes.add(configuration(this.unit, s));
      if (s.kind === 'set' && !this.variables.has(s.local)) this.variables.set(s.local, `v${this.variables.size}`);
    });
    for (const l of this.indices.keys()) invariant(!this.variables.has(l), `c: loop index ${l.name} is set`);
  }

  /** A block of C behind `head`: names made in it end with it. */
  private block(head: string, write: () => void): void {
    invariant(this.depth < MAX_NESTING, 'c: statements nested too deep');
    this.emit(`${head}{`);
    this.depth++;
    this.values.block(write);
    this.depth--;
    this.emit('}');
  }

  private statements(body: readonly Stmt[]): void {
    for (const s of body) this.statement(s);
  }

  private statement(s: Stmt): void {
    if (s.kind === 'for') this.forLoop(s);
    else if (s.kind === 'while') this.whileLoop(s);
    else if (s.kind === 'if') this.conditional(s);
    else if (s.kind === 'store') this.store(s);
    else if (s.kind === 'contract') this.contract(s);
    else if (s.kind === 'fetch') this.emit(`__builtin_prefetch(${this.place(s.tensor, s.at[0])});`);
    else if (s.kind === 'multiply') {
      const [left, right] = [s.left, s.right].map((e) => this.place(e.arg as TileTensor, e.src[0]));
      for (const line of multiplied(this.sums!, s, left, right)) this.emit(line);
    } else {
      this.emit(`${this.variables.get(s.local)} = ${this.values.value(s.value)};`);
      this.values.invalidate([s.local]);
    }
  }

  private place(tensor: TileTensor, at: Expr): string {
    return `${this.pointer(tensor)} + ${this.values.index(at)}`;
  }

  private contract(s: Contraction): void {
    if (this.sizes.size > 1) this.emit(`_tile_loadconfig(${configuration(this.unit, s)});`);
    const at = this.place(s.tensor, s.at[0]);
    for (const line of zeroed(s, at)) this.emit(line);
    this.sums = s;
    this.statements(s.body);
    for (const line of stored(s, at)) this.emit(line);
    this.forget(new Set([s.tensor]));
  }

  private store(s: Extract<Stmt, { kind: 'store' }>): void {
    const typed = s.at.length === 1 && s.value.dtype === computeType(s.tensor.dtype);
    invariant(typed, `c: store of ${s.value.dtype} to ${s.tensor.dtype} with ${s.at.length} indices`);
    const at = this.values.index(s.at[0]);
    const value = this.values.value(s.value);
    const to = { unit: this.unit, dtype: s.tensor.dtype, lanes: s.value.lanes, pointer: this.pointer(s.tensor) };
    this.emit(storeAt(to, at, value, this.passing.has(s.tensor)));
    this.forget(new Set([s.tensor]));
  }

  /** What reads these, or what may share memory with one of them. */
  private forget(changed: Effects): void {
    const shared = this.kernel.params.filter((_, i) => this.overlapping.has(i));
    this.values.invalidate(shared.some((t) => changed.has(t)) ? [...changed, ...shared] : changed);
  }

  private forLoop(s: Extract<Stmt, { kind: 'for' }>): void {
    invariant(Number.isInteger(s.step), 'c: loop step');
    const name = this.indices.get(s.index)!;
    this.block('', () => {
      const from = this.values.index(s.from);
      const to = this.values.index(s.to);
      this.emit(`const i64 ${name}e = ${to};`);
      this.forget(effects([s]));
      const step = s.step === 1 ? `++${name}` : `${name} += ${s.step}`;
      const head = `for (i64 ${name} = ${from}; ${name} ${s.step < 0 ? '>' : '<'} ${name}e; ${step}) `;
      this.block(head, () => this.statements(s.body));
    });
    this.forget(effects([s]));
  }

  private whileLoop(s: Extract<Stmt, { kind: 'while' }>): void {
    this.forget(effects(s.body));
    this.block('for (;;) ', () => {
      this.emit(`if (!${this.values.value(s.cond)}) break;`);
      this.statements(s.body);
    });
    this.forget(effects(s.body));
  }

  private conditional(s: Extract<Stmt, { kind: 'if' }>): void {
    this.block(`if (${this.values.value(s.cond)}) `, () => this.statements(s.then));
    if (s.else.length > 0) this.block('else ', () => this.statements(s.else));
  }
}
