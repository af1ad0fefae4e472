// Operators of com.microsoft that are a float operator between dequantisation and quantisation.
import type { AttrInput } from '../2-graph/operator.ts';
import type { ExpandContext, StaticTensor } from './op.ts';

const optional = (c: ExpandContext, i: number): StaticTensor | null => (c.has(i) ? c.tensor(i) : null);

/** Input i as floats, by the scale and zero point that follow it. */
export function dequantised(c: ExpandContext, i: number): StaticTensor {
  return c.one('DequantizeLinear', [c.tensor(i), c.tensor(i + 1), optional(c, i + 2)]);
}

/** Floats as the type of input `like`, by the scale at input i and the zero point after it. */
export function quantised(c: ExpandContext, x: StaticTensor, i: number, like: number): StaticTensor {
  const zero = optional(c, i + 1) ?? c.constant(c.tensor(like).dtype, [], [0]);
  return c.one('QuantizeLinear', [x, c.tensor(i), zero]);
}

/** The node's attributes without those that only the quantised form has. */
export function attributesWithout(c: ExpandContext, ...names: string[]): Record<string, AttrInput> {
  return Object.fromEntries([...c.attrs].filter(([name]) => !names.includes(name)));
}

/** Axis orders from and to channels-last for a rank: [toFirst, toLast]. */
function orders(rank: number): [number[], number[]] {
  const spatial = Array.from({ length: rank - 2 }, (_, i) => i + 1);
  return [
    [0, rank - 1, ...spatial],
    [0, ...spatial.map((i) => i + 1), 1],
  ];
}

/** f over a tensor with channels first, whichever way the node has them. */
export function channelsFirst(c: ExpandContext, x: StaticTensor, f: (x: StaticTensor) => StaticTensor): StaticTensor {
  const last = c.int('channels_last', 0) !== 0 && x.shape.length > 2;
  if (!last) return f(x);
  const [toFirst, toLast] = orders(x.shape.length);
  return c.one('Transpose', [f(c.one('Transpose', [x], { perm: toFirst }))], { perm: toLast });
}
