// Lowering: a canonical operator or a routine becomes loop statements over formal tensors with flat
// indices. In: one TileOp (or statements) and a device. Out: statements for any target to print.
import { type Axis, type Expr, localExpr, newLocal } from '../3-tile/expr.ts';
import { withSrc } from '../3-tile/rewrite.ts';
import { type Decompositions, legalise } from '../3-tile/rules/legalise.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { flatIndex, flattenLoads } from '../4-schedule/nest.ts';
import type { Lowering, Tiled } from '../4-schedule/schedule.ts';
import { transform } from '../4-schedule/transform.ts';
import type { Node, Nodes } from '../4-schedule/welder/nodes.ts';
import type { Device } from '../devices/device.ts';
import { shiftedLoop } from './loops.ts';
import { NestWriter } from './nest-writer.ts';

type FormalOf = (t: TileTensor) => TileTensor;

type Scalar = (e: Expr) => Expr;

/** A routine's statements over formals and flat indices. */
function lowerRoutine(body: readonly Stmt[], formal: FormalOf, scalar: Scalar): readonly Stmt[] {
  const memo = new Map<Expr, Expr>();
  const flat = (e: Expr): Expr => scalar(transform(e, (n, src) => flattenLoads(n, src, formal), memo));
  const all = (list: readonly Stmt[]): readonly Stmt[] => list.map(one);
  const one = (s: Stmt): Stmt => {
    if (s.kind === 'set') return { ...s, value: flat(s.value) };
    if (s.kind === 'if') return { ...s, cond: flat(s.cond), then: all(s.then), else: all(s.else) };
    if (s.kind === 'while') return { ...s, cond: flat(s.cond), body: all(s.body) };
    if (s.kind === 'for') return { ...s, from: flat(s.from), to: flat(s.to), body: all(s.body) };
    // Only kernels have the others.
    if (s.kind !== 'store') return s;
    return { ...s, tensor: formal(s.tensor), at: [flat(flatIndex(s.tensor, s.at))], value: flat(s.value) };
  };
  return all(body);
}

/** Loops over tiles around the loops of each operator; `origins` are the values of the axes bound so far. */
function lowerGraph(nodes: Nodes<Tiled>, origins: Map<Axis, Expr>, aliased: boolean, device: Device): readonly Stmt[] {
  const value = (e: Expr): Expr => transform(e, (n, src) => (n.op === 'axis' ? origins.get(n.arg)! : withSrc(n, src)));
  const inside = (body: Nodes<Tiled>, own: Map<Axis, Expr>) => lowerGraph(body, own, aliased, device);
  const one = (n: Node<Tiled>): readonly Stmt[] => {
    if (n.kind === 'op') return new NestWriter(n.op.op, aliased, device, origins).statements(n.op.tile);
    if (n.kind === 'when')
      return [{ kind: 'if', cond: value(n.cond), then: inside(n.body, new Map(origins)), else: [] }];
    if (n.kind === 'let') {
      const local = newLocal(n.axis.name, 'i32');
      const set: Stmt = { kind: 'set', local, value: value(n.value) };
      origins.set(n.axis, localExpr(local));
      return [set];
    }
    return shiftedLoop(n.axis.name, n.extent, n.step, (base) => inside(n.body, new Map(origins).set(n.axis, base)));
  };
  return nodes.flatMap(one);
}

/** What the scheduler is given: statements, with these functions decomposed. */
export function loweringWith(functions: Decompositions): Lowering {
  const scalar: Lowering['scalar'] = (e, { fma, scales }, memo) =>
    legalise(e, functions, { fuse: fma !== 'none', scales: scales === true }, memo);
  return {
    scalar,
    graph: (nodes, aliased, device) => lowerGraph(nodes, new Map(), aliased, device),
    routine: (body, formal, device) => {
      const legal = new Map<Expr, Expr>();
      return lowerRoutine(body, formal, (e) => scalar(e, device, legal));
    },
  };
}
