// com.microsoft FusedGemm: Gemm through an activation.
import { FLOATS } from './elementwise.ts';
import { activate } from './fused-activation.ts';
import { op } from './op.ts';

const PARAMETERS = ['activation_alpha', 'activation_beta', 'activation_gamma'];

export const MsFusedGemm = op({
  name: 'FusedGemm',
  domain: 'com.microsoft',
  inputs: [2, 3],
  types: { 0: FLOATS, 1: FLOATS, 2: FLOATS },
  expand: (c) => {
    const product = c.one('Gemm', [c.tensor(0), c.tensor(1), c.has(2) ? c.tensor(2) : null], {
      transA: c.int('transA', 0),
      transB: c.int('transB', 0),
      alpha: { float: c.float('alpha', 1) },
      beta: { float: c.float('beta', 1) },
    });
    const values = PARAMETERS.filter((p) => c.hasAttr(p)).map((p) => c.float(p, 0));
    return [activate(c, product, c.string('activation', ''), values)];
  },
});
