// Expressions to C text with sharing: a value used more than once, or nested too deep, becomes a named constant; the
// name stays good until a local it reads is set or a tensor it reads is stored. Index arithmetic that data cannot steer
// is done in 64 bits ("wide"), so addresses need no sign extension and loops over them strength-reduce.
import { type Expr, isLoad, type Local } from '../../../3-tile/expr.ts';
import type { Effects } from '../../../3-tile/statements.ts';
import { type Kernel, stmtExprs, walkStmts } from '../../../3-tile/task.ts';
import type { TileTensor } from '../../../3-tile/tensor.ts';
import { entryOf, union } from '../../../support/collections.ts';
import { invariant } from '../../../support/errors.ts';
import { memoised, postOrder } from '../../../support/rewrite.ts';
import { literal } from './form.ts';
import type { KernelWriter } from './kernel.ts';
import { gather, loadAt } from './memory.ts';
import { renderOp } from './ops.ts';
import { scalarOf } from './unit.ts';

/** Answers about expressions that follow from the answers about their operands; all are remembered. */
type Facts<T> = (e: Expr) => T;

const operands = (e: Expr): readonly Expr[] => e.src;

function facts<T>(derive: (e: Expr, of: Facts<T>) => T): Facts<T> {
  const memo = new Map<Expr, T>();
  const known = (e: Expr): T => memo.get(e)!;
  const compute = (e: Expr): T => derive(e, known);
  return (root) => memoised(root, operands, memo, compute);
}

/** Whether an expression depends on no loaded element, given the locals that do not. */
const steadyGiven = (locals: ReadonlySet<Local>): Facts<boolean> =>
  facts((e, of) => (e.op === 'local' ? locals.has(e.arg) : !isLoad(e)) && e.src.every(of));

const PASSES = 4;

/** Locals that depend on no loaded element: loop indices with such bounds, and those of which every `set` is such. */
function staticLocals(kernel: Kernel): ReadonlySet<Local> {
  const found = new Set<Local>();
  for (let pass = 0; pass < PASSES; pass++) {
    const before = found.size;
    const verdict = new Map<Local, boolean>();
    const steady = steadyGiven(found);
    const note = (local: Local, ...parts: Expr[]): void => {
      verdict.set(local, (verdict.get(local) ?? true) && parts.every((p) => steady(p)));
    };
    walkStmts(kernel.body, (s) => {
      if (s.kind === 'for') note(s.index, s.from, s.to);
      if (s.kind === 'set') note(s.local, s.value);
    });
    for (const [local, ok] of verdict) if (ok) found.add(local);
    if (found.size === before) break;
  }
  return found;
}

/** What expressions read. */
const readsOf = (): Facts<Effects> =>
  facts((e, of) => e.src.map(of).reduce(union, new Set(e.op === 'local' || isLoad(e) ? [e.arg] : [])));

type Text = Readonly<{ text: string; depth: number }>;
/** An expression in one of its two forms. */
type Item = Readonly<{ e: Expr; wide: boolean }>;

/** Text is broken into named values beyond this nesting or length. */
const MAX_DEPTH = 10;
const MAX_LENGTH = 300;

const WIDE_OPS: ReadonlySet<string> = new Set(['add', 'sub', 'mul']);

export class Values {
  private readonly scope: KernelWriter;
  private readonly plain = new Map<Expr, Item>();
  private readonly wide = new Map<Expr, Item>();
  private readonly uses = new Map<Item, number>();
  private readonly mustName = new Set<Item>();
  private readonly steady: Facts<boolean>;
  private readonly reads = readsOf();
  private readonly names = new Map<Item, Text>();
  private readonly readers = new Map<Local | TileTensor, Item[]>();
  /** What was named per open block, innermost last. */
  private readonly blocks: Item[][] = [[]];
  private counter = 0;

  constructor(scope: KernelWriter, kernel: Kernel) {
    this.scope = scope;
    this.steady = steadyGiven(staticLocals(kernel));
    const roots: Item[] = [];
    walkStmts(kernel.body, (s) => {
      const isIndex = (k: number): boolean => s.kind === 'for' || (k === 0 && 'at' in s);
      roots.push(...stmtExprs(s).map((e, k) => this.item(e, isIndex(k))));
    });
    for (const i of roots) this.count(i);
    for (const i of postOrder(roots, this.operands)) {
      for (const c of this.operands(i)) {
        this.count(c);
        if (needsAtoms(i.e)) this.mustName.add(c);
      }
    }
  }

