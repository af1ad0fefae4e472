// Activation functions of recurrent operators, named by attribute, with their optional alpha and
// beta, emitted as element-wise operators.
import type { ExpandContext, StaticTensor } from './op.ts';

export type Activation = (x: StaticTensor) => StaticTensor;

interface Kind {
  /** Default alpha and beta; null where the function takes none. */
  readonly alpha: number | null;
  readonly beta: number | null;
  readonly emit: (c: ExpandContext, x: StaticTensor, alpha: number, beta: number) => StaticTensor;
}

const plain = (name: string): Kind => ({
  alpha: null,
  beta: null,
  emit: (c, x) => c.one(name, [x]),
});
const withAlpha = (name: string, alpha: number): Kind => ({
  alpha,
  beta: null,
  emit: (c, x, a) => c.one(name, [x], { alpha: { float: a } }),
});

/** x * factor. */
const scale = (c: ExpandContext, x: StaticTensor, factor: number): StaticTensor =>
  factor === 1 ? x : c.one('Mul', [x, c.constant(x.dtype, [], [factor])]);

const KINDS: ReadonlyMap<string, Kind> = new Map([
  ['relu', plain('Relu')],
  ['tanh', plain('Tanh')],
  ['sigmoid', plain('Sigmoid')],
  ['softsign', plain('Softsign')],
  ['softplus', plain('Softplus')],
  ['leakyrelu', withAlpha('LeakyRelu', 0.01)],
  ['thresholdedrelu', withAlpha('ThresholdedRelu', 1)],
  ['elu', withAlpha('Elu', 1)],
  [
    'hardsigmoid',
    {
      alpha: 0.2,
      beta: 0.5,
      emit: (c, x, alpha, beta) => c.one('HardSigmoid', [x], { alpha: { float: alpha }, beta: { float: beta } }),
    },
  ],
  [
    'scaledtanh',
    {
      alpha: 1.7159,
      beta: 0.6667,
      emit: (c, x, alpha, beta) => scale(c, c.one('Tanh', [scale(c, x, beta)]), alpha),
    },
  ],
  [
    'affine',
    {
      alpha: 1,
      beta: 0,
      emit: (c, x, alpha, beta) => c.one('Add', [scale(c, x, alpha), c.constant(x.dtype, [], [beta])]),
    },
  ],
]);

/** Values of a list attribute for the functions that take one, by position or in turn. */
function parameters(given: readonly number[], kinds: readonly Kind[], which: 'alpha' | 'beta'): number[] {
  let next = 0;
  return kinds.map((k, i) => {
    const fallback = k[which];
    if (fallback === null) return 0;
    return (given.length === kinds.length ? given[i] : given[next++]) ?? fallback;
  });
}

/** The node's activations, `defaults` repeated for each direction when none are named. */
export function activationsOf(c: ExpandContext, defaults: readonly string[], directions: number): Activation[] {
  const count = defaults.length * directions;
  const names = c.strings('activations') ?? Array.from({ length: count }, (_, i) => defaults[i % defaults.length]);
  if (names.length !== count) c.fail(`activations has ${names.length} names, expected ${count}`);
  const kinds = names.map(
    (name) => KINDS.get(name.toLowerCase()) ?? c.fail('activations names a function that is not defined'),
  );
  const alphas = parameters(c.floats('activation_alpha') ?? [], kinds, 'alpha');
  const betas = parameters(c.floats('activation_beta') ?? [], kinds, 'beta');
  return kinds.map((k, i) => (x) => k.emit(c, x, alphas[i], betas[i]));
}
