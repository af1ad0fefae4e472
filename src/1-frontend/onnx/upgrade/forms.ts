// Changed names, defaults and meanings of attributes, outputs and whole operators.
import { type Attr, newValue } from '../../../ir/graph.ts';
import { printable } from '../../../support/errors.ts';
import { NEWEST_OPSET } from '../opsets.ts';
import { floatAttr, intAttr, intsAttr, stringAttr, type UpgradeContext } from './context.ts';
import type { Rule } from './rule.ts';

/** Names of TensorProto.DataType, by which Cast was told its target. */
const TYPE_NAMES = [
  'UNDEFINED',
  'FLOAT',
  'UINT8',
  'INT8',
  'UINT16',
  'INT16',
  'INT32',
  'INT64',
  'STRING',
  'BOOL',
  'FLOAT16',
  'DOUBLE',
  'UINT32',
  'UINT64',
  'COMPLEX64',
  'COMPLEX128',
];

function castTarget(c: UpgradeContext): void {
  const name = c.string('to') ?? c.fail('attribute to is required');
  const type = TYPE_NAMES.indexOf(name.toUpperCase());
  if (type < 1) c.fail(`there is no element type ${printable(name)}`);
  c.node.attrs.set('to', intAttr(type));
}

/** Normalised over all axes from `axis` on, seen as one; the marker says so unless it is the last axis. */
function coerced(c: UpgradeContext): void {
  c.setDefault('axis', intAttr(1));
  const rank = c.rank(c.required(0));
  const attr = c.node.attrs.get('axis');
  const axis = attr?.kind === 'int' ? Number(attr.value) : undefined;
  if (axis === -1 || (rank !== undefined && axis === rank - 1)) return;
  c.node.attrs.set('coerce2d', intAttr(1));
}

/** With further outputs that something reads, the old form means training; otherwise inference. */
function batchNormalization(c: UpgradeContext): void {
  c.drop('is_test');
  const { outputs } = c.node;
  const read = outputs.slice(1).some((v) => c.isRead(v));
  if (!read) {
    outputs.length = Math.min(outputs.length, 1);
    return;
  }
  if (c.isRead(outputs[3]) || c.isRead(outputs[4])) {
    c.fail('saved mean and variance have no newer form', 'UNSUPPORTED_VERSION', 'Export for inference.');
  }
  outputs.length = Math.min(outputs.length, 3);
  c.node.attrs.set('training_mode', intAttr(1));
}

function perFeature(c: UpgradeContext): void {
  const spatial = c.int('spatial') ?? 1;
  c.drop('spatial');
  if (spatial === 0) {
    c.fail('normalisation per feature (spatial = 0) has no newer form', 'UNSUPPORTED_VERSION');
  }
}

/** Scale and bias per group → per channel. */
function groupScale(c: UpgradeContext): void {
  const groups = c.int('num_groups') ?? c.fail('attribute num_groups is required');
  const channels = c.emit('Shape', [c.required(0)], { start: intAttr(1), end: intAttr(2) });
  const perGroup = c.emit('Div', [channels, c.vector([groups])]);
  const target = c.emit('Concat', [c.vector([groups]), perGroup], { axis: intAttr(0) });
  for (const i of [1, 2]) {
    const column = c.emit('Reshape', [c.required(i), c.vector([groups, 1])]);
    c.setInput(i, c.emit('Reshape', [c.emit('Expand', [column, target]), c.vector([-1])]));
  }
}

function integerNorm(c: UpgradeContext): void {
  const p = c.attr('p', 'float')?.value ?? 2;
  if (!Number.isInteger(p)) c.fail(`p = ${p} has no newer form`, 'UNSUPPORTED_VERSION');
  c.node.attrs.set('p', intAttr(p));
}

function renamedMode(c: UpgradeContext): void {
  const names = new Map([
    ['bilinear', 'linear'],
    ['bicubic', 'cubic'],
  ]);
  const mode = c.string('mode') ?? 'bilinear';
  c.node.attrs.set('mode', stringAttr(names.get(mode) ?? mode));
}

