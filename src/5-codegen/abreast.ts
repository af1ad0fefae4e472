// Long values of several points side by side. Compilers and engines mostly keep the order of what they are given, and a
// processor looks ahead over some two hundred instructions: a chain of operations that waits for each result leaves
// execution units idle unless its neighbours are in that window. In: points and what all of them compute. Out:
// statements that set a part of it for every point before the next part.
import { type Expr, isLoad, type Local, localExpr, newLocal } from '../3-tile/expr.ts';
import type { Stmt } from '../3-tile/tile-op.ts';
import { WINDOW } from '../4-schedule/cost.ts';
import { onLanes } from '../4-schedule/vectors.ts';
import type { Device } from '../devices/device.ts';
import { postOrder } from '../support/rewrite.ts';
import type { Point } from './point.ts';

/** Operations of one part; shorter values stay whole. */
const PART = 8;

export class Abreast {
  private readonly parts: readonly Expr[];
  /** Points of a group at most. */
  private readonly most: number;
  private readonly locals = new Map<string, Local>();

  constructor(roots: readonly Expr[], device: Device) {
    const order = postOrder(roots, operands);
    const operations = order.filter((e) => operands(e).length > 0);
    this.parts = operations.length < PART ? [] : partsOf(order, roots);
    // Behind a group of long values no other group is in sight, but what is read from memory needs no register.
    const alone = operations.length * device.latency > WINDOW && !device.loadsEarly;
    this.most = Math.ceil(device.latency) * (alone ? device.arithmeticPorts : 1);
  }

  /** `use` of every item, in order; before those of a group, the parts of its points' values. */
  each<T>(items: readonly T[], point: (item: T) => Point, use: (p: Point, item: T) => readonly Stmt[]): Stmt[] {
    if (this.parts.length === 0) return items.flatMap((item) => use(point(item), item));
    const size = Math.ceil(items.length / Math.ceil(items.length / this.most));
    const body: Stmt[] = [];
    for (let from = 0; from < items.length; from += size) {
      const group = items.slice(from, from + size);
      const points = group.map(point);
      for (const [i, part] of this.parts.entries()) body.push(...this.setPart(part, i, points));
      body.push(...group.flatMap((item, i) => use(points[i], item)));
    }
    return body;
  }

  private setPart(part: Expr, place: number, points: readonly Point[]): Stmt[] {
    const values = points.map((p) => p.value(part));
    const lanewise = values.some((v) => v.lanes > 1) && !onLanes(part);
    if (lanewise || points.length === 1 || new Set(values).size < points.length) return [];
    return values.map((value, i) => {
      const key = `${place} ${i} ${value.lanes}`;
      const local = this.locals.get(key) ?? newLocal('part', value.dtype, value.lanes);
      this.locals.set(key, local);
      points[i].bind(part, localExpr(local));
      return { kind: 'set', local, value };
    });
  }
}

const operands = (e: Expr): readonly Expr[] => (isLoad(e) ? [] : e.src);

/** Nodes at which the values fall into parts, operands first: results that are used again, and long ones. */
function partsOf(order: readonly Expr[], roots: readonly Expr[]): Expr[] {
  const uses = new Map<Expr, number>();
  for (const e of order) for (const s of operands(e)) uses.set(s, (uses.get(s) ?? 0) + 1);
  const sizes = new Map<Expr, number>();
  return order.filter((e) => {
    const size = operands(e).reduce((n, s) => n + sizes.get(s)!, operands(e).length > 0 ? 1 : 0);
    const ends = size >= PART || (size > 0 && uses.get(e)! > 1);
    sizes.set(e, ends ? 0 : size);
    return ends && !roots.includes(e);
  });
}
