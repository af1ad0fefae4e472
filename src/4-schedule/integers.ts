// Sums of products of dequantised bytes as sums of integers: Σ (a-y)s·(b-z)t = st·Σ (a-y)(b-z) where no scale depends on
// what is summed. In: steps as operators emit them, a device. Out: steps that multiply bytes where the device has dot
// products; constants that stay unused as bytes are floats. Stands first, so that layouts see what is summed.
import type { Axis, Expr } from '../3-tile/expr.ts';
import { acc, axisExpr, type ComputeType, cast, index, isConst, isLoad, makeExpr, mul, sub } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { owner, type TileTensor } from '../3-tile/tensor.ts';
import { pointsOf, type Step, type TileOp, type TileProgram } from '../3-tile/tile-op.ts';
import type { Device } from '../devices/device.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import { bytesOf, elementCount } from '../ir/tensor.ts';
import { sumsBytes } from './dot.ts';
import { linearise } from './linear.ts';
import { indicesOf, transform } from './transform.ts';
import { dependences } from './vectors.ts';
import { evaluated, onlyConstants, reading, withScalars } from './welder/fold.ts';
import { inlineInto } from './welder/inline.ts';
import { loadsBelow, loadsOf, mapOps, ownEffects, walkSteps, writesWhole } from './welder/region.ts';

/** A dequantised value: an integer times a scale. */
type Scaled = Readonly<{ whole: Expr; scale: Expr }>;

/** Dequantisations and what moves their floats, by what they write: all, and those of what only a run gives. */
type Made = ReadonlyMap<TileTensor, TileOp>;
type Makers = Readonly<{ all: Made; fed: Made }>;

/** Elements from which the sum of the largest products of two bytes less their zero points could overflow. */
const MAX_POINTS = 2 ** 31 / 255 ** 2;
/** Operators between the bytes and the sum, at most: a dequantisation, reshapes and transposes. */
const MAX_DEPTH = 4;
/** How often a byte may be widened, beyond what neighbours share. */
const MAX_VISITS = 4;
/** How much larger than its bytes a constant is as floats. */
const MAX_GROWTH = 4;

/** The value of a dequantisation, 0 beyond a border; null where it is none. */
function scaled(e: Expr): Scaled | null {
  if (e.op === 'select') return isConst(e.src[2]) && e.src[2].arg === 0 ? bordered(scaled(e.src[1]), e.src[0]) : null;
  if (e.op !== 'mul') return null;
  const [a, b] = e.src[0].op === 'cast' ? e.src : [e.src[1], e.src[0]];
  const isWhole = a.op === 'cast' && a.dtype === 'f32' && a.src[0].dtype === 'i32';
  return isWhole ? { whole: a.src[0], scale: b } : null;
}

/** The integer as 0 where the guard does not hold: there its byte is read as the zero point. */
function bordered(inner: Scaled | null, guard: Expr): Scaled | null {
  if (!inner) return null;
  const { whole, scale } = inner;
  const [byte, zero] = whole.op === 'sub' ? whole.src : [whole, index(0)];
  if (byte.op !== 'guarded' || byte.src.at(-2) !== guard || zero.dtype !== byte.dtype) return null;
  const read = makeExpr('guarded', byte.dtype, byte.src.with(-1, zero), byte.arg, byte.lanes);
  return { whole: sub(read, zero), scale };
}

/** What makes the tensors of these steps. */
function makersOf(steps: readonly Step[]): Makers {
  const [all, fed] = [new Map<TileTensor, TileOp>(), new Map<TileTensor, TileOp>()];
  for (const s of walkSteps(steps)) {
    if (s.kind !== 'op' || s.reduce || s.write.dtype !== 'f32' || !writesWhole(s)) continue;
    const op = withScalars(s);
    const [from] = loadsOf(op).map((e) => owner(e.arg));
    if (!from || (!isLoad(op.value) && !scaled(op.value))) continue;
    all.set(owner(op.write), op);
    if (all.has(from) ? fed.has(from) : !from.data) fed.set(owner(op.write), op);
  }
  return { all, fed };
}

/** The sum with its operands computed inside, down to bytes. */
function downToBytes(op: TileOp, makers: Made): TileOp | null {
  let joined: TileOp | null = op;
  for (let depth = 0; joined && depth < MAX_DEPTH; depth++) {
    const [next] = loadsBelow(joined.reduce!.elems).flatMap((e) => makers.get(owner(e.arg)) ?? []);
    if (!next) return joined;
    joined = inlineInto(joined, next);
  }
  return joined;
}

