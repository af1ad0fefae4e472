// The operators that random models are made of: each template picks operands that fit, or gives up.
import type { DType } from '../../src/ir/dtype.ts';
import type { Attr } from '../../src/ir/graph.ts';
import { elementCount } from '../../src/ir/tensor.ts';
import type { Grower, Item } from './random-model.ts';

type Template = (g: Grower) => boolean;

const int = (value: number): Attr => ({ kind: 'int', value: BigInt(value) });
const ints = (value: readonly number[]): Attr => ({ kind: 'ints', value: value.map(BigInt) });
const float = (value: number): Attr => ({ kind: 'float', value });

/** Exact values stay below this, so that f32 and i32 hold sums of products. */
const MOST = 2 ** 12;
const isFloating = (i: Item): boolean => i.dtype === 'f32' || i.dtype === 'f64';
const isNumber = (i: Item): boolean => i.dtype !== 'bool';
const isWide = (i: Item): boolean => ['f32', 'f64', 'i32', 'i64'].includes(i.dtype);
const inexact = { exact: false, bound: Number.POSITIVE_INFINITY };
const asIs = (i: Item): { exact: boolean; bound: number } => ({ exact: i.exact, bound: i.bound });

const unaryInexact: Template = (g) => {
  const x = g.item((i) => i.dtype === 'f32');
  const op = g.pick(['Sigmoid', 'Tanh', 'Erf', 'Softplus', 'Sin', 'Cos', 'Atan', 'Gelu', 'HardSwish', 'Elu', 'Mish']);
  // The angle of a large sum is as uncertain as its rounding.
  if (!x || (!x.exact && (op === 'Sin' || op === 'Cos'))) return false;
  return g.node(op, [x.value], {}, inexact);
};
const unaryExact: Template = (g) => {
  const op = g.pick(['Neg', 'Abs', 'Relu', 'Identity', 'Sign']);
  const x = g.item((i) => isNumber(i) && !(i.dtype === 'u8' && op === 'Neg'));
  // The sign of an inexact value near zero is not determined.
  if (!x || (op === 'Sign' && !x.exact)) return false;
  return g.node(op, [x.value], {}, asIs(x));
};
const rounding: Template = (g) => {
  const x = g.item((i) => i.dtype === 'f32' && i.exact);
  return x !== undefined && g.node(g.pick(['Floor', 'Ceil', 'Round']), [x.value], {}, asIs(x));
};

/** A partner of the same type that broadcasts with x: another item or a constant. */
function partner(g: Grower, x: Item): { value: Item['value']; exact: boolean; bound: number } {
  const fits = (i: Item): boolean => i.dtype === x.dtype && broadcasts(i.shape, x.shape);
  const found = g.random() < 0.6 ? g.item(fits) : undefined;
  if (found) return found;
  const shape = x.shape.slice(g.int(0, x.shape.length)).map((d) => (g.random() < 0.3 ? 1 : d));
  return { value: g.weights(x.dtype, shape, 3), exact: true, bound: 3 };
}
function broadcasts(a: readonly number[], b: readonly number[]): boolean {
  const rank = Math.max(a.length, b.length);
  for (let i = 1; i <= rank; i++) {
    const [p, q] = [a[a.length - i] ?? 1, b[b.length - i] ?? 1];
    if (p !== q && p !== 1 && q !== 1) return false;
  }
  return true;
}
const binary: Template = (g) => {
  const x = g.item((i) => isWide(i));
  if (!x) return false;
  const y = partner(g, x);
  const op = g.pick(['Add', 'Sub', 'Mul', 'Min', 'Max']);
  const bound =
    op === 'Mul' ? x.bound * y.bound : op === 'Min' || op === 'Max' ? Math.max(x.bound, y.bound) : x.bound + y.bound;
  const exact = x.exact && y.exact;
  if (exact && bound > MOST) return false;
  return g.node(op, [x.value, y.value], {}, { exact, bound });
};
const division: Template = (g) => {
  const x = g.item((i) => i.dtype === 'f32' || i.dtype === 'i32');
  if (!x) return false;
  const shape = x.shape.slice(-1);
  const values = Array.from({ length: elementCount(shape) }, () => g.int(1, 7));
  const result = x.dtype === 'i32' ? asIs(x) : inexact;
  return g.node('Div', [x.value, g.constant(x.dtype, shape, values)], {}, result);
};
const compare: Template = (g) => {
  const x = g.item((i) => i.exact && isWide(i));
  if (!x) return false;
  const y = partner(g, x);
  return (
    y.exact &&
    g.node(g.pick(['Less', 'Greater', 'Equal', 'LessOrEqual']), [x.value, y.value], {}, { exact: true, bound: 1 })
  );
};
const choose: Template = (g) => {
  const c = g.item((i) => i.dtype === 'bool');
  const x = c && g.item((i) => isWide(i) && broadcasts(i.shape, c.shape));
  if (!c || !x) return false;
  const y = partner(g, x);
  const result = { exact: x.exact && y.exact, bound: Math.max(x.bound, y.bound) };
  return g.node('Where', [c.value, x.value, y.value], {}, result);
};
const ONNX_TYPE: Partial<Record<DType, number>> = { f32: 1, u8: 2, i8: 3, i32: 6, i64: 7, bool: 9, f64: 11 };
const casting: Template = (g) => {
  const x = g.item((i) => i.exact && i.bound < 100);
  const to = g.pick(['f32', 'f32', 'i32', 'i64', 'i8', 'f64', 'bool'] as const);
  return x !== undefined && g.node('Cast', [x.value], { to: int(ONNX_TYPE[to]!) }, asIs(x));
};

