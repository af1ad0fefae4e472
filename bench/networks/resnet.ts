// ResNet-18 as PyTorch exports it, batch normalisation folded into the convolutions, and ConvNeXt-T: 7×7 filters of
// each channel, then a feed-forward over channels behind a normalisation that wants them last.
import { ModelBuilder, Tensor, type Value } from '../../src/web/build.ts';
import { conv, feedForward, layerNorm, linear, type Network, patches, randomFeed } from './layers.ts';

const relu = (m: ModelBuilder, x: Value): Value => m.node('Relu', [x]);

function basicBlock(m: ModelBuilder, x: Value, from: number, to: number, stride: number): Value {
  const first = relu(m, conv(m, x, from, to, 3, { stride, gain: 2 }));
  const second = conv(m, first, to, to, 3);
  return relu(m, m.node('Add', [second, from === to ? x : conv(m, x, from, to, 1, { stride })]));
}

export function resnet18({ size = 224, classes = 1000, m = new ModelBuilder({ opset: 17 }) } = {}): Network {
  const image = [1, 3, size, size];
  let x = relu(m, conv(m, m.input('image', 'float32', image), 3, 64, 7, { stride: 2, gain: 2 }));
  x = m.node('MaxPool', [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  let from = 64;
  for (const to of [64, 128, 256, 512]) {
    x = basicBlock(m, x, from, to, from === to ? 1 : 2);
    x = basicBlock(m, x, to, to, 1);
    from = to;
  }
  m.output(linear(m, m.node('Flatten', [m.node('GlobalAveragePool', [x])]), from, classes));
  return { model: m, feeds: { image: randomFeed(image) } };
}

const channelsLast = (m: ModelBuilder, x: Value): Value => m.node('Transpose', [x], { perm: [0, 2, 3, 1] });
const channelsFirst = (m: ModelBuilder, x: Value): Value => m.node('Transpose', [x], { perm: [0, 3, 1, 2] });

/** Normalised over channels, which come second. */
function channelNorm(m: ModelBuilder, x: Value, width: number): Value {
  return channelsFirst(m, layerNorm(m, channelsLast(m, x), width, 1e-6));
}

function convNextBlock(m: ModelBuilder, x: Value, width: number): Value {
  const filtered = channelsLast(m, conv(m, x, width, width, 7, { group: width }));
  const mixed = feedForward(m, layerNorm(m, filtered, width, 1e-6), width, 4 * width);
  const scale = new Tensor('float32', new Float32Array(width).fill(0.5), [width, 1, 1]);
  return m.node('Add', [m.node('Mul', [channelsFirst(m, mixed), scale]), x]);
}

export function convNextTiny({ size = 224, classes = 1000 } = {}): Network {
  const m = new ModelBuilder({ opset: 17 });
  const image = [1, 3, size, size];
  let from = 96;
  let x = channelNorm(m, patches(m, m.input('image', 'float32', image), 3, from, 4), from);
  for (const [width, blocks] of [
    [96, 3],
    [192, 3],
    [384, 9],
    [768, 3],
  ]) {
    if (width !== from) x = patches(m, channelNorm(m, x, from), from, width, 2);
    for (let i = 0; i < blocks; i++) x = convNextBlock(m, x, width);
    from = width;
  }
  const pooled = channelNorm(m, m.node('GlobalAveragePool', [x]), from);
  m.output(linear(m, m.node('Flatten', [pooled]), from, classes));
  return { model: m, feeds: { image: randomFeed(image) } };
}
