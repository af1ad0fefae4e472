// Lowering: a canonical operator or a routine becomes loop statements over formal tensors with flat
// indices. In: one TileOp (or statements) and a device. Out: statements for any target to print.
import type { Device } from '../devices/device.ts';
import { constant, type Expr, index, type Local, localExpr, newLocal } from '../3-tile/expr.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import type { Reduction, Stmt, TileOp } from '../3-tile/tile-op.ts';
import { flatIndex, flattenLoads } from '../4-schedule/nest.ts';
import type { Lowering } from '../4-schedule/schedule.ts';
import { transform, withSrc } from '../4-schedule/transform.ts';

type Bindings = ReadonlyMap<unknown, Expr>;

/** Replaces axes, `acc` and `elem` placeholders. */
function bind(e: Expr, bindings: Bindings, memo?: Map<Expr, Expr>): Expr {
  return transform(
    e,
    (n, src) => {
      if (n.op === 'axis') return bindings.get(n.arg) ?? n;
      if (n.op === 'acc' || n.op === 'elem') return bindings.get(`${n.op}${n.arg}`) ?? n;
      return withSrc(n, src);
    },
    memo,
  );
}

function scalarReduction(reduce: Reduction, axes: Bindings): { stmts: Stmt[]; state: Local[] } {
  const { monoid } = reduce;
  const state = monoid.state.map((t, i) => newLocal(`acc${i}`, t));
  const stmts: Stmt[] = state.map((local, i) => ({
    kind: 'set',
    local,
    value: constant(local.dtype, monoid.init[i]),
  }));
  const loops = reduce.axes.map((axis) => ({ axis, local: newLocal(axis.name, 'i32') }));
  const inner = new Map([...axes, ...loops.map((l) => [l.axis, localExpr(l.local)] as const)]);
  const combined = new Map<unknown, Expr>(state.map((s, i) => [`acc${i}`, localExpr(s)]));
  const body: Stmt[] = reduce.elems.map((e, i) => {
    const local = newLocal(`elem${i}`, e.dtype);
    combined.set(`elem${i}`, localExpr(local));
    return { kind: 'set', local, value: bind(e, inner) };
  });
  const next = monoid.combine.map((e, i) => ({ local: newLocal(`next${i}`, monoid.state[i]), e }));
  for (const n of next) body.push({ kind: 'set', local: n.local, value: bind(n.e, combined) });
  next.forEach((n, i) => {
    body.push({ kind: 'set', local: state[i], value: localExpr(n.local) });
  });
  return { stmts: [...stmts, ...nestLoops(loops, body)], state };
}

function nestLoops(
  loops: readonly { axis: { extent: number }; local: Local }[],
  body: readonly Stmt[],
): readonly Stmt[] {
  return [...loops].reverse().reduce<readonly Stmt[]>(
    (inner, { axis, local }) => [
      {
        kind: 'for',
        index: local,
        from: index(0),
        to: index(axis.extent),
        step: 1,
        body: inner,
      },
    ],
    body,
  );
}

/** A canonical operator as plain scalar loops. */
export function lowerOp(op: TileOp): readonly Stmt[] {
  const loops = op.axes.map((axis) => ({ axis, local: newLocal(axis.name, 'i32') }));
  const axes = new Map<unknown, Expr>(loops.map((l) => [l.axis, localExpr(l.local)]));
  const body: Stmt[] = [];
  const bindings = new Map(axes);
  if (op.reduce) {
    const { stmts, state } = scalarReduction(op.reduce, axes);
    body.push(...stmts);
    state.forEach((s, i) => {
      bindings.set(`acc${i}`, localExpr(s));
    });
  }
  const at = op.at.map((e) => bind(e, axes));
  body.push({ kind: 'store', tensor: op.write, at, value: bind(op.value, bindings) });
  return nestLoops(loops, body);
}

type FormalOf = (t: TileTensor) => TileTensor;

/** A routine's statements over formals and flat indices. */
export function lowerRoutine(body: readonly Stmt[], formal: FormalOf): readonly Stmt[] {
  const memo = new Map<Expr, Expr>();
  const flat = (e: Expr): Expr => transform(e, (n, src) => flattenLoads(n, src, formal), memo);
  const all = (list: readonly Stmt[]): readonly Stmt[] => list.map(one);
  const one = (s: Stmt): Stmt => {
    switch (s.kind) {
      case 'set':
        return { ...s, value: flat(s.value) };
      case 'store':
        return {
          ...s,
          tensor: formal(s.tensor),
          at: [flat(flatIndex(s.tensor, s.at))],
          value: flat(s.value),
        };
      case 'if':
        return { ...s, cond: flat(s.cond), then: all(s.then), else: all(s.else) };
      case 'while':
        return { ...s, cond: flat(s.cond), body: all(s.body) };
      case 'for':
        return { ...s, from: flat(s.from), to: flat(s.to), body: all(s.body) };
    }
  };
  return all(body);
}

/** What the scheduler is given. */
export const lowering: Lowering = {
  op: (op: TileOp, _device: Device) => lowerOp(op),
  routine: (body, formal) => lowerRoutine(body, formal),
};
