// Networks in 8 bits, as quantisers write them: weights are int8 constants with a scale for the whole tensor, biases int32,
// and what enters a convolution or a matrix product passes through bytes on its way.

import { mulberry32 } from '../../src/support/random.ts';
import {
  type Attributes,
  ModelBuilder,
  type NodeOptions,
  type Operand,
  Tensor,
  type Value,
} from '../../src/web/build.ts';
import type { Network } from './layers.ts';

/** Bytes for values from -4 to 4, as activations are behind normalised layers. */
const ACTIVATION = { scale: 8 / 255, zero: 128 };

class QuantisedBuilder extends ModelBuilder {
  private seeds = 0;
  /** What one step of the last weights is. */
  private step = 1;
  private readonly weights = new Set<Value>();

  /** A matrix or filters; a vector is the bias of what came before, in steps of its products. */
  override random(dims: readonly number[], scale = 1, seed = ++this.seeds): Value {
    const next = mulberry32(seed);
    const length = dims.reduce((n, d) => n * d, 1);
    if (dims.length > 1) this.step = scale / 127;
    const step = dims.length > 1 ? this.step : this.step * ACTIVATION.scale;
    const most = Math.round(scale / step);
    const values = Array.from({ length }, () => Math.round(most * (2 * next() - 1)));
    const type = dims.length > 1 ? 'int8' : 'int32';
    const parameters = [new Tensor('float32', [step], []), new Tensor(type, [0], [])];
    const made = super.node('DequantizeLinear', [new Tensor(type, values, dims), ...parameters]);
    if (dims.length > 1) this.weights.add(made);
    return made;
  }

  override node(op: string, inputs: readonly Operand[], attributes?: Attributes, options?: NodeOptions): Value {
    if (op !== 'Conv' && op !== 'MatMul') return super.node(op, inputs, attributes, options);
    const coded = inputs.map((x, i) =>
      i < 2 && x && !(x instanceof Tensor) && !this.weights.has(x) ? this.coded(x) : x,
    );
    return super.node(op, coded, attributes, options);
  }

  private coded(x: Value): Value {
    const parameters = [new Tensor('float32', [ACTIVATION.scale], []), new Tensor('uint8', [ACTIVATION.zero], [])];
    return super.node('DequantizeLinear', [super.node('QuantizeLinear', [x, ...parameters]), ...parameters]);
  }
}

/** The network that `make` builds with the builder it is given, in 8 bits. */
export const quantised = (make: (options: { m: ModelBuilder }) => Network): Network =>
  make({ m: new QuantisedBuilder({ opset: 17 }) });