const transpose: Template = (g) => {
  const x = g.item((i) => i.shape.length > 1);
  if (!x) return false;
  const perm = x.shape.map((_, i) => i);
  for (let i = perm.length - 1; i > 0; i--) {
    const j = g.int(0, i);
    [perm[i], perm[j]] = [perm[j], perm[i]];
  }
  return g.node('Transpose', [x.value], { perm: ints(perm) }, asIs(x));
};
const reshape: Template = (g) => {
  const x = g.item(() => true);
  if (!x) return false;
  let rest = elementCount(x.shape);
  const shape: number[] = [];
  while (shape.length < 3 && rest > 1) {
    const divisors = [2, 3, 4, 5, 7, 8, 9, 16].filter((d) => rest % d === 0);
    if (divisors.length === 0) break;
    const d = g.pick(divisors);
    shape.push(d);
    rest /= d;
  }
  return g.node('Reshape', [x.value, g.ints([...shape, rest])], {}, asIs(x));
};
const concat: Template = (g) => {
  const x = g.item((i) => i.shape.length > 0);
  if (!x) return false;
  const y =
    g.item(
      (i) => i.dtype === x.dtype && i.shape.length === x.shape.length && i.shape.every((d, k) => d === x.shape[k]),
    ) ?? x;
  const result = { exact: x.exact && y.exact, bound: Math.max(x.bound, y.bound) };
  return g.node('Concat', [x.value, y.value], { axis: int(g.int(0, x.shape.length - 1)) }, result);
};
const slice: Template = (g) => {
  const x = g.item((i) => i.shape.length > 0 && Math.max(...i.shape) > 2);
  if (!x) return false;
  const axis = g.int(0, x.shape.length - 1);
  const step = g.pick([1, 1, 2, -1]);
  const [lo, hi] = [g.int(0, x.shape[axis] - 1), x.shape[axis]];
  const [start, end] = step < 0 ? [hi - 1, lo - 1 < 0 ? -hi - 1 : lo - 1] : [lo, hi];
  return g.node('Slice', [x.value, g.ints([start]), g.ints([end]), g.ints([axis]), g.ints([step])], {}, asIs(x));
};
const pad: Template = (g) => {
  const x = g.item((i) => i.dtype === 'f32' && i.shape.length > 0);
  if (!x) return false;
  const mode = g.pick(['constant', 'reflect', 'edge']);
  const most = mode === 'reflect' ? Math.min(...x.shape) - 1 : 2;
  const pads = Array.from({ length: 2 * x.shape.length }, () => (most > 0 ? g.int(0, Math.min(2, most)) : 0));
  return g.node('Pad', [x.value, g.ints(pads)], { mode: { kind: 'string', value: mode } }, asIs(x));
};
const gather: Template = (g) => {
  const x = g.item((i) => i.shape.length > 0);
  if (!x) return false;
  const axis = g.int(0, x.shape.length - 1);
  const n = x.shape[axis];
  return g.node(
    'Gather',
    [x.value, g.ints(Array.from({ length: g.int(1, 4) }, () => g.int(-n, n - 1)))],
    { axis: int(axis) },
    asIs(x),
  );
};
const expand: Template = (g) => {
  const x = g.item((i) => elementCount(i.shape) < 256);
  return x !== undefined && g.node('Expand', [x.value, g.ints([g.int(1, 3), ...x.shape])], {}, asIs(x));
};
const squeeze: Template = (g) => {
  const x = g.item((i) => i.shape.length < 5);
  return x !== undefined && g.node('Unsqueeze', [x.value, g.ints([g.int(0, x.shape.length)])], {}, asIs(x));
};

