// Operands in the order in which a tile reads them. In: a canonical operator, its tile and what is around it. Out: the
// operator over packed parameters, tiled axes split so that the inner part is the tile, and recipes that rearrange
// constants at compile time, other parameters before the kernel, and what the kernel itself makes within it.
import { type Axis, add, axisExpr, type Expr, index, isLoad, load, mul, newAxis } from '../../3-tile/expr.ts';
import { withSrc } from '../../3-tile/rewrite.ts';
import { newTensor, type TileTensor } from '../../3-tile/tensor.ts';
import { pointsOf, type TileOp } from '../../3-tile/tile-op.ts';
import { dtypeInfo } from '../../ir/dtype.ts';
import { deferred, elementCount, type Places, rowMajorStrides, type TensorData } from '../../ir/tensor.ts';
import { meetingRows, PAGE } from '../cost.ts';
import { coefficient, fromLinear, type Linear, linearise } from '../linear.ts';
import { accesses, type Pool } from '../nest.ts';
import { rebuildOp } from '../transform.ts';
import { extentIn, type Tile } from './tile.ts';

/** new[i0, i1, …] = old[start + Σ stride_k · i_k], row-major over `extents`. */
export type Recipe = Readonly<{ start: number; extents: readonly number[]; strides: readonly number[] }>;

/** What a kernel rearranges when it has made `from`. */
export type Copy = Readonly<{ from: TileTensor; to: TileTensor; recipe: Recipe }>;

/** Constants below this many bytes stay as they are: they are in cache anyhow. */
const MIN_BYTES = 1024;
const MAX_GROWTH = 2;
/** What is no constant is packed for every run: where it is read this often, in steps of the reduction that lie apart. */
const MIN_READS = 64;
/** Lines of a page that one set of the first level holds, at the least of what is described; bytes of a line. */
const [WAYS, LINE] = [8, 64];

/** Whether rows so many bytes apart are on pages of their own, or more of them meet in one set than it holds. */
const apart = (stride: number, rows: number): boolean =>
  stride >= PAGE || (stride >= LINE && meetingRows(stride, rows) > WAYS);

/** What is around an operator in its kernel. */
export interface Around {
  /** Origins that loops step through evenly, and by how much. */
  readonly origins: ReadonlyMap<Axis, number>;
  /** What this operator alone reads and none writes; what the kernel alone sees and one operator before has made. */
  readonly inputs: ReadonlySet<TileTensor>;
  readonly made: ReadonlySet<TileTensor>;
}

export const ALONE: Around = { origins: new Map(), inputs: new Set(), made: new Set() };
const countOf = (origin: Axis, step: number): number => (origin.extent - 1) / step + 1;

/** Whether a tensor that is loaded like this, by an operator with these axes, may be rearranged. */
export function packable(e: Expr, linear: Linear, axes: ReadonlySet<Axis>, around: Around): boolean {
  const { origins, inputs, made } = around;
  if (e.op !== 'load' || (e.arg.role !== 'constant' && !inputs.has(e.arg) && !made.has(e.arg))) return false;
  let n = 1;
  for (const [t, c] of linear.terms) {
    if (t.op !== 'axis' || c === 0) return false;
    const step = origins.get(t.arg);
    if (!axes.has(t.arg) && step === undefined) return false;
    n *= step === undefined ? t.arg.extent : countOf(t.arg, step);
  }
  const bytes = dtypeInfo(e.arg.dtype).bytes;
  const size = elementCount(e.arg.shape);
  if (e.arg.role === 'constant') return size * bytes >= MIN_BYTES && n <= size * MAX_GROWTH;
  let reads = pointsOf([...axes].filter((a) => !linear.terms.has(axisExpr(a))));
  for (const [a, step] of origins) if (!linear.terms.has(axisExpr(a))) reads *= countOf(a, step);
  const far = [...axes].some((a) => a.role === 'reduce' && apart(Math.abs(coefficient(linear, a)) * bytes, a.extent));
  return far && reads >= MIN_READS && n === size;
}

/** An axis as the packed operator sees it: whole, or a block and what is inside one. */
interface Parts {
  readonly outer: Axis | null;
  readonly inner: Axis | null;
  /** The old axis in terms of the new ones. */
  readonly value: Expr;
}

