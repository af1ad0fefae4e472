// Attention alone, at sequences long enough that its scores outgrow every cache: twelve heads of 64, forward.
import { ModelBuilder } from '../../src/web/build.ts';
import { type Network, randomFeed } from './layers.ts';

const [HEADS, SIZE] = [12, 64];

export function attention(sequence: number): Network {
  const model = new ModelBuilder({ opset: 23 });
  const shape = [1, HEADS, sequence, SIZE];
  const inputs = ['q', 'k', 'v'].map((name) => model.input(name, 'float32', shape));
  model.output(model.node('Attention', inputs, {}, { name: 'y' }));
  return { model, feeds: Object.fromEntries(['q', 'k', 'v'].map((name, i) => [name, randomFeed(shape, i + 1)])) };
}
