// Trains the digit recogniser of the demo and writes digits.onnx and the demo's pictures. Every
// training picture is drawn anew, so there is no data set; the accuracy it prints is measured on
// pictures of another seed. Takes about two minutes: `npx tsx examples/digits/train.ts`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { attr, type GraphSpec, writeModel } from '../../scripts/model-writer.ts';
import { type TensorData, tensorOf } from '../../src/ir/tensor.ts';
import { drawDigit, drawDigits, type Picture, type Random, SIDE, seededRandom } from './draw.ts';
import { adamStep, convolution, dense, type Layer, maxPool, relu, softmax } from './layers.ts';
import { encodePgm, PICTURES } from './pictures.ts';

const STEPS = 1000;
const BATCH = 32;
const RATE = 2e-3;
const SEEDS = { training: 1, test: 2, shown: 7 };
const MODEL = fileURLToPath(new URL('./digits.onnx', import.meta.url));

type NodeSpec = GraphSpec['nodes'][number];
type Attributes = NonNullable<NodeSpec['attrs']>;

/** A layer and the ONNX node that stands for it. */
interface Stage {
  readonly layer: Layer;
  readonly op: string;
  readonly attrs?: Attributes;
}

function network(random: Random): Stage[] {
  const conv = { kernel_shape: attr.ints([3, 3]), pads: attr.ints([1, 1, 1, 1]) };
  const pool = { kernel_shape: attr.ints([2, 2]), strides: attr.ints([2, 2]) };
  const half = SIDE / 2;
  return [
    { op: 'Conv', attrs: conv, layer: convolution(1, 8, SIDE, random) },
    { op: 'Relu', layer: relu() },
    { op: 'MaxPool', attrs: pool, layer: maxPool(8, SIDE) },
    { op: 'Conv', attrs: conv, layer: convolution(8, 16, half, random) },
    { op: 'Relu', layer: relu() },
    { op: 'MaxPool', attrs: pool, layer: maxPool(16, half) },
    { op: 'Gemm', attrs: { transB: attr.int(1) }, layer: dense(16 * (half / 2) ** 2, 64, random) },
    { op: 'Relu', layer: relu() },
    { op: 'Gemm', attrs: { transB: attr.int(1) }, layer: dense(64, 10, random) },
  ];
}

/** Probability of each digit. */
function recognise(layers: readonly Layer[], { pixels }: Picture): Float32Array {
  return softmax(layers.reduce((x, layer) => layer.forward(x), pixels));
}

const best = (p: Float32Array): number => p.indexOf(Math.max(...p));

function train(layers: readonly Layer[], random: Random): void {
  const parameters = layers.flatMap((layer) => layer.parameters);
  let right = 0;
  for (let step = 1; step <= STEPS; step++) {
    for (let i = 0; i < BATCH; i++) {
      const picture = drawDigit(Math.floor(random() * 10), random);
      const p = recognise(layers, picture);
      if (best(p) === picture.digit) right++;
      p[picture.digit] -= 1;
      layers.reduceRight((dy, layer) => layer.backward(dy), p);
    }
    adamStep(parameters, BATCH, step, RATE * (1 - (step - 1) / STEPS));
    if (step % 100 === 0) {
      console.log(`step ${step} of ${STEPS}: ${(right / BATCH).toFixed(1)} % of the last 100 batches`);
      right = 0;
    }
  }
}

/** The trained network as an ONNX file; one Softmax turns scores into probabilities. */
function asOnnx(stages: readonly Stage[]): Uint8Array {
  const nodes: NodeSpec[] = [];
  const initializers: [string, TensorData][] = [];
  let last = 'picture';
  const append = (op: string, weights: readonly string[], attrs: Attributes = {}): void => {
    const output = op === 'Softmax' ? 'probabilities' : `${op.toLowerCase()}${nodes.length}`;
    nodes.push({ op, inputs: [last, ...weights], outputs: [output], attrs });
    last = output;
  };
  for (const { op, attrs, layer } of stages) {
    if (op === 'Gemm' && nodes.every((n) => n.op !== 'Flatten')) append('Flatten', []);
    const names = layer.parameters.map(({ shape, value }, i) => {
      const name = `${op.toLowerCase()}${nodes.length}.${i === 0 ? 'weight' : 'bias'}`;
      initializers.push([name, tensorOf('f32', shape, [...value])]);
      return name;
    });
    append(op, names, attrs);
  }
  append('Softmax', [], { axis: attr.int(1) });
  const inputs = [{ name: 'picture', dtype: 'f32', shape: ['batch', 1, SIDE, SIDE] }] as const;
  const outputs = [{ name: 'probabilities', dtype: 'f32', shape: ['batch', 10] }] as const;
  const graph = { name: 'digits', inputs, outputs, nodes, initializers };
  return writeModel({ graph, irVersion: 8, opsets: [['', 17]] });
}

function main(): void {
  const random = seededRandom(SEEDS.training);
  const stages = network(random);
  const layers = stages.map((stage) => stage.layer);
  train(layers, random);
  const fresh = drawDigits(5000, seededRandom(SEEDS.test));
  const right = fresh.filter((picture) => best(recognise(layers, picture)) === picture.digit).length;
  console.log(`${((100 * right) / fresh.length).toFixed(2)} % of ${fresh.length} fresh pictures`);
  writeFileSync(MODEL, asOnnx(stages));
  mkdirSync(PICTURES, { recursive: true });
  for (const [i, { digit, pixels }] of drawDigits(12, seededRandom(SEEDS.shown)).entries()) {
    writeFileSync(`${PICTURES}${String(i).padStart(2, '0')}-${digit}.pgm`, encodePgm(pixels));
  }
}

main();