function splitAxes(op: TileOp, tile: Tile, split: ReadonlySet<Axis>, pool: Pool): Map<Axis, Parts> {
  const parts = new Map<Axis, Parts>();
  let n = 0;
  for (const a of [...op.axes, ...(op.reduce?.axes ?? [])]) {
    const t = extentIn(tile, a);
    if (split.has(a) && t < a.extent) {
      const outer = pool.axis(n++, a.extent / t, a.role);
      const inner = pool.axis(n++, t, a.role);
      const value = add(mul(axisExpr(outer), index(t)), axisExpr(inner));
      parts.set(a, { outer, inner, value });
      continue;
    }
    const same = pool.axis(n++, a.extent, a.role);
    const whole = split.has(a);
    parts.set(a, { outer: whole ? null : same, inner: whole ? same : null, value: axisExpr(same) });
  }
  return parts;
}

/** An axis of a packed constant, `step` between its positions, and the step between them in the constant. */
type Dimension = Readonly<{ axis: Axis; extent: number; step: number; stride: number }>;

/** New axes of a packed constant: blocks, then reduce axes, then the tile with its lanes last. */
function dimensions(linear: Linear, op: TileOp, tile: Tile, parts: ReadonlyMap<Axis, Parts>, { origins }: Around) {
  const used = [...op.axes, ...(op.reduce?.axes ?? [])].filter((a) => linear.terms.has(axisExpr(a)));
  const dims: Dimension[] = [];
  for (const [axis, step] of origins) {
    const c = linear.terms.get(axisExpr(axis));
    if (c !== undefined) dims.push({ axis, extent: countOf(axis, step), step, stride: c * step });
  }
  const put = (a: Axis, part: 'outer' | 'inner'): void => {
    const { outer, inner } = parts.get(a)!;
    const axis = part === 'outer' ? outer : inner;
    if (!axis) return;
    const scale = part === 'outer' && inner ? inner.extent : 1;
    dims.push({ axis, extent: axis.extent, step: 1, stride: linear.terms.get(axisExpr(a))! * scale });
  };
  const isLanes = (a: Axis): boolean => a === tile.vector;
  const isWhole = (a: Axis): boolean => isLanes(a) && !parts.get(a)!.inner;
  for (const role of ['spatial', 'reduce']) {
    for (const a of used) if (a.role === role && !isWhole(a)) put(a, 'outer');
  }
  for (const a of used) if (!isLanes(a)) put(a, 'inner');
  for (const a of used) if (isLanes(a)) put(a, isWhole(a) ? 'outer' : 'inner');
  return dims;
}

/** Null: an origin's steps are no multiple of what is inside. */
function packedIndex(dims: readonly Dimension[]): Expr | null {
  let stride = 1;
  const terms = new Map<Expr, number>();
  for (let i = dims.length - 1; i >= 0; i--) {
    const { axis, extent, step } = dims[i];
    if (stride % step !== 0) return null;
    terms.set(axisExpr(axis), stride / step);
    stride *= extent;
  }
  return fromLinear({ constant: 0, terms });
}

/** Loads in the reduction whose tensors may be packed, one per parameter. */
function candidates(op: TileOp, around: Around): Map<TileTensor, { load: Expr; linear: Linear }> {
  const found = new Map<TileTensor, { load: Expr; linear: Linear }>();
  const shared = new Set<TileTensor>();
  const own = new Set([...op.axes, ...(op.reduce?.axes ?? [])]);
  const { linears } = accesses([...(op.reduce?.elems ?? []), op.value]);
  for (const [e, linear] of linears) {
    if (!isLoad(e)) continue;
    if (found.has(e.arg)) shared.add(e.arg);
    if (packable(e, linear, own, around)) found.set(e.arg, { load: e, linear });
    else shared.add(e.arg);
  }
  for (const t of shared) found.delete(t);
  return found;
}

