// Attributes that became inputs: axes, pads, bounds, counts, scales.
import { newValue } from '../../../ir/graph.ts';
import { intAttr, type UpgradeContext } from './context.ts';
import type { Rule } from './rule.ts';

/** int64 list attribute → vector input, left out when the attribute is. */
const intsInput =
  (name: string, index: number) =>
  (c: UpgradeContext): void => {
    const value = c.take(name, 'ints');
    if (value) c.setInput(index, value);
  };

/** float attribute → scalar input in the element type of input 0. */
const floatInput =
  (name: string, index: number) =>
  (c: UpgradeContext): void => {
    const value = c.take(name, 'float');
    if (!value) return;
    const x = c.required(0);
    const known = x.type?.kind === 'tensor' && x.type.dtype === 'f32';
    c.setInput(index, known ? value : c.emit('CastLike', [value, x]));
  };

function sliceInputs(c: UpgradeContext): void {
  for (const [i, name] of ['starts', 'ends', 'axes'].entries()) intsInput(name, i + 1)(c);
}

function topkInput(c: UpgradeContext): void {
  const k = c.take('k', 'int') ?? c.fail('attribute k is required');
  c.setInput(1, c.emit('Reshape', [k, c.vector([1])]));
}

function reshapeInput(c: UpgradeContext): void {
  if (!c.has('shape')) c.fail('attribute shape is required');
  intsInput('shape', 1)(c);
}

function padInputs(c: UpgradeContext): void {
  intsInput('pads', 1)(c);
  floatInput('value', 2)(c);
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
  if (!c.input(1)) c.node.attrs.set('num_outputs', intAttr(c.node.outputs.length));
}
function splitFirstForm(c: UpgradeContext): void {
  const lengths = c.input(1);
  if (lengths) c.setInput(1, c.emit('Cast', [lengths], { to: intAttr(7) }));
}

/** Tiles along one axis → repeats of all axes. */
function tile(c: UpgradeContext): void {
  const one = c.vector([1]);
  const asIndex = (i: number) => {
    const flat = c.emit('Reshape', [c.required(i), one]);
    return c.emit('Cast', [flat], { to: intAttr(7) });
  };
  const rank = c.emit('Shape', [c.emit('Shape', [c.required(0)])]);
  const ones = c.emit('Expand', [one, rank]);
  const repeats = c.emit('ScatterElements', [ones, asIndex(2), asIndex(1)]);
  c.node.inputs = [c.required(0), repeats];
}

function dftAxis(c: UpgradeContext): void {
  c.setDefault('axis', intAttr(1));
  c.setInput(2, c.take('axis', 'int')!);
}

const REDUCTIONS = [
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
];

export const INPUT_RULES: readonly Rule[] = [
  { ops: ['Reshape'], before: 5, apply: reshapeInput },
  { ops: ['Split'], before: 2, apply: splitFirstForm },
  { ops: ['Split'], before: 13, apply: intsInput('split', 1) },
  { ops: ['Split'], before: 18, apply: splitCount },
  { ops: ['Tile'], before: 6, apply: tile },
  { ops: ['Slice'], before: 10, apply: sliceInputs },
  { ops: ['TopK'], before: 10, apply: topkInput },
  { ops: ['Pad'], before: 2, apply: (c) => c.rename('paddings', 'pads') },
  { ops: ['Pad'], before: 11, apply: padInputs },
  {
    ops: ['Clip'],
    before: 11,
    apply: (c) => {
      floatInput('min', 1)(c);
      floatInput('max', 2)(c);
    },
  },
  { ops: ['Dropout'], before: 12, apply: dropout },
  { ops: ['Squeeze', 'Unsqueeze', 'ReduceSum'], before: 13, apply: intsInput('axes', 1) },
  { ops: REDUCTIONS, before: 18, apply: intsInput('axes', 1) },
  { ops: ['DFT'], before: 20, apply: dftAxis },
];
