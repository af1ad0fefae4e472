// MobileNetV2 and a chain of its blocks, as PyTorch exports them: batch normalisation is folded into
// the convolutions.
import { ModelBuilder, type Value } from '../../src/web/build.ts';
import { bound, conv, type Network, randomFeed, scalar } from './layers.ts';

/** Expansion, channels, repetitions and first stride of each group of blocks. */
const GROUPS: readonly (readonly [expand: number, channels: number, times: number, stride: number])[] = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
];

const relu6 = (m: ModelBuilder, x: Value): Value => m.node('Clip', [x, scalar(0), scalar(6)]);

/** Widens, filters each channel, narrows; added to its input where the shapes allow. */
function invertedResidual(m: ModelBuilder, x: Value, from: number, to: number, expand: number, stride: number): Value {
  const wide = from * expand;
  const widened = expand === 1 ? x : relu6(m, conv(m, x, from, wide, 1, { gain: 2 }));
  const filtered = relu6(m, conv(m, widened, wide, wide, 3, { stride, group: wide, gain: 2 }));
  const narrow = conv(m, filtered, wide, to, 1);
  return stride === 1 && from === to ? m.node('Add', [x, narrow]) : narrow;
}

export function mobileNetV2({ size = 224, classes = 1000, m = new ModelBuilder({ opset: 17 }) } = {}): Network {
  const image = [1, 3, size, size];
  let x = relu6(m, conv(m, m.input('image', 'float32', image), 3, 32, 3, { stride: 2, gain: 2 }));
  let from = 32;
  for (const [expand, channels, times, stride] of GROUPS) {
    for (let i = 0; i < times; i++) {
      x = invertedResidual(m, x, from, channels, expand, i === 0 ? stride : 1);
      from = channels;
    }
  }
  x = relu6(m, conv(m, x, from, 1280, 1, { gain: 2 }));
  x = m.node('Flatten', [m.node('GlobalAveragePool', [x])], { axis: 1 });
  const weights = m.random([classes, 1280], bound(1280));
  m.output(m.node('Gemm', [x, weights, m.random([classes], 0.1)], { transB: 1 }, { name: 'scores' }));
  return { model: m, feeds: { image: randomFeed(image) } };
}

export function invertedResiduals({ size = 14, channels = 96, blocks = 8 } = {}): Network {
  const m = new ModelBuilder({ opset: 17 });
  const dims = [1, channels, size, size];
  let x = m.input('x', 'float32', dims);
  for (let i = 0; i < blocks; i++) x = invertedResidual(m, x, channels, channels, 6, 1);
  m.output(m.node('Relu', [x], {}, { name: 'y' }));
  return { model: m, feeds: { x: randomFeed(dims) } };
}
