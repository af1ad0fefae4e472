// The activation that fused operators name by attributes.
import type { AttrInput } from '../2-graph/operator.ts';
import type { ExpandContext, StaticTensor } from './op.ts';

/** Attributes of each function in the order of its parameters; a clip takes its limits as inputs. */
const PARAMETERS: ReadonlyMap<string, readonly string[]> = new Map([
  ['Relu', []],
  ['Tanh', []],
  ['Sigmoid', []],
  ['LeakyRelu', ['alpha']],
  ['HardSigmoid', ['alpha', 'beta']],
  ['Elu', ['alpha']],
  ['Softplus', []],
  ['Softsign', []],
]);

/** `x` through the function called `name` ('' for none). */
export function activate(c: ExpandContext, x: StaticTensor, name: string, values: readonly number[]): StaticTensor {
  if (name === '') return x;
  if (name === 'Clip') {
    const [low, high] = values;
    const limit = (v: number | undefined): StaticTensor | null =>
      v === undefined ? null : c.constant(x.dtype, [], [v]);
    return c.one('Clip', [x, limit(low), limit(high)]);
  }
  const names = PARAMETERS.get(name) ?? c.fail('the activation is not supported', undefined, 'UNSUPPORTED_OPERATOR');
  const attrs: Record<string, AttrInput> = {};
  for (const [i, key] of names.entries()) if (values[i] !== undefined) attrs[key] = { float: values[i] };
  return c.one(name, [x], attrs);
}
