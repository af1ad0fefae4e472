// com.microsoft Gelu: the exact form.
import { FLOATS, unaryOp } from './elementwise.ts';
import { gelu } from './scalar-math.ts';

export const MsGelu = unaryOp('Gelu', FLOATS, gelu, { domain: 'com.microsoft' });
