// Instruction selection: expressions of one straight run of statements become values. Nodes are
// visited with an explicit stack; equal nodes are selected once per run.
import { type Expr, type ExprNode, type Op, picksOf } from '../../../3-tile/expr.ts';
import { owner, type TileTensor } from '../../../3-tile/tensor.ts';
import { dtypeInfo } from '../../../ir/dtype.ts';
import { invariant } from '../../../support/errors.ts';
import { memoised, postOrder } from '../../../support/rewrite.ts';
import { type Anchors, affine, anchorsOf, type Site } from './addressing.ts';
import { dotProduct, multiplyAdd, pureValue, ramp } from './arithmetic.ts';
import { lane, pack, splat, valueType } from './forms.ts';
import type { KernelLowering } from './lower.ts';
import { type Access, loadElements, roundTo } from './storage.ts';
import type { Value, Values } from './value.ts';

type Rule<O extends Op> = (v: Values, e: ExprNode<O>, src: readonly Value[], kernel: KernelLowering) => Value;

/** The bytes of these lanes of two vectors side by side. */
const lanesAsBytes = (picks: readonly number[]): number[] =>
  picks.flatMap((i) => Array.from({ length: 16 / picks.length }, (_, k) => (i * 16) / picks.length + k));

/** What is neither pure arithmetic nor a load. */
const RULES: { readonly [O in Op]?: Rule<O> } = {
  local: (v, e, _, kernel) => v.read(kernel.variableOf(e.arg)),
  round: (v, e, [a]) => roundTo(v, e.arg, e, a),
  fma: (v, e, src, { relaxedFma }) => multiplyAdd(v, e, src, relaxedFma),
  dot: (v, e, src) => dotProduct(v, e, e.arg, src),
  pack: (v, e, src) => pack(v, e, src),
  lane: (v, e, [a]) => lane(v, e.src[0], a, e.arg),
  shuffle: (v, e, [a, b]) => v.op('i8x16.shuffle', [a, b], lanesAsBytes(picksOf(e))),
  ramp: (v, e, [a]) => ramp(v, e, a),
};

type LoadNode = ExprNode<'load'> | ExprNode<'guarded'>;

/** The index of an access; kernels address elements by one flat index. */
export function flatIndex(at: readonly Expr[], tensor: TileTensor): Expr {
  invariant(at.length === 1, `access to ${tensor.name} is not flat`);
  return at[0];
}

const siteOf = (e: LoadNode): Site => {
  return { tensor: e.arg, index: flatIndex(e.op === 'load' ? e.src : e.src.slice(0, -2), e.arg) };
};

/** Leaves of scalar indices; vector indices (gathers) are selected whole. */
const indexLeaves = (index: Expr): readonly Expr[] => (index.lanes > 1 ? [index] : [...affine(index).terms.keys()]);

function childrenOf(e: Expr): readonly Expr[] {
  if (e.op !== 'load' && e.op !== 'guarded') return e.src;
  const leaves = indexLeaves(siteOf(e).index);
  return e.op === 'load' ? leaves : [...leaves, ...e.src.slice(-2)];
}

/** Accesses of consecutive elements that always happen when these expressions are evaluated. */
export function plainSites(roots: readonly Expr[]): Site[] {
  const loads = postOrder(roots, childrenOf).filter((e) => e.op === 'load');
  return loads.map(siteOf).filter((s) => s.index.lanes === 1);
}

export class Selection {
  private readonly kernel: KernelLowering;
  private readonly v: Values;
  private readonly anchors: Anchors;
  private readonly memo = new Map<Expr, Value>();

  /** `sites`: all plain accesses of the run. */
  constructor(kernel: KernelLowering, sites: readonly Site[]) {
    this.kernel = kernel;
    this.v = kernel.values;
    this.anchors = anchorsOf(sites);
  }

  value(root: Expr): Value {
    return memoised(root, childrenOf, this.memo, (e) => this.node(e));
  }

  /** Where a plain access to this element goes. */
  access(site: Site): Access {
    for (const leaf of indexLeaves(site.index)) this.value(leaf);
    return this.kernel.addressing.plain(site, this.anchors, this.selected);
  }

  private readonly selected = (e: Expr): Value => this.memo.get(e)!;

  private node(e: Expr): Value {
    valueType(e);
    if (e.op === 'load' || e.op === 'guarded') return this.load(e);
    const src = e.src.map(this.selected);
    const rule = RULES[e.op] as Rule<typeof e.op> | undefined;
    return rule ? rule(this.v, e as never, src, this.kernel) : pureValue(this.v, e, src);
  }

  private load(e: LoadNode): Value {
    const { addressing } = this.kernel;
    const site = siteOf(e);
    const [guard, otherwise] = e.src.slice(-2);
    const guarded = e.op === 'guarded';
    if (site.index.lanes > 1 || (guarded && guard.lanes > 1)) return this.gather(e, site, guarded ? guard : null);
    if (!guarded) return loadElements(this.v, e.arg.dtype, e.lanes, this.access(site));
    const holds = this.selected(guard);
    const at = addressing.exact(site, this.selected);
    const address = this.v.select(holds, at.address, addressing.start(e.arg));
    const loaded = loadElements(this.v, e.arg.dtype, e.lanes, { ...at, address });
    const other = this.selected(otherwise);
    return this.v.select(holds, loaded, e.lanes > 1 && otherwise.lanes === 1 ? splat(this.v, e, other) : other);
  }

  /** One load per lane; where a guard fails, of the tensor's first bytes, which exist, and its value is dropped. */
  private gather(e: LoadNode, { tensor, index }: Site, guard: Expr | null): Value {
    const { v } = this;
    const { addressing } = this.kernel;
    const { bytes } = dtypeInfo(tensor.dtype);
    const start = addressing.start(tensor);
    const add = (a: Value, b: Value): Value => v.op('i32.add', [a, b]);
    const scaled = (i: number): Value => v.op('i32.mul', [lane(v, index, this.selected(index), i), v.i32(bytes)]);
    const scalar = index.lanes > 1 ? null : addressing.exact({ tensor, index }, this.selected).address;
    const each = Array.from({ length: e.lanes }, (_, i) => {
      const exact = scalar ? add(scalar, v.i32(i * bytes)) : add(start, scaled(i));
      const holds = guard && this.laneOf(guard, i);
      const address = holds ? v.select(holds, exact, start) : exact;
      const loaded = loadElements(v, tensor.dtype, 1, { address, offset: 0, memory: owner(tensor) });
      return holds ? v.select(holds, loaded, this.laneOf(e.src[e.src.length - 1], i)) : loaded;
    });
    return pack(v, e, each);
  }

  private laneOf(e: Expr, i: number): Value {
    return e.lanes > 1 ? lane(this.v, e, this.selected(e), i) : this.selected(e);
  }
}
