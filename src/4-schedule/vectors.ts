// What may run across vector lanes. In: nodes of a canonical operator. Out: whether a node computes
// on vectors, and how a load meets the lanes of an axis. Roller and lowering share the answers.
import { type Axis, axisExpr, type Expr, isLoad, type Op, words } from '../3-tile/expr.ts';
import { walkExpr } from '../3-tile/rewrite.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import type { DType } from '../ir/dtype.ts';
import { union } from '../support/collections.ts';
import { coefficient, type Linear } from './linear.ts';
import { loadIndex } from './nest.ts';

/** Scalar-only operations: no target has them on 32-bit lanes. */
const SCALAR_ONLY: ReadonlySet<Op> = new Set<Op>(['rem', 'clz', 'popcnt', 'pow', 'atan2']);
const LANE_TYPES: ReadonlySet<string> = new Set(['f32', 'i32', 'u32', 'bool']);
const WIDE_STORAGE: ReadonlySet<DType> = new Set(words('f32 i32 u32 f16 bf16 i16 u16 i8 u8 bool'));

/** Whether consecutive elements load and store as one vector. */
export const wideStorage = (dtype: DType): boolean => WIDE_STORAGE.has(dtype);

/** Whether a node (not a load) computes lane by lane in one vector operation. */
export function onLanes(e: Expr): boolean {
  if (!LANE_TYPES.has(e.dtype) || SCALAR_ONLY.has(e.op)) return false;
  if (e.op === 'div' && e.dtype !== 'f32') return false;
  if (e.op === 'mul' && e.dtype === 'bool') return false;
  return e.src.every((s) => LANE_TYPES.has(s.dtype));
}

/** The axes that each node below the roots depends on. */
export function dependences(roots: readonly Expr[]): Map<Expr, ReadonlySet<Axis>> {
  const none: ReadonlySet<Axis> = new Set();
  const out = new Map<Expr, ReadonlySet<Axis>>();
  for (const e of walkExpr(...roots)) {
    const own = e.op === 'axis' ? new Set([e.arg]) : none;
    out.set(
      e,
      e.src.reduce((all, s) => union(all, out.get(s)!), own),
    );
  }
  return out;
}

/** Whether a load steps by one element along `turned` and by a fixed number along `axis`. */
export function turns(load: Expr, linear: Linear, axis: Axis, turned: Axis, deps: Dependences): boolean {
  if (load.op !== 'load' || !wideStorage(load.arg.dtype) || coefficient(linear, turned) !== 1) return false;
  const across = [axis, turned];
  return [...linear.terms.keys()].every((t) => t.op === 'axis' || !across.some((a) => deps.get(t)!.has(a)));
}

/** The axes that each node depends on. */
export type Dependences = ReadonlyMap<Expr, ReadonlySet<Axis>>;

/** How a load meets the lanes of an axis. */
export type Meeting = 'same' | 'wide' | 'spread' | 'apart';

/**
 * `same`: every lane reads one element; `wide`: lanes read consecutive elements under one guard;
 * `spread`: lanes read every other element; `apart`: anything else.
 */
export function meeting(load: Expr, linear: Linear, axis: Axis, deps: ReadonlyMap<Expr, ReadonlySet<Axis>>): Meeting {
  if (!deps.get(load)!.has(axis)) return 'same';
  if (load.op === 'guarded' && deps.get(load.src[1])!.has(axis)) return 'apart';
  for (const t of linear.terms.keys()) {
    if (t !== axisExpr(axis) && deps.get(t)!.has(axis)) return 'apart';
  }
  const c = coefficient(linear, axis);
  if (!isLoad(load) || !wideStorage(load.arg.dtype)) return 'apart';
  if (c === 0) return deps.get(loadIndex(load))!.has(axis) ? 'apart' : 'same';
  return c === 1 ? 'wide' : c === 2 && load.op === 'load' ? 'spread' : 'apart';
}

/** Whether consecutive lanes of an axis are stored as one vector, at this index. */
export function storedWide(write: TileTensor, at: Linear, axis: Axis, deps: Dependences): boolean {
  const others = [...at.terms.keys()].filter((t) => t !== axisExpr(axis));
  return wideStorage(write.dtype) && coefficient(at, axis) === 1 && !others.some((t) => deps.get(t)!.has(axis));
}
