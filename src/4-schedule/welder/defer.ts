// Normalisation behind sums: Σ s·x·b is s·Σ x·b where s stands still along what is summed. In: steps joined in registers.
// Out: where all that reads a tensor of such products sums it with something else, sums of x that are scaled once; the
// tensor is gone. Told by accesses and monoids, where x and s are bounded: shares of exponentials below their extreme, and
// rows over their root mean square beside constants. Stands after joining, when one operator holds all factors.
import { acc, axisExpr, constant, div, type Expr, isConst, isLoad, load, mul, pow, select } from '../../3-tile/expr.ts';
import { walkExpr } from '../../3-tile/rewrite.ts';
import { simplify } from '../../3-tile/simplify.ts';
import { newTensor, owner, type TileTensor } from '../../3-tile/tensor.ts';
import { pointsOf, type Step, type TileOp } from '../../3-tile/tile-op.ts';
import { deferred, elementCount, floats, rowMajorStrides } from '../../ir/tensor.ts';
import { transform } from '../transform.ts';
import { STORE, workOf } from './fuse.ts';
import { axesAt, bindAxes, label } from './inline.ts';
import { loadsOf, Region, writesWhole } from './region.ts';

/** Reductions of f32 by one operation. */
const reduces = ({ reduce }: TileOp, op: 'add' | 'max'): boolean =>
  reduce?.monoid.state.join() === 'f32' && reduce.monoid.combine[0].op === op;
export const sumsFloats = (op: TileOp): boolean => reduces(op, 'add');
/** The same over one axis. */
export const folds = (op: TileOp, by: 'add' | 'max'): boolean => reduces(op, by) && op.reduce!.axes.length === 1;

/** Expressions over the axes of an operator, where it stores at these indices; null where it stores elsewhere. */
export function placed(op: TileOp, at: readonly Expr[], reduced: readonly Expr[] = []): ((e: Expr) => Expr) | null {
  const values = new Map<Expr, Expr>();
  for (const [d, e] of op.at.entries()) {
    if (e.op === 'axis') values.set(e, at[d]);
    else if (!isConst(e) || e !== at[d]) return null;
  }
  for (const [i, a] of (op.reduce?.axes ?? []).entries()) values.set(axisExpr(a), reduced[i]);
  const memo = new Map<Expr, Expr>();
  return (root) => transform(root, (e) => (e.op === 'axis' ? values.get(e) : undefined), memo);
}

export type Makers = ReadonlyMap<TileTensor, TileOp>;
type Load = Extract<Expr, { op: 'load' }>;
type Key = Extract<Expr, { op: 'axis' }>;

/** Exponentials of scores less their extreme, which is made along `key` for every `row`. */
export type Powers = Readonly<{ peak: TileOp; key: Key; row: readonly Expr[] }>;

/** What exponentials are taken of, where their extreme is what is taken off; null for anything else. */
export function powersOf(exps: TileOp, makers: Makers): Powers | null {
  const { value } = exps;
  const [score, extreme] = value.op === 'exp' && value.src[0].op === 'sub' ? value.src[0].src : [];
  const peak = extreme?.op === 'load' ? makers.get(extreme.arg) : undefined;
  if (!extreme || !peak || exps.reduce || !folds(peak, 'max') || peak.value !== acc(0, 'f32')) return null;
  const keys = exps.at.filter((e) => e.op === 'axis' && e.arg.extent > 1 && !extreme.src.includes(e));
  const [key] = keys;
  if (keys.length !== 1 || key.op !== 'axis' || key.arg.extent !== peak.reduce!.axes[0].extent) return null;
  return placed(peak, extreme.src, [key])?.(peak.reduce!.elems[0]) === score ? { peak, key, row: extreme.src } : null;
}

/** The operands of a product of products; of one with very many, itself. */
function factorsOf(root: Expr): readonly Expr[] {
  let found = [root];
  while (found.length < MANY && found.some((e) => e.op === 'mul'))
    found = found.flatMap((e) => (e.op === 'mul' ? e.src : [e]));
  return found.length < MANY ? found : [root];
}

