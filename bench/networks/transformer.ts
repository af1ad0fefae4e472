// Encoders as PyTorch exports them: BERT's layers on hidden states, and a vision transformer on images.
import { ModelBuilder, Tensor } from '../../src/web/build.ts';
import { attention, feedForward, ints, layerNorm, linear, type Network, patches, randomFeed } from './layers.ts';

/** Layers of BERT: 12 heads of 64, normalised behind each part. The mask closes the last eighth of the sequence. */
export function bertLayers({
  layers = 2,
  sequence = 128,
  heads = 12,
  width = 64,
  m = new ModelBuilder({ opset: 17 }),
} = {}): Network {
  const size = heads * width;
  const dims = [1, sequence, size];
  let x = m.input('hidden', 'float32', dims);
  const mask = m.input('mask', 'float32', [1, 1, 1, sequence]);
  for (let i = 0; i < layers; i++) {
    x = layerNorm(m, m.node('Add', [attention(m, x, { heads, width, mask }), x]), size, 1e-12);
    x = layerNorm(m, m.node('Add', [feedForward(m, x, size, 4 * size), x]), size, 1e-12);
  }
  m.output(x);
  const closed = Float32Array.from({ length: sequence }, (_, i) => (i < (7 * sequence) / 8 ? 0 : -10_000));
  return { model: m, feeds: { hidden: randomFeed(dims), mask: new Tensor('float32', closed, [1, 1, 1, sequence]) } };
}

/** ViT-S on patches of 32: 6 heads of 64, normalised before each part. */
export function visionTransformer({ image = 224, patch = 32, layers = 12, heads = 6, classes = 1000 } = {}): Network {
  const m = new ModelBuilder({ opset: 17 });
  const width = 64;
  const size = heads * width;
  const dims = [1, 3, image, image];
  const positions = (image / patch) ** 2;
  const grid = patches(m, m.input('image', 'float32', dims), 3, size, patch);
  const tokens = m.node('Transpose', [m.node('Reshape', [grid, ints(0, size, -1)])], { perm: [0, 2, 1] });
  const all = m.node('Concat', [m.random([1, 1, size]), tokens], { axis: 1 });
  let x = m.node('Add', [all, m.random([1, positions + 1, size])]);
  for (let i = 0; i < layers; i++) {
    x = m.node('Add', [attention(m, layerNorm(m, x, size, 1e-6), { heads, width }), x]);
    x = m.node('Add', [feedForward(m, layerNorm(m, x, size, 1e-6), size, 4 * size), x]);
  }
  const first = m.node('Gather', [layerNorm(m, x, size, 1e-6), new Tensor('int64', [0n], [])], { axis: 1 });
  m.output(linear(m, first, size, classes));
  return { model: m, feeds: { image: randomFeed(dims) } };
}
