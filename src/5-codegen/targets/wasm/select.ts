// Instruction selection: expressions of one straight run of statements become values. Nodes are
// visited with an explicit stack; equal nodes are selected once per run.
import type { BinaryOp, Expr, ExprNode, Local, UnaryOp } from '../../../3-tile/expr.ts';
import { owner, type TileTensor } from '../../../3-tile/tensor.ts';
import { dtypeInfo } from '../../../ir/dtype.ts';
import { invariant } from '../../../support/errors.ts';
import { type Addressing, type Anchors, anchorsOf, type Site } from './addressing.ts';
import { affine } from './affine.ts';
import { BINARY_OPS, binary, multiplyAdd, ramp, select, UNARY_OPS, unary } from './arithmetic.ts';
import { bitcast, cast } from './casts.ts';
import { constantOf, type Form, lane, pack, splat, valueType } from './forms.ts';
import { loadElements, roundTo } from './storage.ts';
import type { Value, Values, Variable } from './value.ts';

/** What selection shares over a whole kernel. */
export interface SelectionContext {
  readonly values: Values;
  readonly addressing: Addressing;
  readonly relaxedFma: boolean;
  readonly variableOf: (local: Local) => Variable;
}

type LoadNode = ExprNode<'load'> | ExprNode<'guarded'>;

/** The index of an access; kernels address elements by one flat index. */
export function flatIndex(at: readonly Expr[], tensor: TileTensor): Expr {
  invariant(at.length === 1, `access to ${tensor.name} is not flat`);
  return at[0];
}

const loadIndex = (e: LoadNode): Expr => flatIndex(e.op === 'load' ? e.src : e.src.slice(0, -2), e.arg);

/** Leaves of scalar indices; vector indices (gathers) are selected whole. */
const indexLeaves = (index: Expr): readonly Expr[] => (index.lanes > 1 ? [index] : [...affine(index).terms.keys()]);

function childrenOf(e: Expr): readonly Expr[] {
  if (e.op === 'load') return indexLeaves(loadIndex(e));
  if (e.op === 'guarded') return [...indexLeaves(loadIndex(e)), ...e.src.slice(-2)];
  return e.src;
}

/** Accesses of consecutive elements that always happen when these expressions are evaluated. */
export function plainSites(roots: readonly Expr[]): Site[] {
  const sites: Site[] = [];
  const seen = new Set<Expr>();
  const stack = [...roots];
  for (let e = stack.pop(); e; e = stack.pop()) {
    if (seen.has(e)) continue;
    seen.add(e);
    if (e.op === 'load' && loadIndex(e).lanes === 1) sites.push({ tensor: e.arg, index: loadIndex(e) });
    stack.push(...childrenOf(e));
  }
  return sites;
}

export class Selection {
  private readonly context: SelectionContext;
  private readonly v: Values;
  private readonly anchors: Anchors;
  private readonly memo = new Map<Expr, Value>();

  /** `sites`: all plain accesses of the run. */
  constructor(context: SelectionContext, sites: readonly Site[]) {
    this.context = context;
    this.v = context.values;
    this.anchors = anchorsOf(sites);
  }

  value(root: Expr): Value {
    const stack = [root];
    while (stack.length > 0) {
      const e = stack[stack.length - 1];
      const pending = this.memo.has(e) ? [] : childrenOf(e).filter((c) => !this.memo.has(c));
      if (pending.length > 0) stack.push(...pending);
      else {
        stack.pop();
        if (!this.memo.has(e)) this.memo.set(e, this.node(e));
      }
    }
    return this.memo.get(root)!;
  }

  /** Where a store to this element goes. */
  target(site: Site) {
    for (const leaf of indexLeaves(site.index)) this.value(leaf);
    return this.context.addressing.plain(site, this.anchors, (leaf) => this.memo.get(leaf)!);
  }