const MANY = 8;
/** Operations that are monotone in one operand while the others are constant. */
const MONOTONE: ReadonlySet<Expr['op']> = new Set(['add', 'mul', 'div', 'sqrt', 'max', 'pow']);
/** Bounds a factor, what it makes of the largest element of a row, and what that is summed with. */
const MOST = 2 ** 40;
const SUMS = [0, ...Array.from({ length: 277 }, (_, i) => 2 ** (i - 149))];

/** Whether a factor made of a sum of squares is bounded, alone and times the root of the sum: monotone between samples. */
function normalises(value: Expr): boolean {
  const monotone = (e: Expr): boolean => MONOTONE.has(e.op) && e.src.filter((s) => !isConst(s)).length === 1;
  if (!walkExpr(value).every((e) => isConst(e) || e.op === 'acc' || monotone(e))) return false;
  return SUMS.every((sum) => {
    const factor = simplify(transform(value, (e) => (e.op === 'acc' ? constant('f32', sum) : undefined)));
    return isConst(factor) && factor.arg >= 0 && Number(factor.arg) * Math.max(1, Math.sqrt(sum)) <= MOST;
  });
}

/**
 * A product that stands for a tensor: the scale does not move along `key`; 0 where `none`. `weight`: a constant along the
 * key, or null, where the rest is summed with a constant; undefined where that may be anything.
 */
type Scaled = Readonly<{ x: Load; scale: Load; none: Expr | null; key: Key; weight: Load | null | undefined }>;

const constantLoad = (e: Expr): e is Load =>
  e.op === 'load' && e.arg.dtype === 'f32' && e.arg.data !== null && e.src.length === e.arg.shape.length;

function scaledBy(op: TileOp, makers: Makers): Scaled | null {
  const { value } = op;
  const guarded = value.op === 'select' && value.src[1] === constant('f32', 0);
  const [none, product] = guarded ? [value.src[0], value.src[2]] : [null, value];
  const factors = factorsOf(product);
  const [weight, ...more] = factors.filter(constantLoad);
  const scale = factors.find((e): e is Load => e.op === 'load' && folds(makers.get(e.arg) ?? op, 'add'));
  const [x, ...others] = factors.filter((e) => e !== scale && e !== weight);
  if (!scale || x?.op !== 'load' || others.length + more.length > 0) return null;
  const still = new Set(walkExpr(...scale.src, ...(none ? [none] : [])));
  const [key, ...keys] = op.axes.filter((a) => a.extent > 1 && !still.has(axisExpr(a))).map((a) => axisExpr(a) as Key);
  const total = makers.get(scale.arg)!;
  if (!key || keys.length > 0 || key.arg.extent !== total.reduce!.axes[0].extent) return null;
  const summed = placed(total, scale.src, [key])?.(total.reduce!.elems[0]);
  const exps = makers.get(x.arg) ?? op;
  const powers = summed === x && !weight ? powersOf(exps, makers) : null;
  const below = powers && x.src[exps.at.indexOf(powers.key)] === key;
  if (below && total.value === div(constant('f32', 1), acc(0, 'f32'))) return { x, scale, none, key, weight };
  const size = weight && elementCount(weight.arg.shape);
  const along = !weight || (weight.src.every((e) => e === key || isConst(e)) && size === key.arg.extent);
  const squares = summed === mul(x, x) || summed === pow(x, constant('f32', 2));
  return squares && along && normalises(total.value) ? { x, scale, none, key, weight: weight ?? null } : null;
}

