// Upsample and the first Resize → Resize with the coordinate rules that they meant.
import type { Value } from '../../../ir/graph.ts';
import { tensorNumbers } from '../../../ir/tensor.ts';
import { floatAttr, stringAttr, type UpgradeContext } from './context.ts';
import type { Rule } from './rule.ts';

/** mode names before 'linear' stood for any number of axes. */
const MODES = new Map([
  ['bilinear', 'linear'],
  ['trilinear', 'linear'],
]);

function firstUpsample(c: UpgradeContext): void {
  const height = c.attr('height_scale', 'float')?.value;
  const width = c.attr('width_scale', 'float')?.value;
  if (height === undefined || width === undefined) c.fail('the scales are required');
  c.drop('height_scale');
  c.drop('width_scale');
  c.node.attrs.set('scales', { kind: 'floats', value: [1, 1, height, width] });
}

function scalesInput(c: UpgradeContext): void {
  const scales = c.take('scales', 'floats') ?? c.fail('attribute scales is required');
  c.setInput(1, scales);
}

/** Sampling at x / scale: rounded down when enlarging, up when shrinking. */
function asymmetric(c: UpgradeContext, scales: Value, nearest: 'floor' | 'ceil'): void {
  const mode = c.string('mode') ?? 'nearest';
  const { node } = c;
  node.op = 'Resize';
  node.inputs = [c.required(0), null, scales];
  node.attrs.set('mode', stringAttr(MODES.get(mode) ?? mode));
  node.attrs.set('coordinate_transformation_mode', stringAttr('asymmetric'));
  node.attrs.set('nearest_mode', stringAttr(nearest));
}

function upsample(c: UpgradeContext): void {
  asymmetric(c, c.required(1), 'floor');
}

/** The one rounding that fits all known scales; undefined when they are unknown or differ. */
function rounding(c: UpgradeContext, scales: Value): 'floor' | 'ceil' | undefined {
  if (c.string('mode') === 'linear') return 'floor';
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
  const one = c.constant(floatAttr(1) as { kind: 'float'; value: number });
  const shrunk = c.emit('Resize', [c.required(0), null, c.emit('Min', [scales, one])], {
    mode: stringAttr('nearest'),
    coordinate_transformation_mode: stringAttr('asymmetric'),
    nearest_mode: stringAttr('ceil'),
  });
  c.setInput(0, shrunk);
  asymmetric(c, c.emit('Max', [scales, one]), 'floor');
}

/** Unused inputs were written as empty tensors before they could be left out. */
function omitEmpty(c: UpgradeContext): void {
  c.node.inputs = c.node.inputs.map((v) => (c.constantOf(v)?.shape.includes(0) ? null : v));
}

export const RESIZE_RULES: readonly Rule[] = [
  { ops: ['Upsample'], before: 7, apply: firstUpsample },
  { ops: ['Upsample'], before: 9, apply: scalesInput },
  { ops: ['Upsample'], before: 10, apply: upsample },
  { ops: ['Resize'], before: 11, apply: firstResize },
  { ops: ['Resize'], before: Number.POSITIVE_INFINITY, apply: omitEmpty },
];
