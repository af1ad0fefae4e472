// Changed names, defaults and meanings of attributes, outputs and whole operators.
import { NEWEST_OPSET, newValue, type Value } from '../../ir/graph.ts';
import { tensorNumbers } from '../../ir/tensor.ts';
import { printable } from '../../support/errors.ts';
import type { Rule, UpgradeContext } from './context.ts';

/** Names of TensorProto.DataType in their order, by which Cast was told its target. */
const TYPE_NAMES =
  'UNDEFINED FLOAT UINT8 INT8 UINT16 INT16 INT32 INT64 STRING BOOL FLOAT16 DOUBLE UINT32 UINT64 COMPLEX64 COMPLEX128'.split(
    ' ',
  );

function castTarget(c: UpgradeContext): void {
  const name = c.requiredAttr('to', 'string');
  const type = TYPE_NAMES.indexOf(name.toUpperCase());
  if (type < 1) c.fail(`there is no element type ${printable(name)}`);
  c.set({ to: type });
}

/** Normalised over all axes from `axis` on, seen as one; the marker says so unless it is the last axis. */
function coerced(c: UpgradeContext): void {
  c.setDefault('axis', 1);
  const rank = c.rank(c.required(0));
  const attr = c.node.attrs.get('axis');
  const axis = attr?.kind === 'int' ? Number(attr.value) : undefined;
  if (axis !== -1 && (rank === undefined || axis !== rank - 1)) c.set({ coerce2d: 1 });
}

/** With further outputs that something reads, the old form means training; otherwise inference. */
function batchNormalization(c: UpgradeContext): void {
  c.drop('is_test');
  const { outputs } = c.node;
  const read = outputs.slice(1).some((v) => c.isRead(v));
  if (read && (c.isRead(outputs[3]) || c.isRead(outputs[4]))) {
    c.noNewerForm('saved mean and variance have', 'Export for inference.');
  }
  outputs.length = Math.min(outputs.length, read ? 3 : 1);
  if (read) c.set({ training_mode: 1 });
}

function perFeature(c: UpgradeContext): void {
  const spatial = c.int('spatial') ?? 1;
  c.drop('spatial');
  if (spatial === 0) c.noNewerForm('normalisation per feature (spatial = 0) has');
}

/** Scale and bias per group → per channel. */
function groupScale(c: UpgradeContext): void {
  const groups = Number(c.requiredAttr('num_groups', 'int'));
  const channels = c.emit('Shape', [c.required(0)], { start: 1, end: 2 });
  const perGroup = c.emit('Div', [channels, c.vector([groups])]);
  const target = c.emit('Concat', [c.vector([groups]), perGroup], { axis: 0 });
  for (const i of [1, 2]) {
    const column = c.emit('Reshape', [c.required(i), c.vector([groups, 1])]);
    c.setInput(i, c.emit('Reshape', [c.emit('Expand', [column, target]), c.vector([-1])]));
  }
}

function integerNorm(c: UpgradeContext): void {
  const p = c.attr('p', 'float') ?? 2;
  if (!Number.isInteger(p)) c.noNewerForm(`p = ${p} has`);
  c.set({ p });
}

/** Modes that were named by the number of axes once. */
const GRID_MODES = new Map(Object.entries({ bilinear: 'linear', bicubic: 'cubic' }));
const RESIZE_MODES = new Map(Object.entries({ bilinear: 'linear', trilinear: 'linear' }));

function newerMode(c: UpgradeContext, modes: ReadonlyMap<string, string>, fallback: string): void {
  const mode = c.attr('mode', 'string') ?? fallback;
  c.set({ mode: modes.get(mode) ?? mode });
}

/** Each batch element was scanned by itself: a scan over the batch around a scan over the sequence. */
function batchedScan(c: UpgradeContext): void {
  const { node } = c;
  const scans = Number(c.requiredAttr('num_scan_inputs', 'int'));
  const body = c.requiredAttr('body', 'graph');
  if (c.input(0)) c.noNewerForm('sequence_lens of Scan has', 'Export with operator set 9 or newer.');
  const outer = node.inputs.slice(1);
  const states = outer.length - scans;
  if (states < 0 || scans < 1 || states > node.outputs.length) c.fail('the counts of Scan do not fit');
  const inputs = outer.map((v, i) => newValue(v?.name || `scan/${i}`));
  const outputs = node.outputs.map((v, i) => newValue(v?.name || `scanned/${i}`));
  const directions = c.attr('directions', 'ints');
  node.attrs.clear();
  c.set({ num_scan_inputs: scans, body: { kind: 'graph', value: body } });
  if (directions) c.set({ scan_input_directions: { kind: 'ints', value: directions } });
  const { domain, op, name, attrs } = node;
  const inner = { domain, op, version: NEWEST_OPSET, name, inputs, outputs, attrs };
  const graph = { name: `${name}/batch`, inputs, outputs, nodes: [inner], constants: new Map() };
  c.become(op, outer, { num_scan_inputs: outer.length, body: { kind: 'graph', value: graph } });
}

function imageScaler(c: UpgradeContext): void {
  const x = c.required(0);
  const scale = c.floats(c.attr('scale', 'float') ?? 1, x);
  const bias = c.floats(c.requiredAttr('bias', 'floats'), x);
  c.become('Add', [c.emit('Mul', [x, scale]), c.emit('Unsqueeze', [bias, c.vector([1, 2])])], {});
}