  private count(i: Item): void {
    this.uses.set(i, (this.uses.get(i) ?? 0) + 1);
  }

  /** Names made while `write` runs are forgotten after it. */
  block(write: () => void): void {
    this.blocks.push([]);
    write();
    for (const i of this.blocks.pop()!) this.names.delete(i);
  }

  /** Forgets names of values that read any of these. */
  invalidate(changed: Iterable<Local | TileTensor>): void {
    for (const source of changed) {
      for (const i of this.readers.get(source) ?? []) this.names.delete(i);
      this.readers.delete(source);
    }
  }

  /** C text of a value; names are emitted before it as needed. */
  value = (e: Expr): string => this.text(this.item(e, false));
  /** C text of an element index. */
  index = (e: Expr): string => this.text(this.item(e, e.lanes === 1));

  private text(root: Item): string {
    const done = new Map<Item, Text>();
    const operands = (i: Item): readonly Item[] => (this.names.has(i) ? [] : this.operands(i));
    return memoised(root, operands, done, (i) => this.names.get(i) ?? this.finish(i, done)).text;
  }

  private finish(i: Item, done: ReadonlyMap<Item, Text>): Text {
    const parts = this.operands(i).map((c) => done.get(c)!);
    const texts = parts.map((p) => p.text);
    const text = this.render(i, texts);
    const depth = 1 + parts.reduce((d, p) => Math.max(d, p.depth), 0);
    if (!this.naming(i, text, depth)) return { text, depth };
    const name = { text: `t${this.counter++}`, depth: 0 };
    const type = i.wide ? 'i64' : this.scope.unit.type(scalarOf(i.e.dtype), i.e.lanes);
    this.scope.emit(`const ${type} ${name.text} = ${text};`);
    this.names.set(i, name);
    for (const source of this.reads(i.e)) this.readers.set(source, [...(this.readers.get(source) ?? []), i]);
    this.blocks.at(-1)!.push(i);
    return name;
  }

  private naming(i: Item, text: string, depth: number): boolean {
    if (i.e.op === 'local') return false;
    if (this.mustName.has(i)) return true;
    return i.e.op !== 'const' && (this.uses.get(i)! > 1 || depth >= MAX_DEPTH || text.length > MAX_LENGTH);
  }

  /** The form that is actually written when `wide` is wished for. */
  private item(e: Expr, wide: boolean): Item {
    const forms = wide && this.canWiden(e) ? this.wide : this.plain;
    return entryOf(forms, e, () => ({ e, wide: forms === this.wide }));
  }

  private canWiden(e: Expr): boolean {
    if (e.lanes > 1 || e.dtype !== 'i32') return false;
    if (e.op === 'local') return this.scope.local(e.arg).wide;
    return e.op === 'const' || (WIDE_OPS.has(e.op) && this.steady(e));
  }

  private readonly operands = ({ e, wide }: Item): readonly Item[] =>
    e.src.map((s, k) => this.item(s, wide || (isLoad(e) && k === 0)));

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
    const [at, guard, otherwise] = x;
    const from = { unit, dtype: tensor.dtype, lanes: e.lanes, pointer: this.scope.pointer(tensor) };
    const gathers = e.src[0].lanes > 1;
    const place = (l: number): string => (gathers ? `${at}[${l}]` : `${at} + ${l}`);
    if (guard !== undefined && e.src[1].lanes > 1) return gather(from, place, { guard, otherwise });
    const plain = gathers ? gather(from, place) : loadAt(from, at);
    if (guard === undefined) return plain;
    // The loaded vector has an unaligned type of its own: both sides must have one type.
    const typed = e.lanes > 1 ? `(${unit.type(scalarOf(e.dtype), e.lanes)})${plain}` : plain;
    return `(${guard} ? ${typed} : ${otherwise})`;
  }
}

/** True when the C form subscripts its operands, so they must be variables. */
const needsAtoms = (e: Expr): boolean =>
  e.op === 'lane' || (isLoad(e) && e.lanes > 1 && e.src.some((s, k) => k < 2 && s.lanes > 1));
