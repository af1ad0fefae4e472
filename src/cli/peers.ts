// Other runtimes to compare with, when they are installed where the command runs: fed the same data.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { fromTensorData } from '../6-runtime/tensor.ts';
import { dtypeFromApi, dtypeInfo } from '../ir/dtype.ts';
import type { TensorData } from '../ir/tensor.ts';
import { TilewrightError } from '../support/errors.ts';

interface OrtTensor {
  readonly type: string;
  readonly data: ArrayBufferView;
  readonly dims: readonly number[];
}
interface OrtSession {
  run(feeds: Record<string, unknown>): Promise<Record<string, OrtTensor>>;
  release?(): Promise<void>;
}
interface OrtModule {
  InferenceSession: { create(model: string | Uint8Array, options: object): Promise<OrtSession> };
  Tensor: new (type: string, data: unknown, dims: readonly number[]) => unknown;
  env: { versions?: Record<string, string>; wasm?: { numThreads?: number } };
}

export interface Peer {
  readonly name: string;
  readonly version: string;
  run(feeds: Readonly<Record<string, TensorData>>): Promise<Record<string, TensorData>>;
  /** Runs without converting the results: for timing. */
  time(feeds: Readonly<Record<string, TensorData>>): Promise<void>;
  release(): Promise<void>;
}

export interface PeerOptions {
  readonly threads: number;
  /** Off for judging numbers, on for judging speed. */
  readonly optimise: boolean;
}

/** Execution provider per peer: both register with one shared front, so it has to be named. */
const PEERS: Readonly<Record<string, string>> = { 'onnxruntime-node': 'cpu', 'onnxruntime-web': 'wasm' };

/** Loads a peer for a model file. Throws TARGET_UNAVAILABLE when it is not installed. */
export async function loadPeer(name: string, model: string, bytes: Uint8Array, options: PeerOptions): Promise<Peer> {
  if (!Object.hasOwn(PEERS, name)) {
    throw new TilewrightError('USAGE', `unknown peer ${name}`, {}, `Peers are: ${Object.keys(PEERS).join(', ')}.`);
  }
  const ort = await importPeer(name);
  if (ort.env.wasm && name === 'onnxruntime-web') ort.env.wasm.numThreads = options.threads;
  const settings = {
    graphOptimizationLevel: options.optimise ? 'all' : 'disabled',
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    executionProviders: [PEERS[name]],
  };
  const session = await ort.InferenceSession.create(name === 'onnxruntime-node' ? model : bytes, settings);
  const convert = (feeds: Readonly<Record<string, TensorData>>): Record<string, unknown> =>
    Object.fromEntries(
      Object.entries(feeds).map(([k, t]) => {
        const { data } = fromTensorData(t);
        return [k, new ort.Tensor(dtypeInfo(t.dtype).api, data, t.shape)];
      }),
    );
  return {
    name,
    version: ort.env.versions?.['common'] ?? 'unknown',
    run: async (feeds) => fromOrt(await session.run(convert(feeds))),
    time: async (feeds) => {
      await session.run(convert(feeds));
    },
    release: async () => {
      await session.release?.();
    },
  };
}

async function importPeer(name: string): Promise<OrtModule> {
  try {
    const require = createRequire(path.join(process.cwd(), 'package.json'));
    const loaded = (await import(pathToFileURL(require.resolve(name)).href)) as OrtModule & { default?: OrtModule };
    return loaded.InferenceSession ? loaded : loaded.default!;
  } catch (error) {
    throw new TilewrightError(
      'TARGET_UNAVAILABLE',
      `${name} cannot be loaded: ${String((error as Error).message).split('\n')[0]}`,
      {},
      `Install it in the folder you run in: npm install --ignore-scripts ${name}`,
    );
  }
}

function fromOrt(results: Record<string, OrtTensor>): Record<string, TensorData> {
  return Object.fromEntries(
    Object.entries(results).map(([name, t]) => {
      const dtype = dtypeFromApi(t.type)!;
      return [
        name,
        { dtype, shape: t.dims, bytes: new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength).slice() },
      ];
    }),
  );
}