/** border: left, top, right, bottom; scale: height and width of what is kept. */
function crop(c: UpgradeContext): void {
  const border = c.attr('border', 'ints')?.map(Number);
  const size = c.attr('scale', 'ints')?.map(Number);
  if (border?.length !== 4 || (size && size.length !== 2)) c.fail('border or scale is malformed');
  const [left, top, right, bottom] = border!;
  const fromEnd = (n: number): number => (n === 0 ? Number.MAX_SAFE_INTEGER : -n);
  const ends = size ? [top + size[0], left + size[1]] : [fromEnd(bottom), fromEnd(right)];
  c.become('Slice', [c.required(0), c.vector([top, left]), c.vector(ends), c.vector([2, 3])], {});
}

/** The experimental form names the axes by a flag. */
function meanVariance(c: UpgradeContext): void {
  if (c.has('axes')) return;
  if ((c.int('normalize_variance') ?? 1) === 0) c.noNewerForm('normalize_variance = 0 has');
  c.become(c.node.op, c.node.inputs, { axes: c.int('across_channels') ? [1, 2, 3] : [2, 3] });
}

function firstUpsample(c: UpgradeContext): void {
  const [height, width] = [c.requiredAttr('height_scale', 'float'), c.requiredAttr('width_scale', 'float')];
  c.drop('height_scale', 'width_scale');
  c.set({ scales: { kind: 'floats', value: [1, 1, height, width] } });
}

/** Sampling at x / scale: rounded down when enlarging, up when shrinking. */
function asymmetric(c: UpgradeContext, scales: Value, nearest: 'floor' | 'ceil'): void {
  c.node.op = 'Resize';
  c.node.inputs = [c.required(0), null, scales];
  newerMode(c, RESIZE_MODES, 'nearest');
  c.set({ coordinate_transformation_mode: 'asymmetric', nearest_mode: nearest });
}

/** The one rounding that fits all known scales; undefined when they are unknown or differ. */
function rounding(c: UpgradeContext, scales: Value): 'floor' | 'ceil' | undefined {
  if (c.attr('mode', 'string') === 'linear') return 'floor';
  const known = c.constantOf(scales);
  const factors = known?.dtype === 'f32' ? tensorNumbers(known) : undefined;
  if (factors?.every((s) => s >= 1)) return 'floor';
  return factors?.every((s) => s <= 1) ? 'ceil' : undefined;
}

/** Enlarging and shrinking at once takes two steps. */
function firstResize(c: UpgradeContext): void {
  const scales = c.required(1);
  const nearest = rounding(c, scales);
  if (nearest) {
    asymmetric(c, scales, nearest);
    return;
  }
  const one = c.emit('Constant', [], { value_float: { float: 1 } });
  const shrunk = c.emit('Resize', [c.required(0), null, c.emit('Min', [scales, one])], {
    mode: 'nearest',
    coordinate_transformation_mode: 'asymmetric',
    nearest_mode: 'ceil',
  });
  c.setInput(0, shrunk);
  asymmetric(c, c.emit('Max', [scales, one]), 'floor');
}

/** Unused inputs were written as empty tensors before they could be left out. */
function omitEmpty(c: UpgradeContext): void {
  c.node.inputs = c.node.inputs.map((v) => (c.constantOf(v)?.shape.includes(0) ? null : v));
}

function selu(c: UpgradeContext): void {
  c.setDefault('alpha', { float: Math.fround(1.6732) });
  c.setDefault('gamma', { float: Math.fround(1.0507) });
}

const renamed = (newer: string) => (c: UpgradeContext) => void (c.node.op = newer);
const coordinates = 'coordinate_transformation_mode';

export const FORM_RULES: readonly Rule[] = [
  { ops: ['Upsample'], before: 7, apply: firstUpsample },
  { ops: ['Upsample'], before: 9, apply: (c) => c.setInput(1, c.take('scales', 'floats') ?? c.missing('scales')) },
  { ops: ['Upsample'], before: 10, apply: (c) => asymmetric(c, c.required(1), 'floor') },
  { ops: ['Resize'], before: 11, apply: firstResize },
  { ops: ['Resize'], before: Number.POSITIVE_INFINITY, apply: omitEmpty },
  { ops: ['Cast'], before: 6, apply: castTarget },
  { ops: ['Concat'], before: 4, apply: (c) => c.setDefault('axis', 1) },
  { ops: ['Selu'], before: 6, apply: selu },
  { ops: ['Dropout'], before: 7, apply: (c) => c.drop('is_test') },
  { ops: ['RNN', 'GRU', 'LSTM'], before: 7, apply: (c) => c.drop('output_sequence') },
  { ops: ['Softmax', 'LogSoftmax', 'Hardmax'], before: 13, apply: coerced },
  { ops: ['BatchNormalization'], before: 9, apply: perFeature },
  { ops: ['BatchNormalization'], before: 14, apply: batchNormalization },
  { ops: ['GroupNormalization'], before: 21, apply: groupScale },
  { ops: ['GlobalLpPool', 'LpPool'], before: 2, apply: integerNorm },
  { ops: ['GridSample'], before: 20, apply: (c) => newerMode(c, GRID_MODES, 'bilinear') },
  { ops: ['RoiAlign'], before: 16, apply: (c) => c.setDefault(coordinates, 'output_half_pixel') },
  { ops: ['Scan'], before: 9, apply: batchedScan },
  { ops: ['Scatter'], before: 11, apply: renamed('ScatterElements') },
  { ops: ['MeanVarianceNormalization'], before: 9, apply: meanVariance },
  { ops: ['ImageScaler'], before: 10, apply: imageScaler },
  { ops: ['Crop'], before: 10, apply: crop },
  { ops: ['DynamicSlice'], before: 10, apply: renamed('Slice') },
];
