// Kernels to statements over values: selects instructions run by run, keeps the stack of loops for
// addressing, and turns addresses that move with a loop into pointers set before it.
import type { Expr, Local } from '../../../3-tile/expr.ts';
import type { Ranges } from '../../../3-tile/range.ts';
import { effects } from '../../../3-tile/statements.ts';
import { type Kernel, stmtExprs } from '../../../3-tile/task.ts';
import { owner } from '../../../3-tile/tensor.ts';
import type { Stmt } from '../../../3-tile/tile-op.ts';
import { entryOf } from '../../../support/collections.ts';
import { invariant } from '../../../support/errors.ts';
import { Addressing, type LoopFrame, rangesOf, type Site } from './addressing.ts';
import { valueType } from './forms.ts';
import type { LowFunction, LowStmt } from './low.ts';
import { flatIndex, plainSites, Selection } from './select.ts';
import { storeElements } from './storage.ts';
import { Values, type Variable } from './value.ts';

type For = Stmt & { kind: 'for' };
type While = Stmt & { kind: 'while' };
const isSimple = (s: Stmt): boolean => s.kind === 'set' || s.kind === 'store';

/** A kernel being lowered, and what selection shares over all of it. */
export class KernelLowering {
  readonly values = new Values();
  readonly addressing: Addressing;
  readonly relaxedFma: boolean;
  readonly params: readonly Variable[];
  private readonly variables = new Map<Local, Variable>();
  private readonly ranges: Ranges;

  constructor(kernel: Kernel, relaxedFma: boolean) {
    this.relaxedFma = relaxedFma;
    this.params = kernel.params.map(() => this.values.variable('i32'));
    this.ranges = rangesOf(kernel);
    const addresses = new Map(kernel.params.map((t, i) => [t, this.params[i]]));
    this.addressing = new Addressing(this.values, this.ranges, addresses);
  }

  variableOf(local: Local): Variable {
    return entryOf(this.variables, local, () => this.values.variable(valueType(local)));
  }

  /** A run ends behind the first statement with a nested body. */
  block(body: readonly Stmt[]): LowStmt[] {
    const out: LowStmt[] = [];
    for (let i = 0; i < body.length; ) {
      let end = i;
      while (end < body.length && isSimple(body[end])) end++;
      out.push(...this.run(body.slice(i, end + 1)));
      i = end + 1;
    }
    return out;
  }

  private run(stmts: readonly Stmt[]): LowStmt[] {
    const roots: Expr[] = [];
    const sites: Site[] = [];
    for (const s of stmts) {
      // The condition of a loop is selected inside it.
      if (s.kind !== 'while') roots.push(...stmtExprs(s));
      if (s.kind === 'store') sites.push({ tensor: s.tensor, index: flatIndex(s.at, s.tensor) });
    }
    const selection = new Selection(this, [...sites, ...plainSites(roots)]);
    return stmts.flatMap((s) => this.statement(s, selection));
  }

  private statement(s: Stmt, selection: Selection): LowStmt[] {
    if (s.kind === 'for') return this.forLoop(s, selection);
    if (s.kind === 'while') return this.whileLoop(s);
    if (s.kind === 'set') {
      return [{ kind: 'set', variable: this.variableOf(s.local), value: selection.value(s.value) }];
    }
    if (s.kind === 'if') {
      const cond = selection.value(s.cond);
      return [{ kind: 'if', cond, holds: this.block(s.then), otherwise: this.block(s.else) }];
    }
    invariant(s.kind === 'store', `wasm: ${s.kind} needs matrix instructions`);
    const { tensor } = s;
    const value = selection.value(s.value);
    const at = selection.access({ tensor, index: flatIndex(s.at, tensor) });
    return [{ kind: 'store', ...at, ...storeElements(this.values, tensor.dtype, s.value.lanes, value) }];
  }

  private whileLoop(s: While): LowStmt[] {
    const changes = this.frame(s, null);
    return this.inside(changes, () => {
      const cond = new Selection(this, plainSites([s.cond])).value(s.cond);
      return [{ kind: 'while', changes, cond, body: this.block(s.body) }];
    });
  }

  private forLoop(s: For, selection: Selection): LowStmt[] {
    const [first, end] = [this.ranges.of(s.from)!, this.ranges.of(s.to)!];
    if (first[0] >= end[1]) return [];
    invariant(s.step > 0, 'a loop must step upwards');
    const from = selection.value(s.from);
    const to = selection.value(s.to);
    const { step } = s;
    const index = this.variableOf(s.index);
    const changes = this.frame(s, { variable: index, from, step });
    const body = this.inside(changes, () => this.block(s.body));
    const pointers = [...changes.pointers.values()];
    const advance = new Map(pointers.map((p) => [p.variable, p.by]));
    return [
      ...pointers.map((p): LowStmt => ({ kind: 'set', variable: p.variable, value: p.init })),
      { kind: 'for', changes, index, from, to, step, runs: first[1] < end[0], body, advance },
    ];
  }

  private inside(frame: LoopFrame, lower: () => LowStmt[]): LowStmt[] {
    this.addressing.loops.push(frame);
    const lowered = lower();
    this.addressing.loops.pop();
    return lowered;
  }

  private frame(loop: For | While, index: LoopFrame['index']): LoopFrame {
    const changed: LoopFrame['changed'] = new Set();
    for (const x of effects(loop.body)) changed.add('shape' in x ? owner(x) : this.variableOf(x));
    const moves = index !== null && !changed.has(index.variable);
    if (index) changed.add(index.variable);
    return { index: moves ? index : null, changed, known: new Map(), pointers: new Map() };
  }
}

/** Locals become variables, loads and stores get addresses; control flow stays. */
export function lowerKernel(kernel: Kernel, relaxedFma: boolean): LowFunction {
  const lowering = new KernelLowering(kernel, relaxedFma);
  return { params: lowering.params, body: lowering.block(kernel.body) };
}