/** The sum with both scales outside; null where one depends on what is summed. */
function rescaled(op: TileOp, inner: Scaled, sumOf: ComputeType): TileOp | null {
  const { axes } = op.reduce!;
  const moves = dependences([inner.scale]).get(inner.scale)!;
  if (axes.some((r: Axis) => moves.has(r))) return null;
  const total = mul(cast('f32', acc(0, sumOf)), inner.scale);
  const value = transform(op.value, (e) => (e.op === 'acc' ? total : undefined));
  return { ...op, reduce: { axes, monoid: sum(sumOf), elems: [inner.whole] }, value };
}

/** The sum over integers where dot products make it; null where it is none. */
function ofIntegers(op: TileOp, { all }: Makers, { dot }: Device): TileOp | null {
  const joined = downToBytes(op, all);
  const [elem] = joined?.reduce?.elems ?? [];
  if (elem?.op !== 'mul' || pointsOf(op.reduce!.axes) > MAX_POINTS) return null;
  const [a, b] = elem.src.map(scaled);
  const both = a && b && { whole: mul(a.whole, b.whole), scale: mul(a.scale, b.scale) };
  const result = both && rescaled(joined!, both, 'i32');
  return result && sumsBytes(result, dot) ? result : null;
}

/** The sum over floats of bytes that are widened where they are read, instead of stored; null where that costs more. */
function ofBytes(op: TileOp, { fed }: Makers, { widens }: Device): TileOp | null {
  const joined = widens ? downToBytes(op, fed) : null;
  const [elem] = joined?.reduce?.elems ?? [];
  if (elem?.op !== 'mul') return null;
  const [a, b] = scaled(elem.src[0]) ? elem.src : [elem.src[1], elem.src[0]];
  const from = scaled(a);
  if (!from || !isLoad(b)) return null;
  const [{ arg: bytes }] = loadsBelow([from.whole]);
  const visits = pointsOf([...op.axes, ...op.reduce!.axes]) / (elementCount(bytes.shape) * sliding(joined!, bytes));
  if (visits > MAX_VISITS) return null;
  return rescaled(joined!, { whole: mul(cast('f32', from.whole), b), scale: from.scale }, 'f32');
}

/** The longest axis of a sum that slides along another of the operator: neighbours share loads in registers. */
function sliding(op: TileOp, t: TileTensor): number {
  const own = new Set(op.axes.map(axisExpr));
  const indices = loadsBelow(op.reduce!.elems).filter((e) => e.arg === t);
  const terms = indices.flatMap((e) => indicesOf(e).map((x) => [...linearise(x).terms.keys()]));
  const slides = (r: Axis): boolean => terms.some((l) => l.includes(axisExpr(r)) && l.some((x) => own.has(x)));
  return Math.max(1, ...op.reduce!.axes.filter(slides).map((r) => r.extent));
}

/** The sum with its scales outside; null where it sums no dequantised bytes, or that costs more. */
function ofQuantised(op: TileOp, makers: Makers, device: Device): TileOp | null {
  const { monoid, elems = [] } = op.reduce ?? {};
  if (monoid?.name !== 'add' || monoid.state[0] !== 'f32') return null;
  if (!loadsBelow(elems).some((e) => makers.all.has(owner(e.arg)))) return null;
  const simple = withScalars(op);
  return ofIntegers(simple, makers, device) ?? ofBytes(simple, makers, device);
}

/** The steps with what is made of constant bytes only as constants, where it is not much larger than they are. */
function constants(steps: readonly Step[]): readonly Step[] {
  const known = new Map<TileTensor, TileTensor>();
  const made = new Set<TileTensor>();
  const ofBytes = (t: TileTensor): boolean => dtypeInfo(t.dtype).bytes === 1 || made.has(t);
  // What a loop carries, a branch asks or a routine reads must be there when it starts.
  const read = new Map<TileTensor, boolean>();
  for (const s of walkSteps(steps)) {
    for (const t of ownEffects(s).reads) read.set(t, (read.get(t) ?? true) && s.kind === 'op');
  }
  return mapOps(steps, (given) => {
    const op = loadsOf(given)
      .map((e) => owner(e.arg))
      .reduce((o, t) => (known.has(t) ? reading(o, t, known.get(t)!) : o), given);
    const from = new Set(loadsOf(op).map((e) => owner(e.arg)));
    const bytes = [...from].reduce((n, t) => n + bytesOf(t), 0);
    const target = owner(op.write);
    const inner = target.role === 'temp' && read.get(target) && [...from].some(ofBytes);
    if (!inner || op.reduce || !writesWhole(op) || !onlyConstants(op)) return [op];
    if (bytesOf(target) > MAX_GROWTH * bytes) return [op];
    const data = evaluated(op);
    known.set(target, data);
    made.add(data);
    return [];
  });
}

/** The program with sums of integers. */
export function integerSums(program: TileProgram, device: Device): TileProgram {
  const makers = makersOf(program.steps);
  const rewritten = mapOps(program.steps, (op) => [ofQuantised(op, makers, device) ?? op]);
  return { ...program, steps: constants(rewritten) };
}
