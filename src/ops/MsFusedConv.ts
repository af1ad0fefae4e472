// com.microsoft FusedConv: Conv, plus an optional addend, through an activation.
import type { AttrInput } from '../2-graph/operator.ts';
import { FLOATS } from './elementwise.ts';
import { activate } from './fused-activation.ts';
import { op } from './op.ts';

const OWN = ['activation', 'activation_params'];

export const MsFusedConv = op({
  name: 'FusedConv',
  domain: 'com.microsoft',
  inputs: [2, 4],
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS, 3: FLOATS },
  expand: (c) => {
    const attrs: Record<string, AttrInput> = Object.fromEntries([...c.attrs].filter(([k]) => !OWN.includes(k)));
    const conv = c.one('Conv', [c.tensor(0), c.tensor(1), c.has(2) ? c.tensor(2) : null], attrs);
    const sum = c.has(3) ? c.one('Add', [conv, c.tensor(3)]) : conv;
    return [activate(c, sum, c.string('activation', ''), c.floats('activation_params') ?? [])];
  },
});
