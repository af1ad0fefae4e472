// The ways in which exporters write attention: q, k, v and what else each needs, over a length that is asked for.
import { type ModelBuilder, Tensor, type Value } from '../../src/web/build.ts';

export const [HEADS, DEPTH] = [12, 64];

export interface Sizes {
  readonly heads: number;
  readonly keyHeads: number;
  readonly depth: number;
}

export type Build = (m: ModelBuilder, n: number, sizes?: Sizes) => void;

const SIZES: Sizes = { heads: HEADS, keyHeads: HEADS, depth: DEPTH };

const inputs = (m: ModelBuilder, n: number, { heads, keyHeads, depth }: Sizes): Value[] =>
  ['q', 'k', 'v'].map((name, i) => m.input(name, 'float32', [1, i === 0 ? heads : keyHeads, n, depth]));

export const KINDS: Readonly<Record<string, Build>> = {
  plain: (m, n, s = SIZES) => m.output(m.node('Attention', inputs(m, n, s))),
  causal: (m, n, s = SIZES) => m.output(m.node('Attention', inputs(m, n, s), { is_causal: 1 })),
  masked: (m, n, s = SIZES) => {
    const mask = m.input('mask', 'float32', [1, 1, 1, n]);
    m.output(m.node('Attention', [...inputs(m, n, s), mask]));
  },
  'grouped-query': (m, n, s = { ...SIZES, keyHeads: HEADS / 4 }) => m.output(m.node('Attention', inputs(m, n, s))),
  'of small operators': (m, n, s = SIZES) => {
    const [q, k, v] = inputs(m, n, s);
    const scores = m.node('MatMul', [q, m.node('Transpose', [k], { perm: [0, 1, 3, 2] })]);
    const scaled = m.node('Mul', [scores, new Tensor('float32', [s.depth ** -0.5], [])]);
    m.output(m.node('MatMul', [m.node('Softmax', [scaled], { axis: -1 }), v]));
  },
};