/** The operator over packed operands, and recipes by position of parameters; null when none is worth it. */
export function pack(op: TileOp, tile: Tile, params: readonly TileTensor[], pool: Pool, around: Around) {
  if (!op.reduce) return null;
  const found = candidates(op, around);
  // Matrix instructions read rows as they lie.
  for (const [t, { linear }] of found) if (tile.matrix && coefficient(linear, tile.matrix.rows)) found.delete(t);
  if (found.size === 0) return null;
  const split = new Set<Axis>();
  // Rows that a tile reads across lanes of the reduction lie side by side: one stream of memory, not one for each.
  const tiled = [...op.axes, ...op.reduce.axes.filter((a) => a === tile.vector)];
  for (const { linear } of found.values()) {
    for (const a of tiled) {
      const t = extentIn(tile, a);
      if (t > 1 && a.extent % t === 0 && linear.terms.has(axisExpr(a))) split.add(a);
    }
  }
  const parts = splitAxes(op, tile, split, pool);
  const recipes = new Map<number, Recipe>();
  const copies: Copy[] = [];
  const newParams = [...params];
  const packedLoads = new Map<Expr, Expr>();
  for (const [tensor, { load: e, linear }] of found) {
    const dims = dimensions(linear, op, tile, parts, around);
    const at = packedIndex(dims);
    if (!at) continue;
    const recipe = { start: linear.constant, extents: dims.map((d) => d.extent), strides: dims.map((d) => d.stride) };
    if (isIdentity(recipe, elementCount(tensor.shape))) continue;
    const own = around.made.has(tensor);
    const position = own ? newParams.length : params.indexOf(tensor);
    const role = tensor.role === 'constant' ? 'constant' : 'temp';
    const to = pool.formal(position, tensor.dtype, elementCount(recipe.extents), role);
    newParams[position] = to;
    if (own) copies.push({ from: tensor, to, recipe });
    else recipes.set(position, recipe);
    packedLoads.set(e, load(to, [at]));
  }
  if (packedLoads.size === 0 && split.size === 0) return null;
  return { op: rebuilt(op, parts, packedLoads), tile: retiled(tile, parts), params: newParams, recipes, copies };
}

const isIdentity = ({ start, extents, strides }: Recipe, size: number): boolean =>
  start === 0 && elementCount(extents) === size && String(strides) === String(rowMajorStrides(extents));

function rebuilt(op: TileOp, parts: ReadonlyMap<Axis, Parts>, packedLoads: ReadonlyMap<Expr, Expr>): TileOp {
  const moved = rebuildOp(op, (n, src) => {
    if (n.op === 'axis') return parts.get(n.arg)?.value ?? n;
    if (!isLoad(n)) return undefined;
    return packedLoads.get(n) ?? withSrc(n, [fromLinear(linearise(src[0])), ...src.slice(1)]);
  });
  const reduce = moved.reduce && { ...moved.reduce, axes: partsOf(moved.reduce.axes, parts) };
  return { ...moved, axes: partsOf(op.axes, parts), at: [fromLinear(linearise(moved.at[0]))], reduce };
}

/** The new axes in place of these. */
const partsOf = (axes: readonly Axis[], parts: ReadonlyMap<Axis, Parts>): Axis[] =>
  axes.flatMap((a) => [parts.get(a)!.outer, parts.get(a)!.inner].filter((x) => x !== null));

/** The same tile over the new axes. */
function retiled(tile: Tile, parts: ReadonlyMap<Axis, Parts>): Tile {
  const tiled = (a: Axis): Axis => parts.get(a)!.inner ?? parts.get(a)!.outer!;
  const extents = new Map<Axis, number>();
  for (const [a, n] of tile.extents) extents.set(tiled(a), n);
  const order = partsOf(tile.order, parts);
  const matrix = tile.matrix && { rows: tiled(tile.matrix.rows), depth: tiled(tile.matrix.depth) };
  return { ...tile, vector: tile.vector && tiled(tile.vector), matrix, extents, order };
}

/** The rearrangement of what is no constant, one element after the other in `write`. */
function packing(from: TileTensor, write: TileTensor, axes: readonly Axis[], { start, strides }: Recipe): TileOp {
  const place = fromLinear({ constant: start, terms: new Map(axes.map((a, i) => [axisExpr(a), strides[i]])) });
  const steps = rowMajorStrides(axes.map((a) => a.extent));
  const at = fromLinear({ constant: 0, terms: new Map(axes.map((a, i) => [axisExpr(a), steps[i]])) });
  return { kind: 'op', name: 'pack', axes, reduce: null, write, at: [at], value: load(from, [place]) };
}

/** The rearrangement of a tensor before the kernel. */
export function packingOp(from: TileTensor, recipe: Recipe): TileOp {
  const axes = recipe.extents.map((n, i) => newAxis(`i${i}`, n));
  const flat = newTensor(from.name, from.dtype, [elementCount(from.shape)], 'temp', { base: from });
  return packing(flat, newTensor(from.name, from.dtype, [elementCount(recipe.extents)], 'temp'), axes, recipe);
}

/** The rearrangement within a kernel: a canonical operator. */
export function copyingOp({ from, to, recipe }: Copy, pool: Pool): TileOp {
  const kept = [...recipe.extents.keys()].filter((i) => recipe.extents[i] > 1);
  const axes = kept.map((i) => pool.axis(i, recipe.extents[i], 'spatial'));
  return packing(from, to, axes, { ...recipe, strides: kept.map((i) => recipe.strides[i]) });
}

