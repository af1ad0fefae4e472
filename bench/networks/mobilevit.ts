// MobileViT-S as PyTorch exports it: inverted residuals with SiLU, and between them blocks that cut the map into
// patches of 2×2 and attend over the positions of each across all patches.
import { ModelBuilder, type Value } from '../../src/web/build.ts';
import { attention, bound, conv, ints, layerNorm, linear, type Network, randomFeed } from './layers.ts';

const silu = (m: ModelBuilder, x: Value): Value => m.node('Mul', [x, m.node('Sigmoid', [x])]);

function inverted(m: ModelBuilder, x: Value, from: number, to: number, stride: number): Value {
  const wide = 4 * from;
  const widened = silu(m, conv(m, x, from, wide, 1, { gain: 2 }));
  const narrow = conv(m, silu(m, conv(m, widened, wide, wide, 3, { stride, group: wide, gain: 2 })), wide, to, 1);
  return stride === 1 && from === to ? m.node('Add', [x, narrow]) : narrow;
}

/** Transformer layers in between two convolutions, joined with the input: [1, channels, size, size]. */
function mobileVitBlock(
  m: ModelBuilder,
  x: Value,
  channels: number,
  width: number,
  layers: number,
  size: number,
): Value {
  const half = size / 2;
  const local = m.node('Conv', [
    silu(m, conv(m, x, channels, channels, 3, { gain: 2 })),
    m.random([width, channels, 1, 1], bound(channels)),
  ]);
  const cut = m.node('Transpose', [m.node('Reshape', [local, ints(width * half, 2, half, 2)])], { perm: [0, 2, 1, 3] });
  const apart = m.node('Reshape', [cut, ints(1, width, half * half, 4)]);
  let tokens = m.node('Reshape', [m.node('Transpose', [apart], { perm: [0, 3, 2, 1] }), ints(4, half * half, width)]);
  for (let i = 0; i < layers; i++) {
    tokens = m.node('Add', [tokens, attention(m, layerNorm(m, tokens, width), { heads: 4, width: width / 4 })]);
    const wide = silu(m, linear(m, layerNorm(m, tokens, width), width, 2 * width));
    tokens = m.node('Add', [tokens, linear(m, wide, 2 * width, width)]);
  }
  const back = m.node('Transpose', [m.node('Reshape', [layerNorm(m, tokens, width), ints(1, 4, half * half, width)])], {
    perm: [0, 3, 2, 1],
  });
  const rows = m.node('Transpose', [m.node('Reshape', [back, ints(width * half, half, 2, 2)])], { perm: [0, 2, 1, 3] });
  const map = silu(m, conv(m, m.node('Reshape', [rows, ints(1, width, size, size)]), width, channels, 1, { gain: 2 }));
  return silu(m, conv(m, m.node('Concat', [x, map], { axis: 1 }), 2 * channels, channels, 3, { gain: 2 }));
}

export function mobileVit({ image = 256, classes = 1000 } = {}): Network {
  const m = new ModelBuilder({ opset: 17 });
  const dims = [1, 3, image, image];
  let x = silu(m, conv(m, m.input('image', 'float32', dims), 3, 16, 3, { stride: 2, gain: 2 }));
  x = inverted(m, x, 16, 32, 1);
  x = inverted(m, x, 32, 64, 2);
  for (let i = 0; i < 2; i++) x = inverted(m, x, 64, 64, 1);
  let size = image / 4;
  let from = 64;
  for (const [channels, width, layers] of [
    [96, 144, 2],
    [128, 192, 4],
    [160, 240, 3],
  ]) {
    size /= 2;
    x = mobileVitBlock(m, inverted(m, x, from, channels, 2), channels, width, layers, size);
    from = channels;
  }
  x = silu(m, conv(m, x, from, 640, 1, { gain: 2 }));
  m.output(linear(m, m.node('Flatten', [m.node('GlobalAveragePool', [x])]), 640, classes));
  return { model: m, feeds: { image: randomFeed(dims) } };
}
