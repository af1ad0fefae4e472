// Attributes that became inputs: axes, pads, bounds, counts, scales; and inputs that are aligned differently.
import { newValue, type Value } from '../../ir/graph.ts';
import type { Rule, UpgradeContext } from './context.ts';

/** int64 list attributes → vector inputs from `index` on, each left out when its attribute is. */
const intsInputs =
  (index: number, ...names: string[]) =>
  (c: UpgradeContext): void => {
    for (const [i, name] of names.entries()) {
      const value = c.take(name, 'ints');
      if (value) c.setInput(index + i, value);
    }
  };

/** float attributes → scalar inputs from `index` on, in the element type of input 0. */
const floatInputs =
  (index: number, ...names: string[]) =>
  (c: UpgradeContext): void => {
    for (const [i, name] of names.entries()) {
      const value = c.take(name, 'float');
      if (value) c.setInput(index + i, c.castLike(value, c.required(0)));
    }
  };

function topkInput(c: UpgradeContext): void {
  const k = c.take('k', 'int') ?? c.missing('k');
  c.setInput(1, c.emit('Reshape', [k, c.vector([1])]));
}

function padInputs(c: UpgradeContext): void {
  intsInputs(1, 'pads')(c);
  floatInputs(2, 'value')(c);
}

/** The ratio became an input in 12; the mask had the type of the data before 10. */
function dropout(c: UpgradeContext): void {
  const ratio = c.take('ratio', 'float');
  if (ratio) c.setInput(1, ratio);
  const mask = c.node.outputs[1];
  if (!mask) return;
  if (!c.isRead(mask)) {
    c.node.outputs.length = 1;
  } else if (c.node.version < 10) {
    const flags = newValue(`${mask.name}/bool`);
    c.node.outputs[1] = flags;
    c.emitAfter('CastLike', [flags, c.required(0)], mask);
  }
}

/** The number of equal parts is that of the outputs; lengths in a second input were floats once. */
function splitCount(c: UpgradeContext): void {
  if (!c.input(1)) c.set({ num_outputs: c.node.outputs.length });
}
function splitFirstForm(c: UpgradeContext): void {
  const lengths = c.input(1);
  if (lengths) c.setInput(1, c.emit('Cast', [lengths], { to: 7 }));
}

/** Tiles along one axis → repeats of all axes. */
function tile(c: UpgradeContext): void {
  const one = c.vector([1]);
  const asIndex = (i: number): Value => c.emit('Cast', [c.emit('Reshape', [c.required(i), one])], { to: 7 });
  const rank = c.emit('Shape', [c.emit('Shape', [c.required(0)])]);
  const ones = c.emit('Expand', [one, rank]);
  c.node.inputs = [c.required(0), c.emit('ScatterElements', [ones, asIndex(2), asIndex(1)])];
}

function dftAxis(c: UpgradeContext): void {
  c.setDefault('axis', 1);
  c.setInput(2, c.take('axis', 'int')!);
}

/** `b` with so many unit extents behind it that its first axis lies at `axis` of `a`. */
function alignAt(c: UpgradeContext, a: Value, b: Value, axis: number): Value {
  const [rankA, rankB] = [c.rank(a), c.rank(b)];
  if (rankA !== undefined && rankB !== undefined) {
    const start = axis < 0 ? axis + rankA : axis;
    const missing = rankA - start - rankB;
    if (missing < 0 || start < 0) c.fail(`axis ${axis} does not fit ranks ${rankA} and ${rankB}`);
    if (missing === 0) return b;
    return c.emit('Unsqueeze', [b, c.vector(Array.from({ length: missing }, (_, i) => rankB + i))]);
  }
  if (axis < 0) c.fail('a negative axis needs declared shapes', 'UNSUPPORTED_VERSION');
  const shapeB = c.emit('Shape', [b]);
  const used = c.emit('Add', [c.emit('Shape', [shapeB]), c.vector([axis])]);
  const rest = c.emit('Sub', [c.emit('Shape', [c.emit('Shape', [a])]), used]);
  const ones = c.emit('Expand', [c.vector([1]), rest]);
  return c.emit('Reshape', [b, c.emit('Concat', [shapeB, ones], { axis: 0 })]);
}

/**
 * Before operator set 7 the second input was stretched only where attributes said so, from a given axis on. Unit
 * extents are appended to it, so that the usual alignment at the last axis means the same.
 */
function legacyBroadcast(c: UpgradeContext): void {
  const axis = c.int('axis');
  const enabled = c.int('broadcast') ?? 0;
  c.drop('axis', 'broadcast');
  if (enabled === 0 || axis === undefined) return;
  c.setInput(1, alignAt(c, c.required(0), c.required(1), axis));
}

function channelSlope(c: UpgradeContext): void {
  const [x, slope] = [c.required(0), c.required(1)];
  if ((c.rank(slope) ?? 1) <= 1 && (c.rank(x) ?? 2) > 1) c.setInput(1, alignAt(c, x, slope, 1));
}

const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'And', 'Or', 'Xor', 'Equal', 'Greater', 'Less'];
const REDUCTIONS = ['L1', 'L2', 'LogSum', 'LogSumExp', 'Max', 'Mean', 'Min', 'Prod', 'SumSquare'].map(
  (r) => `Reduce${r}`,
);

export const INPUT_RULES: readonly Rule[] = [
  { ops: BINARY, before: 7, apply: legacyBroadcast },
  { ops: ['Gemm'], before: 7, apply: (c) => c.drop('broadcast') },
  { ops: ['PRelu'], before: 7, apply: channelSlope },
  { ops: ['Reshape'], before: 5, apply: (c) => c.setInput(1, c.take('shape', 'ints') ?? c.missing('shape')) },
  { ops: ['Split'], before: 2, apply: splitFirstForm },
  { ops: ['Split'], before: 13, apply: intsInputs(1, 'split') },
  { ops: ['Split'], before: 18, apply: splitCount },
  { ops: ['Tile'], before: 6, apply: tile },
  { ops: ['Slice'], before: 10, apply: intsInputs(1, 'starts', 'ends', 'axes') },
  { ops: ['TopK'], before: 10, apply: topkInput },
  { ops: ['Pad'], before: 2, apply: (c) => c.rename('paddings', 'pads') },
  { ops: ['Pad'], before: 11, apply: padInputs },
  { ops: ['Clip'], before: 11, apply: floatInputs(1, 'min', 'max') },
  { ops: ['Dropout'], before: 12, apply: dropout },
  { ops: ['Squeeze', 'Unsqueeze', 'ReduceSum'], before: 13, apply: intsInputs(1, 'axes') },
  { ops: REDUCTIONS, before: 18, apply: intsInputs(1, 'axes') },
  { ops: ['DFT'], before: 20, apply: dftAxis },
];
