// Lowering: a canonical operator or a routine becomes loop statements over formal tensors with flat
// indices. In: one TileOp (or statements) and a device. Out: statements for any target to print.
import type { Expr } from '../3-tile/expr.ts';
import { legalise } from '../3-tile/rules/legalise.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { flatIndex, flattenLoads } from '../4-schedule/nest.ts';
import type { Lowering } from '../4-schedule/schedule.ts';
import { transform } from '../4-schedule/transform.ts';
import { NestWriter } from './nest-writer.ts';

type FormalOf = (t: TileTensor) => TileTensor;

/** A routine's statements over formals and flat indices. */
export function lowerRoutine(body: readonly Stmt[], formal: FormalOf): readonly Stmt[] {
  const memo = new Map<Expr, Expr>();
  const legal = new Map<Expr, Expr>();
  const flat = (e: Expr): Expr =>
    legalise(
      transform(e, (n, src) => flattenLoads(n, src, formal), memo),
      legal,
    );
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
  op: (op, tile, aliased, device) => new NestWriter(op, aliased, device).statements(tile),
  routine: (body, formal) => lowerRoutine(body, formal),
};
