// Networks in half precision, as converters write them: every float32 input, weight and constant is a float16 one.

import { encodeFloat } from '../../src/ir/float.ts';
import { ModelBuilder, Tensor, type Value } from '../../src/web/build.ts';
import type { Network } from './layers.ts';

function halved(t: Tensor): Tensor {
  if (t.type !== 'float32') return t;
  const bits = Uint16Array.from(t.data as Float32Array, (x) => encodeFloat('f16', x));
  return new Tensor('float16', bits, t.dims);
}

class HalfBuilder extends ModelBuilder {
  override input(...[name, type, dims]: Parameters<ModelBuilder['input']>): Value {
    return super.input(name, type === 'float32' ? 'float16' : type, dims);
  }

  override constant(tensor: Tensor, name?: string): Value {
    return super.constant(halved(tensor), name);
  }
}

/** The network that `make` builds with the builder it is given, and its feeds, in half precision. */
export function half(make: (options: { m: ModelBuilder }) => Network): Network {
  const { model, feeds } = make({ m: new HalfBuilder({ opset: 17 }) });
  return { model, feeds: Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, halved(t)])) };
}
