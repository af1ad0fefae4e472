// Trains the digit recogniser of the demo and writes digits.onnx and the demo's pictures. Every
// training picture is drawn anew, so there is no data set; the accuracy it prints is measured on
// pictures of another seed. Takes about two minutes: `npx tsx examples/digits/train.ts`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Attributes, ModelBuilder, Tensor } from '../../src/web/build.ts';
import { drawDigit, drawDigits, type Picture, type Random, SIDE, seededRandom } from './draw.ts';
import { adamStep, convolution, dense, type Layer, maxPool, relu, softmax } from './layers.ts';
import { encodePgm, PICTURES } from './pictures.ts';

const STEPS = 1000;
const BATCH = 32;
const RATE = 2e-3;
const SEEDS = { training: 1, test: 2, shown: 7 };
const MODEL = fileURLToPath(new URL('./digits.onnx', import.meta.url));

/** A layer and the ONNX node that stands for it. */
interface Stage {
  readonly layer: Layer;
  readonly op: string;
  readonly attributes?: Attributes;
}

function network(random: Random): Stage[] {
  const conv = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  const pool = { kernel_shape: [2, 2], strides: [2, 2] };
  const half = SIDE / 2;
  return [
    { op: 'Conv', attributes: conv, layer: convolution(1, 8, SIDE, random) },
    { op: 'Relu', layer: relu() },
    { op: 'MaxPool', attributes: pool, layer: maxPool(8, SIDE) },
    { op: 'Conv', attributes: conv, layer: convolution(8, 16, half, random) },
    { op: 'Relu', layer: relu() },
    { op: 'MaxPool', attributes: pool, layer: maxPool(16, half) },
    { op: 'Gemm', attributes: { transB: 1 }, layer: dense(16 * (half / 2) ** 2, 64, random) },
    { op: 'Relu', layer: relu() },
    { op: 'Gemm', attributes: { transB: 1 }, layer: dense(64, 10, random) },
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
  const model = new ModelBuilder({ opset: 17 });
  let last = model.input('picture', 'float32', ['batch', 1, SIDE, SIDE]);
  let flat = false;
  for (const { op, attributes, layer } of stages) {
    if (op === 'Gemm' && !flat) {
      last = model.node('Flatten', [last]);
      flat = true;
    }
    const weights = layer.parameters.map(({ shape, value }) => new Tensor('float32', value, shape));
    last = model.node(op, [last, ...weights], attributes);
  }
  model.output(model.node('Softmax', [last], { axis: 1 }, { name: 'probabilities' }), ['batch', 10]);
  return model.toBytes();
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
