// Byte addresses of element accesses. Those that differ by a constant share one address; terms are added outermost loop
// first, so that sums can leave loops; an address that moves by a constant per iteration becomes a pointer.
import type { Expr, Local } from '../../../3-tile/expr.ts';
import { hull, type Interval, Ranges } from '../../../3-tile/range.ts';
import { type Linear, linearOf, linearRange } from '../../../3-tile/rules/linear.ts';
import { type Kernel, walkStmts } from '../../../3-tile/task.ts';
import { owner, type TileTensor } from '../../../3-tile/tensor.ts';
import { dtypeInfo } from '../../../ir/dtype.ts';
import { entryOf } from '../../../support/collections.ts';
import { type Changes, varies } from './low.ts';
import type { Access } from './storage.ts';
import type { Value, Values, Variable } from './value.ts';

/** A loop around the current statement. */
export interface LoopFrame extends Changes {
  /** Null for `while`, and for indices that the body assigns. */
  readonly index: { readonly variable: Variable; readonly from: Value; readonly step: number } | null;
  /** Variables that follow addresses: their first value, and what an iteration adds. */
  readonly pointers: Map<string, { readonly variable: Variable; readonly init: Value; readonly by: number }>;
}

/** `key` is equal for sums with equal terms. */
export type Affine = Linear & Readonly<{ key: string }>;

/** A sum with more parts than this stays one leaf. */
const MAX_PARTS = 256;

const sums = new WeakMap<Expr, Affine>();

/** The sum of an index; computed once per expression. */
export function affine(index: Expr): Affine {
  return entryOf(sums, index, () => {
    const sum = linearOf(index, MAX_PARTS) ?? { dtype: index.dtype, terms: new Map([[index, 1]]), constant: 0 };
    const ids = [...sum.terms].map(([e, by]) => [e.id, by]).sort((a, b) => a[0] - b[0]);
    return { ...sum, key: ids.join(';') };
  });
}

/** Ranges of the i32 scalars of a kernel: indices of its loops are between their bounds. */
export function rangesOf(kernel: Kernel): Ranges {
  const assigned = new Set<Local>();
  walkStmts(kernel.body, (s) => s.kind === 'set' && assigned.add(s.local));
  const indices = new Map<Local, Interval>();
  walkStmts(kernel.body, (s) => {
    if (s.kind !== 'for' || assigned.has(s.index)) return;
    const ranges = new Ranges(indices);
    const from = ranges.of(s.from)![0];
    const range: Interval = [from, Math.max(ranges.of(s.to)![1] - 1, from)];
    const before = indices.get(s.index);
    indices.set(s.index, before ? hull(before, range) : range);
  });
  return new Ranges(indices);
}

/** Whether the terms of a sum, the constant left out, can neither be negative nor leave an i32. */
export function isNonNegative(sum: Linear, ranges: Ranges): boolean {
  const range = linearRange({ ...sum, constant: 0 }, ranges);
  return range !== undefined && range[0] >= 0;
}

/** An access of consecutive elements that is in range wherever its statement runs. */
export type Site = Readonly<{ tensor: TileTensor; index: Expr }>;

/** Accesses of one straight run of statements that share their terms: the smallest constant. */
export type Anchors = ReadonlyMap<string, number>;

const sumKey = (tensor: TileTensor, sum: Affine): string => `${tensor.id}|${sum.key}`;

export function anchorsOf(sites: Iterable<Site>): Anchors {
  const anchors = new Map<string, number>();
  for (const { tensor, index } of sites) {
    const sum = affine(index);
    const key = sumKey(tensor, sum);
    anchors.set(key, Math.min(anchors.get(key) ?? sum.constant, sum.constant));
  }
  return anchors;
}

/** A term of a byte address and the loop whose iterations change it. */
type Term = Readonly<{ value: Value; by: number; depth: number }>;

export class Addressing {
  private readonly v: Values;
  private readonly ranges: Ranges;
  private readonly params: ReadonlyMap<TileTensor, Variable>;
  /** Outermost first. */
  readonly loops: LoopFrame[] = [];

  constructor(v: Values, ranges: Ranges, params: ReadonlyMap<TileTensor, Variable>) {
    this.v = v;
    this.ranges = ranges;
    this.params = params;
  }

  /** The address of the tensor's first byte. */
  start(tensor: TileTensor): Value {
    return this.v.read(this.params.get(tensor)!);
  }

  /** `lookup` gives the values of the sum's leaves. */
  plain({ tensor, index }: Site, anchors: Anchors, lookup: (leaf: Expr) => Value): Access {
    const sum = affine(index);
    const anchor = anchors.get(sumKey(tensor, sum)) ?? sum.constant;
    const inAddress = isNonNegative(sum, this.ranges) ? Math.min(0, anchor) : anchor;
    return this.access(tensor, sum, inAddress, lookup);
  }

  /** All of the index in the address, for accesses that may be out of range. */
  exact({ tensor, index }: Site, lookup: (leaf: Expr) => Value): Access {
    return this.access(tensor, affine(index), affine(index).constant, lookup);
  }

  /** `inAddress`: how much of the constant the address takes; the instruction's offset takes the rest. */
  private access(tensor: TileTensor, sum: Affine, inAddress: number, lookup: (leaf: Expr) => Value): Access {
    const { bytes } = dtypeInfo(tensor.dtype);
    const terms = [...sum.terms].map(([leaf, by]): Term => {
      const value = lookup(leaf);
      return { value, by: Math.imul(by, bytes), depth: this.depthOf(value) };
    });
    terms.sort((a, b) => a.depth - b.depth || a.value.id - b.value.id);
    const base = this.add(this.start(tensor), this.v.i32(inAddress * bytes));
    const address = terms.reduce((at, t, i) => {
      const innermost = i === terms.length - 1 && (i === 0 || terms[i - 1].depth < t.depth);
      return (innermost && this.pointer(at, t)) || this.add(at, this.scaled(t.value, t.by));
    }, base);
    return { address, offset: (sum.constant - inAddress) * bytes, memory: owner(tensor) };
  }

  private add(a: Value, b: Value): Value {
    return this.v.op('i32.add', [a, b]);
  }

  private scaled(x: Value, by: number): Value {
    const log = Math.log2(by);
    const shifts = Number.isInteger(log) && log > 0;
    return this.v.op(shifts ? 'i32.shl' : 'i32.mul', [x, this.v.i32(shifts ? log : by)]);
  }

  /** A variable that holds base + by·index in the loop whose index is the term, or null. */
  private pointer(base: Value, { value, by, depth }: Term): Value | null {
    const loop = this.loops[depth];
    const index = loop?.index;
    if (!index || value.variable !== index.variable) return null;
    // Set before the loop, where what guards a load inside may not hold.
    if (base.loads || index.from.loads) return null;
    const key = `${base.id}|${by}`;
    const { variable } = entryOf(loop.pointers, key, () => {
      const made = this.v.variable('i32');
      for (let d = 0; d <= depth; d++) this.loops[d].changed.add(made);
      return { variable: made, init: this.add(base, this.scaled(index.from, by)), by: Math.imul(by, index.step) };
    });
    return this.v.read(variable);
  }

  /** The innermost loop in which the value changes; -1: none. */
  depthOf(value: Value): number {
    return this.loops.findLastIndex((loop) => varies(value, loop));
  }
}