  private node(e: Expr): Value {
    const { v } = this;
    valueType(e);
    const src = e.src.map((s) => this.memo.get(s)!);
    switch (e.op) {
      case 'const':
        return constantOf(v, e, e.arg);
      case 'local':
        return v.read(this.context.variableOf(e.arg));
      case 'load':
        return this.load(e);
      case 'guarded':
        return this.guarded(e);
      case 'select':
        return select(v, src[0], e.src[0].lanes, src[1], src[2]);
      case 'cast':
        return cast(v, e.src[0], e.dtype, src[0]);
      case 'bitcast':
        return bitcast(v, e.src[0], e.dtype, src[0]);
      case 'round':
        return roundTo(v, e.arg, e, src[0]);
      case 'fma':
        return multiplyAdd(v, e, src, this.context.relaxedFma);
      case 'splat':
        return splat(v, e, src[0]);
      case 'pack':
        return pack(v, e, src);
      case 'lane':
        return lane(v, e.src[0], src[0], e.arg);
      case 'ramp':
        return ramp(v, e, src[0]);
      default:
        return this.arithmetic(e, src);
    }
  }

  private arithmetic(e: Expr, [a, b]: readonly Value[]): Value {
    const form: Form = e.src[0] ?? e;
    if (UNARY_OPS.has(e.op)) return unary(this.v, e.op as UnaryOp, form, a);
    invariant(BINARY_OPS.has(e.op), `no instructions for ${e.op} on ${e.dtype}`);
    return binary(this.v, e.op as BinaryOp, form, a, b);
  }

  private load(e: ExprNode<'load'>): Value {
    const index = loadIndex(e as LoadNode);
    if (index.lanes > 1) return this.gather(e, index, null, null);
    const at = this.context.addressing.plain({ tensor: e.arg, index }, this.anchors, (leaf) => this.memo.get(leaf)!);
    return loadElements(this.v, e.arg.dtype, e.lanes, at);
  }

  private guarded(e: ExprNode<'guarded'>): Value {
    const index = loadIndex(e as LoadNode);
    const [guard, otherwise] = e.src.slice(-2);
    const guardValue = this.memo.get(guard)!;
    const other = this.memo.get(otherwise)!;
    if (index.lanes > 1 || guard.lanes > 1) return this.gather(e, index, guard, otherwise);
    const at = this.context.addressing.exact({ tensor: e.arg, index }, (leaf) => this.memo.get(leaf)!);
    const address = this.v.select(guardValue, at.address, this.context.addressing.start(e.arg));
    const loaded = loadElements(this.v, e.arg.dtype, e.lanes, { ...at, address });
    const wide = e.lanes > 1 && otherwise.lanes === 1 ? splat(this.v, e, other) : other;
    return this.v.select(guardValue, loaded, wide);
  }

  /**
   * One load per lane. Where a guard fails the load goes to the tensor's first bytes instead, which
   * exist, and its value is dropped.
   */
  private gather(
    e: ExprNode<'load'> | ExprNode<'guarded'>,
    index: Expr,
    guard: Expr | null,
    otherwise: Expr | null,
  ): Value {
    const { v } = this;
    const { addressing } = this.context;
    const { bytes } = dtypeInfo(e.arg.dtype);
    const start = addressing.start(e.arg);
    const vector = index.lanes > 1 ? this.memo.get(index)! : null;
    const scalar = vector ? null : addressing.exact({ tensor: e.arg, index }, (leaf) => this.memo.get(leaf)!);
    const each = Array.from({ length: e.lanes }, (_, i) => {
      let address = vector
        ? v.op('i32.add', [start, v.op('i32.mul', [lane(v, index, vector, i), v.i32(bytes)])])
        : v.op('i32.add', [scalar!.address, v.i32(i * bytes)]);
      const holds = guard && this.laneOf(guard, i);
      if (holds) address = v.select(holds, address, start);
      const at = { address, offset: 0, memory: owner(e.arg) };
      const loaded = loadElements(v, e.arg.dtype, 1, at);
      return holds ? v.select(holds, loaded, this.laneOf(otherwise!, i)) : loaded;
    });
    return pack(v, e, each);
  }

  private laneOf(e: Expr, i: number): Value {
    const x = this.memo.get(e)!;
    return e.lanes > 1 ? lane(this.v, e, x, i) : x;
  }
}
