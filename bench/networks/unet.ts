// A U-Net for segmentation: pairs of 3×3 convolutions, halved four times and doubled back, with the finer
// map joined in at each level.
import { ModelBuilder, type Value } from '../../src/web/build.ts';
import { bound, conv, type Network, randomFeed } from './layers.ts';

function pair(m: ModelBuilder, x: Value, from: number, to: number): Value {
  const first = m.node('Relu', [conv(m, x, from, to, 3, { gain: 2 })]);
  return m.node('Relu', [conv(m, first, to, to, 3, { gain: 2 })]);
}

export function unet({ size = 256, channels = 32, levels = 4, classes = 2 } = {}): Network {
  const m = new ModelBuilder({ opset: 17 });
  const dims = [1, 3, size, size];
  let x = pair(m, m.input('image', 'float32', dims), 3, channels);
  let width = channels;
  const finer: Value[] = [];
  for (let i = 0; i < levels; i++) {
    finer.push(x);
    const half = m.node('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
    x = pair(m, half, width, 2 * width);
    width *= 2;
  }
  for (const skip of finer.reverse()) {
    const weights = m.random([width, width / 2, 2, 2], bound(width));
    const doubled = { kernel_shape: [2, 2], strides: [2, 2] };
    const wide = m.node('ConvTranspose', [x, weights, m.random([width / 2], 0.1)], doubled);
    x = pair(m, m.node('Concat', [skip, wide], { axis: 1 }), width, width / 2);
    width /= 2;
  }
  m.output(conv(m, x, width, classes, 1));
  return { model: m, feeds: { image: randomFeed(dims) } };
}