/** Where elements of a shape go by a recipe that takes each once; null for other recipes. */
function placesOf({ start, extents, strides }: Recipe, shape: readonly number[]): Places | null {
  const steps = rowMajorStrides(extents);
  const dims = extents.map((n, i) => ({ n, from: strides[i], to: steps[i] })).filter(({ n }) => n > 1);
  dims.sort((a, b) => b.from - a.from);
  let next = 1;
  const places = shape.map((n) => new Int32Array(n));
  for (let d = shape.length - 1; d >= 0; d--) {
    for (let inside = 1; inside < shape[d]; ) {
      const dim = dims.pop();
      if (dim?.from !== next || shape[d] % (inside * dim.n) > 0) return null;
      for (let i = 0; i < shape[d]; i++) places[d][i] += (Math.floor(i / inside) % dim.n) * dim.to;
      inside *= dim.n;
      next *= dim.n;
    }
  }
  return start === 0 && dims.length === 0 ? places : null;
}

/** The constant rearranged, when its bytes are asked for. */
export function rearranged(from: TensorData, recipe: Recipe): TensorData {
  const { dtype, shape, scatter } = from;
  const places = scatter ? placesOf(recipe, shape) : null;
  return deferred(dtype, recipe.extents, (to) =>
    places ? scatter!(to, places) : packInto(to, from.bytes, dtypeInfo(dtype).bytes, recipe),
  );
}

/** The rearranged bytes, `width` per element. */
function packInto(to: Uint8Array, from: Uint8Array, width: number, r: Recipe): void {
  const word = width % 4 === 0 && (from.byteOffset | to.byteOffset) % 4 === 0 ? 4 : 1;
  const words = (b: Uint8Array): Words => (word === 4 ? new Uint32Array(b.buffer, b.byteOffset, b.length >> 2) : b);
  const each = width / word;
  const dims: Step[] = [];
  let at = to.length / word;
  for (const [d, n] of [...r.extents, each].entries()) {
    at /= n;
    const dim = { n, from: d < r.extents.length ? r.strides[d] * each : 1, to: at };
    const before = dims.at(-1);
    // Neighbours that are one in memory are one here.
    if (before?.from === dim.from * n) dims[dims.length - 1] = { ...dim, n: n * before.n };
    else if (n > 1) dims.push(dim);
  }
  copyStrided(words(from), words(to), r.start * each, dims);
}

type Words = Uint8Array | Uint32Array;
/** Positions along a dimension, and the words between them in what is read and what is written. */
type Step = Readonly<{ n: number; from: number; to: number }>;
const ONCE: Step = { n: 1, from: 0, to: 0 };
/** So many words or rows are copied before others are: what lies apart meanwhile stays in the first level. */
const SIDE = 16;

/** Copies words: a few that lie side by side, from each of those that come to lie side by side. */
function copyStrided(from: Words, to: Words, start: number, dims: readonly Step[]): void {
  const last = dims.at(-1) ?? ONCE;
  const row = dims.find((d) => d.from === 1) ?? last;
  const inOrder = row === last;
  const column = (inOrder ? dims.at(-2) : last) ?? ONCE;
  const split = inOrder ? column : row;
  const parts = { n: Math.ceil(split.n / SIDE), from: split.from * SIDE, to: split.to * SIDE };
  const outer = dims.filter((d) => d !== row && d !== column);
  const loops = inOrder ? [parts, ...outer] : [...outer, parts];
  const visit = (d: number, p: number, q: number, taken: number): void => {
    if (d < loops.length) {
      const { n, from: read, to: written } = loops[d];
      for (let i = 0; i < n; i++) {
        visit(d + 1, p + i * read, q + i * written, loops[d] === parts ? Math.min(SIDE, split.n - i * SIDE) : taken);
      }
      return;
    }
    const [columns, rows] = inOrder ? [taken, row.n] : [column.n, taken];
    for (let i = 0; i < columns; i++) copyRow(from, p + i * column.from, row.from, to, q + i * column.to, row.to, rows);
  };
  visit(0, start, 0, SIDE);
}

/** Apart, because the same loop within a closure runs half as fast on V8. */
function copyRow(from: Words, p: number, fromStep: number, to: Words, q: number, toStep: number, n: number): void {
  for (let i = 0; i < n; i++) to[q + i * toStep] = from[p + i * fromStep];
}
