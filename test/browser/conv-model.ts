// A convolutional model of about a million parameters, as bytes: what package tests compile.
import { newValue, tensorType, type Value } from '../../src/ir/graph.ts';
import type { TensorData } from '../../src/ir/tensor.ts';
import { elementCount, emptyTensor } from '../../src/ir/tensor.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { bytesOf, input, node } from '../session/models.ts';

function weights(shape: readonly number[], seed: number): TensorData {
  const t = emptyTensor('f32', shape);
  const view = new Float32Array(t.bytes.buffer);
  const fan = elementCount(shape.slice(1));
  const next = mulberry32(seed);
  for (let i = 0; i < view.length; i++) view[i] = (2 * next() - 1) * Math.sqrt(3 / fan);
  return t;
}

const CHANNELS = [3, 32, 64, 128, 256, 192];

/** Image [1,3,32,32] → 10 scores: five 3×3 convolutions with pooling, then a dense layer. */
export function convModel(): { bytes: Uint8Array; parameters: number } {
  const constants: [Value, TensorData][] = [];
  const constant = (data: TensorData): Value => {
    const v = newValue(`w${constants.length}`, tensorType('f32', data.shape));
    constants.push([v, data]);
    return v;
  };
  const nodes = [];
  const image = input('image', 'f32', [1, 3, 32, 32]);
  let x: Value = image;
  for (let i = 1; i < CHANNELS.length; i++) {
    const [w, b] = [
      constant(weights([CHANNELS[i], CHANNELS[i - 1], 3, 3], i)),
      constant(weights([CHANNELS[i]], 100 + i)),
    ];
    const [y, r] = [newValue(`y${i}`), newValue(`r${i}`)];
    nodes.push(
      node('Conv', [x, w, b], [y], { pads: { kind: 'ints', value: [1n, 1n, 1n, 1n] } }),
      node('Relu', [y], [r]),
    );
    x = r;
    if (i < 5) {
      const p = newValue(`p${i}`);
      nodes.push(
        node('MaxPool', [x], [p], {
          kernel_shape: { kind: 'ints', value: [2n, 2n] },
          strides: { kind: 'ints', value: [2n, 2n] },
        }),
      );
      x = p;
    }
  }
  const [flat, scores] = [newValue('flat'), newValue('scores', tensorType('f32', [1, 10]))];
  const dense = constant(weights([768, 10], 7));
  nodes.push(node('Flatten', [x], [flat]), node('MatMul', [flat, dense], [scores]));
  const parameters = constants.reduce((n, [, t]) => n + elementCount(t.shape), 0);
  return { bytes: bytesOf([image], [scores], nodes, constants), parameters };
}