const reduction: Template = (g) => {
  const x = g.item((i) => isWide(i) && i.shape.length > 0);
  if (!x) return false;
  const op = g.pick(['ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceMean', 'ReduceSumSquare', 'ReduceL1']);
  if (op === 'ReduceMean' && !isFloating(x)) return false;
  const axes = x.shape.map((_, i) => i).filter(() => g.random() < 0.5);
  const chosen = axes.length > 0 ? axes : [x.shape.length - 1];
  const count = chosen.reduce((p, a) => p * x.shape[a], 1);
  const bound =
    op === 'ReduceMax' || op === 'ReduceMin'
      ? x.bound
      : op === 'ReduceSumSquare'
        ? count * x.bound ** 2
        : count * x.bound;
  if (x.exact && bound > MOST * 64) return false;
  const result = op === 'ReduceMean' ? inexact : { exact: x.exact, bound };
  return g.node(op, [x.value, g.ints(chosen)], { keepdims: int(g.int(0, 1)) }, result);
};
const arg: Template = (g) => {
  const x = g.item((i) => i.exact && isWide(i) && i.shape.length > 0);
  if (!x) return false;
  const axis = g.int(0, x.shape.length - 1);
  return g.node(
    g.pick(['ArgMax', 'ArgMin']),
    [x.value],
    { axis: int(axis), keepdims: int(g.int(0, 1)), select_last_index: int(g.int(0, 1)) },
    { exact: true, bound: x.shape[axis] },
  );
};
const softmax: Template = (g) => {
  const x = g.item((i) => i.dtype === 'f32' && i.shape.length > 0);
  return (
    x !== undefined &&
    g.node(g.pick(['Softmax', 'LogSoftmax']), [x.value], { axis: int(g.int(0, x.shape.length - 1)) }, inexact)
  );
};
const cumsum: Template = (g) => {
  const x = g.item((i) => (i.dtype === 'f32' || i.dtype === 'i32') && i.exact && i.shape.length > 0 && i.bound < 64);
  if (!x) return false;
  const axis = g.int(0, x.shape.length - 1);
  return g.node(
    'CumSum',
    [x.value, g.constant('i64', [], [BigInt(axis)])],
    { reverse: int(g.int(0, 1)), exclusive: int(g.int(0, 1)) },
    { exact: true, bound: x.bound * x.shape[axis] },
  );
};

const matmul: Template = (g) => {
  const x = g.item((i) => i.dtype === 'f32' && i.shape.length >= 2);
  if (!x) return false;
  const k = x.shape[x.shape.length - 1];
  const n = g.pick([1, 2, 3, 4, 8, 15, 16, 17, 33]);
  const bound = 2 * k * x.bound;
  if (x.exact && bound > MOST * 64) return false;
  return g.node('MatMul', [x.value, g.weights('f32', [k, n], 2)], {}, { exact: x.exact, bound });
};
const conv: Template = (g) => {
  const x = g.item((i) => i.dtype === 'f32' && i.shape.length === 4);
  if (!x) return false;
  const [c, h, w] = x.shape.slice(1);
  const groups = g.random() < 0.3 ? c : 1;
  const out = groups * g.pick([1, 2, 4]);
  const [kh, kw] = [Math.min(h, g.int(1, 3)), Math.min(w, g.int(1, 3))];
  const bound = 2 * (c / groups) * kh * kw * x.bound + 2;
  if (x.exact && bound > MOST * 64) return false;
  const p = g.int(0, 1);
  const attrs = { group: int(groups), pads: ints([p, p, p, p]), strides: ints([g.int(1, 2), g.int(1, 2)]) };
  return g.node('Conv', [x.value, g.weights('f32', [out, c / groups, kh, kw], 2), g.weights('f32', [out], 2)], attrs, {
    exact: x.exact,
    bound,
  });
};
const pool: Template = (g) => {
  const x = g.item((i) => i.dtype === 'f32' && i.shape.length === 4 && i.shape[2] >= 2 && i.shape[3] >= 2);
  if (!x) return false;
  const op = g.pick(['MaxPool', 'AveragePool']);
  const attrs = { kernel_shape: ints([2, 2]), strides: ints([g.int(1, 2), g.int(1, 2)]), ceil_mode: int(g.int(0, 1)) };
  return g.node(op, [x.value], attrs, op === 'MaxPool' ? asIs(x) : inexact);
};
const clip: Template = (g) => {
  const x = g.item((i) => i.dtype === 'f32');
  if (!x) return false;
  return g.node(
    'Clip',
    [x.value, g.constant('f32', [], [-2]), g.constant('f32', [], [3])],
    {},
    { exact: x.exact, bound: Math.min(x.bound, 3) },
  );
};
const leaky: Template = (g) => {
  const x = g.item((i) => i.dtype === 'f32');
  return x !== undefined && g.node('LeakyRelu', [x.value], { alpha: float(0.25) }, inexact);
};

export const TEMPLATES: readonly Template[] = [
  unaryInexact,
  unaryExact,
  rounding,
  binary,
  binary,
  division,
  compare,
  choose,
  casting,
  transpose,
  reshape,
  concat,
  slice,
  pad,
  gather,
  expand,
  squeeze,
  reduction,
  arg,
  softmax,
  cumsum,
  matmul,
  conv,
  pool,
  clip,
  leaky,
];
