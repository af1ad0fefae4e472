// Kernels to statements over values: selects instructions run by run, keeps the stack of loops for
// addressing, and turns addresses that move with a loop into pointers set before it.
import type { Expr, Local } from '../../../3-tile/expr.ts';
import type { Ranges } from '../../../3-tile/range.ts';
import { type Kernel, stmtExprs, walkStmts } from '../../../3-tile/task.ts';
import { owner, type TileTensor } from '../../../3-tile/tensor.ts';
import type { Stmt } from '../../../3-tile/tile-op.ts';
import { invariant } from '../../../support/errors.ts';
import { Addressing, type LoopFrame, type Site } from './addressing.ts';
import { rangesOf } from './affine.ts';
import { valueType } from './forms.ts';
import type { LowStmt } from './low.ts';
import { flatIndex, plainSites, Selection, type SelectionContext } from './select.ts';
import { storeElements } from './storage.ts';
import { Values, type Variable } from './value.ts';

type For = Stmt & { kind: 'for' };
type While = Stmt & { kind: 'while' };
const isSimple = (s: Stmt): boolean => s.kind === 'set' || s.kind === 'store';

class KernelLowering {
  private readonly values = new Values();
  private readonly variables = new Map<Local, Variable>();
  private readonly ranges: Ranges;
  private readonly context: SelectionContext;
  readonly params: readonly Variable[];

  constructor(kernel: Kernel, relaxedFma: boolean) {
    this.params = kernel.params.map(() => this.values.variable('i32'));
    this.ranges = rangesOf(kernel);
    const addresses = new Map(kernel.params.map((t, i) => [t, this.params[i]]));
    const addressing = new Addressing(this.values, this.ranges, addresses);
    this.context = { values: this.values, addressing, relaxedFma, variableOf: (local) => this.variableOf(local) };
  }

  private variableOf(local: Local): Variable {
    let found = this.variables.get(local);
    if (!found) this.variables.set(local, (found = this.values.variable(valueType(local))));
    return found;
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
    const selection = new Selection(this.context, [...sites, ...plainSites(roots)]);
    return stmts.flatMap((s) => this.statement(s, selection));
  }

  private statement(s: Stmt, selection: Selection): LowStmt[] {
    switch (s.kind) {
      case 'set':
        return [{ kind: 'set', variable: this.variableOf(s.local), value: selection.value(s.value) }];
      case 'store': {
        const { tensor } = s;
        const value = selection.value(s.value);
        const at = selection.access({ tensor, index: flatIndex(s.at, tensor) });
        return [{ kind: 'store', ...at, ...storeElements(this.values, tensor.dtype, s.value.lanes, value) }];
      }
      case 'if': {
        const cond = selection.value(s.cond);
        return [{ kind: 'if', cond, holds: this.block(s.then), otherwise: this.block(s.else) }];
      }
      case 'for':
        return this.forLoop(s, selection);
      case 'while':
        return this.inside(this.frame(s, null), () => {
          const cond = new Selection(this.context, plainSites([s.cond])).value(s.cond);
          return [{ kind: 'while', cond, body: this.block(s.body) }];
        });
    }
  }

  private forLoop(s: For, selection: Selection): LowStmt[] {
    const [first, end] = [this.ranges.of(s.from)!, this.ranges.of(s.to)!];
    if (first[0] >= end[1]) return [];
    invariant(s.step > 0, 'a loop must step upwards');
    const from = selection.value(s.from);
    const to = selection.value(s.to);
    const { step } = s;
    const index = this.variableOf(s.index);
    const frame = this.frame(s, { variable: index, from, step });
    const body = this.inside(frame, () => this.block(s.body));
    const pointers = [...frame.pointers.values()];
    const advance = new Map(pointers.map((p) => [p.variable, p.by]));
    return [
      ...pointers.map((p): LowStmt => ({ kind: 'set', variable: p.variable, value: p.init })),
      { kind: 'for', index, from, to, step, runs: first[1] < end[0], body, advance },
    ];
  }

  private inside(frame: LoopFrame, lower: () => LowStmt[]): LowStmt[] {
    this.context.addressing.loops.push(frame);
    const lowered = lower();
    this.context.addressing.loops.pop();
    return lowered;
  }

  private frame(loop: For | While, index: LoopFrame['index']): LoopFrame {
    const assigned = new Set<Variable>();
    const written = new Set<TileTensor>();
    walkStmts(loop.body, (s) => {
      if (s.kind === 'set') assigned.add(this.variableOf(s.local));
      if (s.kind === 'for') assigned.add(this.variableOf(s.index));
      if (s.kind === 'store') written.add(owner(s.tensor));
    });
    const moves = index !== null && !assigned.has(index.variable);
    if (index) assigned.add(index.variable);
    return { index: moves ? index : null, assigned, written, varies: new Map(), pointers: new Map() };
  }
}

/** Locals become variables, loads and stores get addresses; control flow stays. */
export function lowerKernel(kernel: Kernel, relaxedFma: boolean): { params: readonly Variable[]; body: LowStmt[] } {
  const lowering = new KernelLowering(kernel, relaxedFma);
  return { params: lowering.params, body: lowering.block(kernel.body) };
}
