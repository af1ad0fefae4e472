// Byte addresses of element accesses. Accesses whose indices differ by a constant share one address
// and differ in the offset of the instruction; terms are added outermost loop first, so that sums
// can leave loops; an address that moves by a constant per iteration becomes a pointer.
import type { Expr } from '../../../3-tile/expr.ts';
import { owner, type TileTensor } from '../../../3-tile/tensor.ts';
import { dtypeInfo } from '../../../ir/dtype.ts';
import { type Affine, affine, type Ranges } from './affine.ts';
import type { Advance } from './low.ts';
import type { Access } from './storage.ts';
import type { Value, Values, Variable } from './value.ts';

/** A loop around the current statement. */
export interface LoopFrame {
  /** Null for `while`, and for indices that the body assigns. */
  readonly index: {
    readonly variable: Variable;
    readonly from: Value;
    readonly step: number;
  } | null;
  readonly assigned: Set<Variable>;
  readonly written: ReadonlySet<TileTensor>;
  readonly varies: Map<Value, boolean>;
  readonly pointers: Map<string, { readonly init: Value; readonly advance: Advance }>;
}

/** How an access is performed: `plain` ones are in range wherever their statement runs. */
export interface Site {
  readonly tensor: TileTensor;
  readonly index: Expr;
}

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

export class Addressing {
  private readonly v: Values;
  private readonly ranges: Ranges;
  private readonly pointers: ReadonlyMap<TileTensor, Variable>;
  /** Outermost first. */
  readonly loops: LoopFrame[] = [];

  constructor(v: Values, ranges: Ranges, pointers: ReadonlyMap<TileTensor, Variable>) {
    this.v = v;
    this.ranges = ranges;
    this.pointers = pointers;
  }

  /** The address of the tensor's first byte. */
  start(tensor: TileTensor): Value {
    return this.v.read(this.pointers.get(tensor)!);
  }

  /** `lookup` gives the values of the sum's leaves. */
  plain(site: Site, anchors: Anchors, lookup: (leaf: Expr) => Value): Access {
    const sum = affine(site.index);
    const anchor = anchors.get(sumKey(site.tensor, sum)) ?? sum.constant;
    const safe = this.ranges.least(sum) >= 0;
    const inAddress = safe ? Math.min(0, anchor) : anchor;
    return this.access(site.tensor, sum, inAddress, sum.constant - inAddress, lookup);
  }

  /** All of the index in the address, for accesses that may be out of range. */
  exact(site: Site, lookup: (leaf: Expr) => Value): Access {
    const sum = affine(site.index);
    return this.access(site.tensor, sum, sum.constant, 0, lookup);
  }

  private access(
    tensor: TileTensor,
    sum: Affine,
    inAddress: number,
    rest: number,
    lookup: (leaf: Expr) => Value,
  ): Access {
    const { bytes } = dtypeInfo(tensor.dtype);
    const { v } = this;
    let address = v.op('i32.add', [this.start(tensor), v.i32(inAddress * bytes)]);
    const terms = [...sum.terms].map(([leaf, by]) => {
      const value = lookup(leaf);
      return { value, by: Math.imul(by, bytes), depth: this.depthOf(value) };
    });
    terms.sort((a, b) => a.depth - b.depth || a.value.id - b.value.id);
    terms.forEach((t, i) => {
      const only = i === terms.length - 1 && (i === 0 || terms[i - 1].depth < t.depth);
      const pointer = only ? this.pointer(address, t) : null;
      address = pointer ?? v.op('i32.add', [address, this.scaled(t.value, t.by)]);
    });
    return { address, offset: rest * bytes, memory: owner(tensor) };
  }

  private scaled(x: Value, by: number): Value {
    const log = Math.log2(by);
    return Number.isInteger(log) && log > 0
      ? this.v.op('i32.shl', [x, this.v.i32(log)])
      : this.v.op('i32.mul', [x, this.v.i32(by)]);
  }

  /** A variable that holds base + by·index in the loop whose index is the term, or null. */
  private pointer(base: Value, term: { value: Value; by: number; depth: number }): Value | null {
    const loop = this.loops[term.depth];
    const index = loop?.index;
    if (!index || term.value.variable !== index.variable) return null;
    // Set before the loop, where what guards a load inside may not hold.
    if (base.loads || index.from.loads) return null;
    const key = `${base.id}|${term.by}`;
    let found = loop.pointers.get(key);
    if (!found) {
      const { v } = this;
      const variable = v.variable('i32');
      const init = v.op('i32.add', [base, this.scaled(index.from, term.by)]);
      found = { init, advance: { variable, by: Math.imul(term.by, index.step) } };
      loop.pointers.set(key, found);
      for (let d = 0; d <= term.depth; d++) this.loops[d].assigned.add(variable);
    }
    return this.v.read(found.advance.variable);
  }

  /** The innermost loop in which the value changes; -1: none. */
  depthOf(value: Value): number {
    for (let d = this.loops.length - 1; d >= 0; d--) {
      if (varies(value, this.loops[d])) return d;
    }
    return -1;
  }
}

/** Whether the value may differ between iterations of the loop. */
function varies(root: Value, loop: LoopFrame): boolean {
  const memo = loop.varies;
  const stack = [root];
  while (stack.length > 0) {
    const x = stack[stack.length - 1];
    const pending = memo.has(x) ? [] : x.src.filter((s) => !memo.has(s));
    if (pending.length > 0) {
      stack.push(...pending);
      continue;
    }
    stack.pop();
    const own = x.variable ? loop.assigned.has(x.variable) : x.memory !== null && loop.written.has(x.memory);
    memo.set(x, own || x.src.some((s) => memo.get(s)));
  }
  return memo.get(root)!;
}
