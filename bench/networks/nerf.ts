// The network of a neural radiance field: points and directions, already encoded, to density and colour.
import { ModelBuilder, type Value } from '../../src/web/build.ts';
import { bound, type Network, randomFeed } from './layers.ts';

function dense(m: ModelBuilder, x: Value, from: number, to: number, gain: number, name?: string): Value {
  const weights = m.random([to, from], bound(from, gain));
  return m.node('Gemm', [x, weights, m.random([to], 0.1)], { transB: 1 }, name === undefined ? {} : { name });
}

/** Eight layers of `width`; the points enter again after the fifth. */
export function nerf({ points = 4096, width = 256 } = {}): Network {
  const m = new ModelBuilder({ opset: 17 });
  const [position, direction] = [63, 27];
  const layer = (x: Value, from: number, to: number): Value => m.node('Relu', [dense(m, x, from, to, 2)]);
  const where = m.input('points', 'float32', [points, position]);
  let x = where;
  let from = position;
  for (let i = 0; i < 8; i++) {
    x = layer(x, from, width);
    from = width;
    if (i !== 4) continue;
    x = m.node('Concat', [where, x], { axis: 1 });
    from += position;
  }
  m.output(m.node('Relu', [dense(m, x, width, 1, 1)], {}, { name: 'density' }));
  const towards = m.input('directions', 'float32', [points, direction]);
  const view = m.node('Concat', [dense(m, x, width, width, 1), towards], { axis: 1 });
  const colour = dense(m, layer(view, width + direction, width / 2), width / 2, 3, 1);
  m.output(m.node('Sigmoid', [colour], {}, { name: 'colour' }));
  const feeds = { points: randomFeed([points, position]), directions: randomFeed([points, direction], 2) };
  return { model: m, feeds };
}