/** Each batch element was scanned by itself: a scan over the batch around a scan over the sequence. */
function batchedScan(c: UpgradeContext): void {
  const { node } = c;
  const scans = c.int('num_scan_inputs') ?? c.fail('attribute num_scan_inputs is required');
  const body = c.attr('body', 'graph') ?? c.fail('attribute body is required');
  if (c.input(0)) {
    c.fail('sequence_lens of Scan has no newer form', 'UNSUPPORTED_VERSION', 'Export with operator set 9 or newer.');
  }
  const outer = node.inputs.slice(1);
  const states = outer.length - scans;
  if (states < 0 || scans < 1 || states > node.outputs.length) c.fail('the counts of Scan do not fit');
  const inputs = outer.map((v, i) => newValue(v?.name || `scan/${i}`));
  const outputs = node.outputs.map((v, i) => newValue(v?.name || `scanned/${i}`));
  const attrs = new Map<string, Attr>([
    ['num_scan_inputs', intAttr(scans)],
    ['body', body],
  ]);
  const directions = c.ints('directions');
  if (directions) attrs.set('scan_input_directions', intsAttr(directions));
  const { domain, op, name } = node;
  const inner = { domain, op, version: NEWEST_OPSET, name, inputs, outputs, attrs };
  const graph = { name: `${name}/batch`, inputs, outputs, nodes: [inner], constants: new Map() };
  node.inputs = outer;
  node.attrs = new Map<string, Attr>([
    ['num_scan_inputs', intAttr(outer.length)],
    ['body', { kind: 'graph', value: graph }],
  ]);
}

function imageScaler(c: UpgradeContext): void {
  const x = c.required(0);
  const scale = c.floatLike(c.attr('scale', 'float') ?? { kind: 'float', value: 1 }, x);
  const bias = c.floatLike(c.attr('bias', 'floats') ?? c.fail('attribute bias is required'), x);
  c.node.op = 'Add';
  c.node.attrs = new Map();
  c.node.inputs = [c.emit('Mul', [x, scale]), c.emit('Unsqueeze', [bias, c.vector([1, 2])])];
}

/** border: left, top, right, bottom; scale: height and width of what is kept. */
function crop(c: UpgradeContext): void {
  const border = c.ints('border');
  const size = c.ints('scale');
  if (border?.length !== 4 || (size && size.length !== 2)) c.fail('border or scale is malformed');
  const [left, top, right, bottom] = border!;
  const fromEnd = (n: number): number => (n === 0 ? Number.MAX_SAFE_INTEGER : -n);
  const ends = size ? [top + size[0], left + size[1]] : [fromEnd(bottom), fromEnd(right)];
  c.node.op = 'Slice';
  c.node.attrs = new Map();
  c.node.inputs = [c.required(0), c.vector([top, left]), c.vector(ends), c.vector([2, 3])];
}

/** The experimental form names the axes by a flag. */
function meanVariance(c: UpgradeContext): void {
  if (c.has('axes')) return;
  const across = c.int('across_channels') ?? 0;
  if ((c.int('normalize_variance') ?? 1) === 0) {
    c.fail('normalize_variance = 0 has no newer form', 'UNSUPPORTED_VERSION');
  }
  c.node.attrs = new Map([['axes', intsAttr(across ? [1, 2, 3] : [2, 3])]]);
}

function gone(newer: string): (c: UpgradeContext) => void {
  return (c) => {
    c.node.op = newer;
  };
}

export const FORM_RULES: readonly Rule[] = [
  { ops: ['Cast'], before: 6, apply: castTarget },
  { ops: ['Concat'], before: 4, apply: (c) => c.setDefault('axis', intAttr(1)) },
  {
    ops: ['Selu'],
    before: 6,
    apply: (c) => {
      c.setDefault('alpha', floatAttr(Math.fround(1.6732)));
      c.setDefault('gamma', floatAttr(Math.fround(1.0507)));
    },
  },
  { ops: ['Dropout'], before: 7, apply: (c) => c.drop('is_test') },
  { ops: ['RNN', 'GRU', 'LSTM'], before: 7, apply: (c) => c.drop('output_sequence') },
  { ops: ['Softmax', 'LogSoftmax', 'Hardmax'], before: 13, apply: coerced },
  { ops: ['BatchNormalization'], before: 9, apply: perFeature },
  { ops: ['BatchNormalization'], before: 14, apply: batchNormalization },
  { ops: ['GroupNormalization'], before: 21, apply: groupScale },
  { ops: ['GlobalLpPool', 'LpPool'], before: 2, apply: integerNorm },
  { ops: ['GridSample'], before: 20, apply: renamedMode },
  {
    ops: ['RoiAlign'],
    before: 16,
    apply: (c) => c.setDefault('coordinate_transformation_mode', stringAttr('output_half_pixel')),
  },
  { ops: ['Scan'], before: 9, apply: batchedScan },
  { ops: ['Scatter'], before: 11, apply: gone('ScatterElements') },
  { ops: ['MeanVarianceNormalization'], before: 9, apply: meanVariance },
  { ops: ['ImageScaler'], before: 10, apply: imageScaler },
  { ops: ['Crop'], before: 10, apply: crop },
  { ops: ['DynamicSlice'], before: 10, apply: gone('Slice') },
];
