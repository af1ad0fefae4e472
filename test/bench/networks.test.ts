// The networks of the benchmark, scaled down: the same results from WebAssembly as from onnxruntime-node without
// optimisations, and from the interpreter for the smallest.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { attention } from '../../bench/networks/attention.ts';
import type { Network } from '../../bench/networks/layers.ts';
import { llamaDecode, llamaPrefill } from '../../bench/networks/llama.ts';
import { invertedResiduals, mobileNetV2 } from '../../bench/networks/mobilenet.ts';
import { nerf } from '../../bench/networks/nerf.ts';
import { bertLayers, visionTransformer } from '../../bench/networks/transformer.ts';
import { unet } from '../../bench/networks/unet.ts';
import { toTensorData } from '../../src/6-runtime/tensor.ts';
import { compareTensors } from '../../src/cli/compare.ts';
import { loadPeer, type Peer } from '../../src/cli/peers.ts';
import { type TensorData, tensorNumbers } from '../../src/ir/tensor.ts';
import { Session } from '../../src/node.ts';

const decoder = { heads: 4, groups: 2, width: 8, inner: 48, sequence: 6 };
const SMALL: readonly (readonly [string, () => Network])[] = [
  ['MobileNetV2', () => mobileNetV2({ size: 32, classes: 10 })],
  ['inverted residuals', () => invertedResiduals({ size: 6, channels: 8, blocks: 3 })],
  ['BERT', () => bertLayers({ layers: 2, sequence: 8, heads: 2, width: 8 })],
  ['a vision transformer', () => visionTransformer({ image: 16, patch: 4, layers: 2, heads: 1, classes: 10 })],
  ['NeRF', () => nerf({ points: 5, width: 16 })],
  ['U-Net', () => unet({ size: 16, channels: 4, levels: 2 })],
  ['attention', () => attention(12)],
  ['a Llama prompt', () => llamaPrefill(decoder)],
  ['a Llama step', () => llamaDecode(decoder)],
];

type Results = Readonly<Record<string, TensorData>>;

const feedsOf = ({ feeds }: Network): Results =>
  Object.fromEntries(Object.entries(feeds).map(([name, t]) => [name, toTensorData(t)]));

async function ours(network: Network, target: 'wasm' | 'interpreter'): Promise<Results> {
  const session = await Session.create(network.model.toBytes(), { target });
  const results = await session.run(network.feeds);
  await session.release();
  return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, toTensorData(t)]));
}

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-networks-'));
afterAll(() => fs.rmSync(dir, { recursive: true }));

async function peerOf(bytes: Uint8Array): Promise<Peer> {
  const file = path.join(dir, 'model.onnx');
  fs.writeFileSync(file, bytes);
  return loadPeer('onnxruntime-node', file, bytes, { threads: 1, optimise: false });
}

const missing = await peerOf(SMALL[1][1]().model.toBytes()).then(
  async (peer) => void (await peer.release()),
  () => ' (skipped: onnxruntime-node is not installed)',
);

/** Rounding of some hundred sums one behind the other, against the largest value. */
function expectClose(got: Results, want: Results): void {
  expect(Object.keys(got)).toEqual(Object.keys(want));
  for (const [name, w] of Object.entries(want)) {
    const largest = tensorNumbers(w).reduce((m, x) => Math.max(m, Math.abs(x)), 0);
    expect(largest).toBeGreaterThan(1e-3);
    expect(largest).toBeLessThan(1e3);
    const { ok, reason } = compareTensors(got[name], w, { rtol: 0, atol: 1e-4 * largest });
    expect(ok, `${name}: ${reason}`).toBe(true);
  }
}

describe.skipIf(missing !== undefined)(`networks agree with onnxruntime-node${missing ?? ''}`, () => {
  it.each(SMALL)('%s', async (_, make) => {
    const network = make();
    const peer = await peerOf(network.model.toBytes());
    const theirs = await peer.run(feedsOf(network));
    await peer.release();
    expectClose(await ours(network, 'wasm'), theirs);
  });
});

it('agrees with the interpreter', async () => {
  const network = invertedResiduals({ size: 4, channels: 4, blocks: 1 });
  expectClose(await ours(network, 'wasm'), await ours(network, 'interpreter'));
});
