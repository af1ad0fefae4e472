// Kernels to statements over values: selects instructions run by run, keeps the stack of loops for
// addressing, and turns addresses that move with a loop into pointers set before it.
import type { Expr, Local } from '../../../3-tile/expr.ts';
import { type Kernel, stmtExprs, walkStmts } from '../../../3-tile/task.ts';
import { owner, type TileTensor } from '../../../3-tile/tensor.ts';
import type { Stmt } from '../../../3-tile/tile-op.ts';
import { invariant } from '../../../support/errors.ts';
import { Addressing, type LoopFrame, type Site } from './addressing.ts';
import { Ranges } from './affine.ts';
import { valueType } from './forms.ts';
import type { LowStmt } from './low.ts';
import { flatIndex, plainSites, Selection, type SelectionContext } from './select.ts';
import { storeElements } from './storage.ts';
import { Values, type Variable } from './value.ts';

export interface LoweredKernel {
  readonly params: readonly Variable[];
  readonly body: readonly LowStmt[];
}

type Loop = Stmt & { kind: 'for' | 'while' };
const isSimple = (s: Stmt): boolean => s.kind === 'set' || s.kind === 'store';

class KernelLowering {
  private readonly values = new Values();
  private readonly variables = new Map<Local, Variable>();
  private readonly ranges: Ranges;
  private readonly context: SelectionContext;
  readonly params: readonly Variable[];

  constructor(kernel: Kernel, relaxedFma: boolean) {
    this.params = kernel.params.map(() => this.values.variable('i32'));
    this.ranges = new Ranges(kernel);
    const pointers = new Map(kernel.params.map((t, i) => [t, this.params[i]]));
    this.context = {
      values: this.values,
      addressing: new Addressing(this.values, this.ranges, pointers),
      relaxedFma,
      variableOf: (local) => this.variableOf(local),
    };
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
      end = Math.min(end + 1, body.length);
      this.run(body.slice(i, end), out);
      i = end;
    }
    return out;
  }

  private run(stmts: readonly Stmt[], out: LowStmt[]): void {
    const roots: Expr[] = [];
    const sites: Site[] = [];
    for (const s of stmts) {
      if (s.kind === 'while') continue;
      if (s.kind !== 'store') roots.push(...stmtExprs(s));
      else {
        const index = flatIndex(s.at, s.tensor);
        roots.push(s.value, index);
        sites.push({ tensor: s.tensor, index });
      }
    }
    const selection = new Selection(this.context, [...sites, ...plainSites(roots)]);
    for (const s of stmts) this.statement(s, selection, out);
  }

  private statement(s: Stmt, selection: Selection, out: LowStmt[]): void {
    switch (s.kind) {
      case 'set': {
        out.push({
          kind: 'set',
          variable: this.variableOf(s.local),
          value: selection.value(s.value),
        });
        return;
      }
      case 'store': {
        this.store(s, selection, out);
        return;
      }
      case 'if': {
        const cond = selection.value(s.cond);
        const [holds, otherwise] = [this.block(s.then), this.block(s.else)];
        out.push({ kind: 'if', cond, holds, otherwise });
        return;
      }
      case 'for': {
        this.forLoop(s, selection, out);
        return;
      }
      case 'while':
        this.whileLoop(s, out);
    }
  }

  private store(s: Stmt & { kind: 'store' }, selection: Selection, out: LowStmt[]): void {
    const { tensor } = s;
    const value = selection.value(s.value);
    const at = selection.target({ tensor, index: flatIndex(s.at, tensor) });
    const stored = storeElements(this.values, tensor.dtype, s.value.lanes, value);
    out.push({
      kind: 'store',
      address: at.address,
      offset: at.offset,
      memory: at.memory,
      ...stored,
    });
  }

  private forLoop(s: Stmt & { kind: 'for' }, selection: Selection, out: LowStmt[]): void {
    if (this.ranges.of(s.from).lo >= this.ranges.of(s.to).hi) return;
    invariant(s.step > 0, 'a loop must step upwards');
    const from = selection.value(s.from);
    const to = selection.value(s.to);
    const variable = this.variableOf(s.index);
    const frame = this.frame(s, { variable, from, step: s.step });
    const body = this.inside(frame, s.body);
    const pointers = [...frame.pointers.values()];
    for (const { init, advance } of pointers) {
      out.push({ kind: 'set', variable: advance.variable, value: init });
    }
    const runs = this.ranges.of(s.from).hi < this.ranges.of(s.to).lo;
    const advance = pointers.map((p) => p.advance);
    out.push({ kind: 'for', index: variable, from, to, step: s.step, runs, body, advance });
  }

  private whileLoop(s: Stmt & { kind: 'while' }, out: LowStmt[]): void {
    const frame = this.frame(s, null);
    this.context.addressing.loops.push(frame);
    const cond = new Selection(this.context, plainSites([s.cond])).value(s.cond);
    const body = this.block(s.body);
    this.context.addressing.loops.pop();
    out.push({ kind: 'while', cond, body });
  }

  private inside(frame: LoopFrame, body: readonly Stmt[]): LowStmt[] {
    this.context.addressing.loops.push(frame);
    const lowered = this.block(body);
    this.context.addressing.loops.pop();
    return lowered;
  }

  private frame(s: Loop, index: LoopFrame['index']): LoopFrame {
    const assigned = new Set<Variable>();
    const written = new Set<TileTensor>();
    let moves = true;
    walkStmts(s.body, (inner) => {
      if (inner.kind === 'set') assigned.add(this.variableOf(inner.local));
      if (inner.kind === 'for') assigned.add(this.variableOf(inner.index));
      if (inner.kind === 'store') written.add(owner(inner.tensor));
    });
    if (index) {
      moves = !assigned.has(index.variable);
      assigned.add(index.variable);
    }
    return {
      index: moves ? index : null,
      assigned,
      written,
      varies: new Map(),
      pointers: new Map(),
    };
  }
}

/** Locals become variables, loads and stores get addresses; control flow stays. */
export function lowerKernel(kernel: Kernel, relaxedFma: boolean): LoweredKernel {
  const lowering = new KernelLowering(kernel, relaxedFma);
  return { params: lowering.params, body: lowering.block(kernel.body) };
}
