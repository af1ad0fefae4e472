// Expressions to C text with sharing: a value used more than once, or nested too deep, becomes a named constant; the
// name stays good until a local it reads is set or a tensor it reads is stored. Index arithmetic that data cannot steer
// is done in 64 bits ("wide"), so addresses need no sign extension and loops over them strength-reduce.
import type { Expr, Local } from '../../../3-tile/expr.ts';
import type { TileTensor } from '../../../3-tile/tensor.ts';
import { invariant } from '../../../support/errors.ts';
import { type Facts, isLoad, type Reads, readsOf, steadyGiven } from './analysis.ts';
import { literal } from './form.ts';
import { gather, loadAt } from './memory.ts';
import { renderOp } from './ops.ts';
import { scalarOf, type Unit } from './unit.ts';

type Text = Readonly<{ text: string; depth: number }>;
type Name = Readonly<{ text: string; key: number; reads: Reads }>;
/** An expression in one of its two forms. */
export type Item = Readonly<{ e: Expr; wide: boolean }>;

/** Text is broken into named values beyond this nesting or length. */
const MAX_DEPTH = 10;
const MAX_LENGTH = 300;

const WIDE_OPS: ReadonlySet<string> = new Set(['add', 'sub', 'mul']);
const key = (i: Item): number => i.e.id * 2 + (i.wide ? 1 : 0);

/** What the statements around the expressions know. */
export interface ValueScope {
  readonly unit: Unit;
  /** Locals that no loaded element can steer. */
  readonly steady: ReadonlySet<Local>;
  /** The C pointer to a formal tensor. */
  pointer(tensor: TileTensor): string;
  /** The C variable of a local; loop indices are 64-bit. */
  local(local: Local): { readonly name: string; readonly wide: boolean };
  /** Writes one line of C before the current statement. */
  emit(line: string): void;
}

export class Values {
  private readonly scope: ValueScope;
  private readonly uses = new Map<number, number>();
  private readonly mustName = new Set<number>();
  private readonly steady: Facts<boolean>;
  private readonly reads = readsOf();
  private readonly names = new Map<number, Name>();
  private readonly readers = new Map<Local | TileTensor, Name[]>();
  /** Names introduced per open block, innermost last. */
  private readonly blocks: Name[][] = [[]];
  private counter = 0;

  /** `roots` are all expressions of the kernel; `at` tells which of them are element indices. */
  constructor(scope: ValueScope, roots: readonly Item[]) {
    this.scope = scope;
    this.steady = steadyGiven(scope.steady);
    const seen = new Set<number>();
    const stack: Item[] = roots.map((r) => this.item(r.e, r.wide));
    for (const r of stack) this.count(r);
    for (let i = stack.pop(); i; i = stack.pop()) {
      if (seen.has(key(i))) continue;
      seen.add(key(i));
      for (const c of this.operands(i)) {
        this.count(c);
        stack.push(c);
      }
      if (needsAtoms(i.e)) for (const c of this.operands(i)) this.mustName.add(key(c));
    }
  }

  private count(i: Item): void {
    this.uses.set(key(i), (this.uses.get(key(i)) ?? 0) + 1);
  }

  /** Names made while `write` runs are forgotten after it. */
  block(write: () => void): void {
    this.blocks.push([]);
    write();
    for (const n of this.blocks.pop()!) this.forget(n);
  }

  private forget(n: Name): void {
    if (this.names.get(n.key) === n) this.names.delete(n.key);
  }

  /** Forgets names of values that read any of these. */
  invalidate(changed: Reads): void {
    for (const source of [...changed.locals, ...changed.tensors]) {
      for (const n of this.readers.get(source) ?? []) this.forget(n);
      this.readers.delete(source);
    }
  }

  /** C text of a value; names are emitted before it as needed. */
  value(e: Expr): string {
    return this.text(this.item(e, false));
  }

  /** C text of an element index. */
  index(e: Expr): string {
    return this.text(this.item(e, e.lanes === 1));
  }

