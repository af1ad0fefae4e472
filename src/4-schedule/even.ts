// Products with constants whose outputs no tiles of two or three vectors cover, as in classifiers of 1000 classes. In:
// steps and a device. Out: the same steps, where such a product is two, of the outputs that whole tiles cover and of the
// rest: each packs its own part of the constant, and neither reads it across pages.
import { type Axis, add, axisExpr, index, newAxis } from '../3-tile/expr.ts';
import { owner } from '../3-tile/tensor.ts';
import { pointsOf, type Step, type TileOp } from '../3-tile/tile-op.ts';
import { type Device, lanesOf } from '../devices/device.ts';
import { coefficient } from './linear.ts';
import { flatLinear } from './nest.ts';
import { mapOp } from './transform.ts';
import { bindAxes } from './welder/inline.ts';
import { elemRoots, loadsBelow } from './welder/region.ts';

/** Outputs and summands from which on a part of its own pays. */
const MIN_OUTPUTS = 256;
const MIN_SUMMANDS = 64;

function unevenAxis(op: TileOp, lanes: number): Axis | undefined {
  if (!op.reduce || pointsOf(op.reduce.axes) < MIN_SUMMANDS) return undefined;
  const constants = loadsBelow(elemRoots(op)).filter((e) => e.op === 'load' && owner(e.arg).data);
  const forms = constants.map((e) => flatLinear(e.arg, e.src));
  const even = (a: Axis): boolean => [2, 3].some((vectors) => a.extent % (vectors * lanes) === 0);
  const uneven = op.axes.filter((a) => a.extent >= MIN_OUTPUTS && !even(a));
  return uneven.find((a) => forms.some((l) => coefficient(l, a) !== 0));
}

/** The operator for `extent` of the positions along an axis, from `start` on. */
export function part(op: TileOp, axis: Axis, start: number, extent: number): TileOp {
  const own = newAxis(axis.name, extent);
  const place = new Map([[axis, add(axisExpr(own), index(start))]]);
  return { ...mapOp(op, (e) => bindAxes(e, place, null)), axes: op.axes.map((a) => (a === axis ? own : a)) };
}

/** The steps with uneven products in two. */
export function evenParts(steps: readonly Step[], device: Device): readonly Step[] {
  const lanes = lanesOf(device, 'f32');
  return steps.flatMap((step): readonly Step[] => {
    const axis = step.kind === 'op' ? unevenAxis(step, lanes) : undefined;
    if (step.kind !== 'op' || !axis) return [step];
    const rest = axis.extent % (2 * lanes);
    return [part(step, axis, 0, axis.extent - rest), part(step, axis, axis.extent - rest, rest)];
  });
}