/** The constant times another along the dimension where it is read at `key`; null where that is not one, or too large. */
function weighted(e: Expr, weight: Load | null, key: Expr): Expr | null {
  const d = constantLoad(e) ? e.src.indexOf(key) : -1;
  if (!constantLoad(e) || d < 0 || e.src.some((s, i) => i !== d && walkExpr(s).includes(key))) return null;
  const { name, shape } = e.arg;
  const [size, stride] = [elementCount(shape), rowMajorStrides(shape)[d]];
  const [given, by] = [floats(e.arg.data!.bytes), weight && floats(weight.arg.data!.bytes)];
  const at = (i: number): number => given[i] * (by ? by[Math.floor(i / stride) % shape[d]] : 1);
  for (let i = 0; i < size; i++) if (!(Math.abs(at(i)) <= MOST)) return null;
  const make = (to: Uint8Array): void => {
    const cells = floats(to);
    for (let i = 0; i < size; i++) cells[i] = at(i);
  };
  return weight ? load(newTensor(name, 'f32', shape, 'constant', { data: deferred('f32', shape, make) }), e.src) : e;
}

/** The sum with the factor behind it; null where it is no sum of products with one element of the tensor each. */
function behind(sum: TileOp, op: TileOp, { x, scale, weight, none, key }: Scaled): TileOp | null {
  const { reduce } = sum;
  if (!reduce || !sumsFloats(sum)) return null;
  const ofTensor = (e: Expr): boolean => isLoad(e) && owner(e.arg) === owner(op.write);
  const factors = factorsOf(reduce.elems[0]);
  const [own, ...more] = factors.filter(ofTensor);
  const axes = own?.op === 'load' && own.arg.dtype === 'f32' ? axesAt(op, own.arg, own.src) : null;
  if (!axes || more.length > 0 || loadsOf(sum).filter(ofTensor).length > 1) return null;
  const here = (e: Expr): Expr => bindAxes(e, axes, null);
  const moving = new Set(reduce.axes.map(axisExpr));
  if (walkExpr(here(scale), ...(none ? [here(none)] : [])).some((e) => moving.has(e))) return null;
  const [other, ...rest] = factors.filter((e) => e !== own);
  const constants = weight !== undefined && rest.length === 0 && moving.has(here(key));
  const beside = constants ? weighted(other, weight, here(key)) : weight === undefined ? other : null;
  if (!other || !beside) return null;
  const scaled = mul(acc(0, 'f32'), here(scale));
  const result = none ? select(here(none), constant('f32', 0), scaled) : scaled;
  const elem = transform(reduce.elems[0], (e) => (e === own ? here(x) : e === other ? beside : undefined));
  const value = transform(sum.value, (e) => (e.op === 'acc' ? result : undefined));
  return { ...sum, name: label(op, sum), reduce: { ...reduce, elems: [elem] }, value };
}

/** The sums that read a tensor of products, without it; null where it is read otherwise, or cheaper to store. */
function sums(region: Region, i: number, op: TileOp, makers: Makers): Map<number, TileOp> | null {
  const at = op.reduce || op.write.dtype !== 'f32' || !writesWhole(op) ? null : region.consumers(i, op.write);
  const scaled = at?.length ? scaledBy(op, makers) : null;
  if (!at || !scaled) return null;
  const result = new Map<number, TileOp>();
  let spare = elementCount(op.write.shape) * (workOf(op.value) + STORE);
  for (const j of at) {
    const sum = region.steps[j]!;
    const moved = sum.kind === 'op' && region.movable(i, j) ? behind(sum, op, scaled) : null;
    if (!moved || pointsOf(moved.axes) > spare) return null;
    spare -= pointsOf(moved.axes);
    result.set(j, moved);
  }
  return result;
}

/** The steps with factors behind their sums. `pinned`: what others see. */
export function deferredScales(steps: readonly Step[], pinned: ReadonlySet<TileTensor>): readonly Step[] {
  const region = new Region(steps, pinned);
  const makers = new Map(steps.flatMap((s) => (s.kind === 'op' ? [[s.write, s] as const] : [])));
  for (const [i, step] of steps.entries()) {
    const moved = step.kind === 'op' ? sums(region, i, step, makers) : null;
    if (!moved) continue;
    for (const [j, op] of moved) region.replace(j, op);
    region.remove(i);
  }
  return region.steps.filter((s): s is Step => s !== null);
}