  private text(root: Item): string {
    const done = new Map<number, Text>();
    const stack: [Item, boolean][] = [[root, false]];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const [i, ready] = top;
      if (done.has(key(i))) continue;
      const name = this.names.get(key(i));
      if (name) done.set(key(i), { text: name.text, depth: 0 });
      else if (ready) done.set(key(i), this.finish(i, done));
      else {
        stack.push([i, true]);
        const operands = this.operands(i);
        for (let k = operands.length - 1; k >= 0; k--) stack.push([operands[k], false]);
      }
    }
    return done.get(key(root))!.text;
  }

  private finish(i: Item, done: ReadonlyMap<number, Text>): Text {
    const parts = this.operands(i).map((c) => done.get(key(c))!);
    const texts = parts.map((p) => p.text);
    const text = this.render(i, texts);
    const depth = 1 + parts.reduce((d, p) => Math.max(d, p.depth), 0);
    if (!this.naming(i, text, depth)) return { text, depth };
    const name: Name = { text: `t${this.counter++}`, key: key(i), reads: this.reads(i.e) };
    const type = i.wide ? 'i64' : this.scope.unit.type(scalarOf(i.e.dtype), i.e.lanes);
    this.scope.emit(`const ${type} ${name.text} = ${text};`);
    this.names.set(name.key, name);
    for (const source of [...name.reads.locals, ...name.reads.tensors]) {
      this.readers.set(source, [...(this.readers.get(source) ?? []), name]);
    }
    this.blocks.at(-1)!.push(name);
    return { text: name.text, depth: 0 };
  }

  private naming(i: Item, text: string, depth: number): boolean {
    if (i.e.op === 'local') return false;
    if (this.mustName.has(key(i))) return true;
    if (i.e.op === 'const') return false;
    return this.uses.get(key(i))! > 1 || depth >= MAX_DEPTH || text.length > MAX_LENGTH;
  }

  /** The form that is actually written when `wide` is wished for. */
  private item(e: Expr, wide: boolean): Item {
    if (!wide || e.lanes > 1 || e.dtype !== 'i32') return { e, wide: false };
    if (e.op === 'const') return { e, wide: true };
    if (e.op === 'local') return { e, wide: this.scope.local(e.arg).wide };
    return { e, wide: WIDE_OPS.has(e.op) && this.steady(e) };
  }

  private operands(i: Item): readonly Item[] {
    const { e, wide } = i;
    if (wide) return e.src.map((s) => this.item(s, true));
    return e.src.map((s, k) => this.item(s, isLoad(e) && k === 0));
  }

  private render(i: Item, x: readonly string[]): string {
    const { e, wide } = i;
    if (e.op === 'local') {
      const { name, wide: isIndex } = this.scope.local(e.arg);
      return isIndex && !wide ? `((${scalarOf(e.dtype)})${name})` : name;
    }
    if (e.op === 'const' && wide) return `${Number(e.arg) < 0 ? `(${e.arg}LL)` : `${e.arg}LL`}`;
    if (e.op === 'const' && e.lanes === 1) return literal(e);
    if (wide) {
      const [a, b] = this.operands(i).map((c, k) => (c.wide ? x[k] : `(i64)${x[k]}`));
      return `(${a} ${{ add: '+', sub: '-', mul: '*' }[e.op as 'add']} ${b})`;
    }
    if (!isLoad(e)) return renderOp(this.scope.unit, e, x);
    const operands = e.op === 'load' ? 1 : 3;
    invariant(x.length === operands, `c: ${e.op} of ${e.arg.name} with ${x.length} operands`);
    return this.access(e, e.arg, x);
  }

  /** A load at `x[0]`; with more operands, only where the guard `x[1]` holds, else `x[2]`. */
  private access(e: Expr, tensor: TileTensor, x: readonly string[]): string {
    const { unit } = this.scope;
    const pointer = this.scope.pointer(tensor);
    const [at, guard, otherwise] = x;
    const gathers = e.src[0].lanes > 1;
    if (guard !== undefined && e.src[1].lanes > 1) {
      const place = (l: number): string => (gathers ? `${at}[${l}]` : `${at} + ${l}`);
      return gather(unit, tensor.dtype, e.lanes, pointer, place, { guard, otherwise });
    }
    const plain = gathers
      ? gather(unit, tensor.dtype, e.lanes, pointer, (l) => `${at}[${l}]`)
      : loadAt(unit, tensor.dtype, e.lanes, pointer, at);
    if (guard === undefined) return plain;
    // The loaded vector has an unaligned type of its own: both sides must have one type.
    const typed = e.lanes > 1 ? `(${unit.type(scalarOf(e.dtype), e.lanes)})${plain}` : plain;
    return `(${guard} ? ${typed} : ${otherwise})`;
  }
}

/** True when the C form subscripts its operands, so they must be variables. */
const needsAtoms = (e: Expr): boolean =>
  e.op === 'lane' || (isLoad(e) && e.lanes > 1 && e.src.some((s, k) => k < 2 && s.lanes > 1));
