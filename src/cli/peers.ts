// Other runtimes to compare with, when they are installed where the command runs: fed the same data.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isTensorValue, type RunValue } from '../6-runtime/plan.ts';
import { fromTensorData } from '../6-runtime/tensor.ts';
import { dtypeFromApi, dtypeInfo } from '../ir/dtype.ts';
import type { Model } from '../ir/graph.ts';
import type { TensorData } from '../ir/tensor.ts';
import { TilewrightError } from '../support/errors.ts';
import { usage } from './options.ts';

type OrtTensor = Readonly<{ type: string; data: ArrayBufferView; dims: readonly number[] }>;
type OrtRun = (feeds: Record<string, unknown>) => Promise<Record<string, OrtTensor>>;
type OrtSession = { run: OrtRun; release?: () => Promise<void> };
interface OrtModule {
  InferenceSession: { create(model: string | Uint8Array, options: object): Promise<OrtSession> };
  Tensor: new (type: string, data: unknown, dims: readonly number[]) => unknown;
  env: { versions?: Record<string, string>; wasm?: { numThreads?: number } };
}

type Tensors = Readonly<Record<string, TensorData>>;

/** Optimisations are off for judging numbers, on for judging speed. External data is for peers that get bytes. */
type ExternalData = readonly Readonly<{ path: string; data: Uint8Array }>[];
export type PeerOptions = Readonly<{ threads: number; optimise: boolean; externalData?: ExternalData }>;

/** Feeds by input name. Throws USAGE for values that are not tensors. */
export function nameFeeds(model: Model, feeds: readonly (RunValue | null)[]): Tensors {
  const fed = model.graph.inputs.flatMap(({ name }, i): [string, TensorData][] => {
    const f = feeds[i];
    if (!f) return [];
    return isTensorValue(f) ? [[name, f]] : usage('an input is not a tensor', 'Leave out --against.', name);
  });
  return Object.fromEntries(fed);
}

export type Peer = Awaited<ReturnType<typeof loadPeer>>;

/** Execution provider per peer: both register with one shared front, so it has to be named. */
const PEERS: Readonly<Record<string, string>> = { 'onnxruntime-node': 'cpu', 'onnxruntime-web': 'wasm' };

/** Loads a peer for a model file. Throws TARGET_UNAVAILABLE when it is not installed. */
export async function loadPeer(name: string, model: string, bytes: Uint8Array, options: PeerOptions) {
  if (!Object.hasOwn(PEERS, name)) {
    usage(`unknown peer ${name}`, `Peers are: ${Object.keys(PEERS).join(', ')}.`);
  }
  const ort = await importPeer(name);
  if (ort.env.wasm && name === 'onnxruntime-web') ort.env.wasm.numThreads = options.threads;
  const settings = {
    graphOptimizationLevel: options.optimise ? 'all' : 'disabled',
    intraOpNumThreads: options.threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    executionProviders: [PEERS[name]],
    externalData: options.externalData ?? [],
  };
  const session = await ort.InferenceSession.create(name === 'onnxruntime-node' ? model : bytes, settings);
  const fed = ([name, t]: [string, TensorData]) =>
    [name, new ort.Tensor(dtypeInfo(t.dtype).api, fromTensorData(t).data, t.shape)] as const;
  const run = (feeds: Tensors) => session.run(Object.fromEntries(Object.entries(feeds).map(fed)));
  return {
    name,
    version: ort.env.versions?.['common'] ?? 'unknown',
    run: async (feeds: Tensors): Promise<Tensors> =>
      Object.fromEntries(Object.entries(await run(feeds)).map(([k, t]) => [k, fromOrt(t)])),
    /** Runs without converting the results: for timing. */
    time: async (feeds: Tensors): Promise<void> => void (await run(feeds)),
    release: async () => session.release?.(),
  };
}

function fromOrt({ type, dims, data }: OrtTensor): TensorData {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return { dtype: dtypeFromApi(type)!, shape: dims, bytes };
}

async function importPeer(name: string): Promise<OrtModule> {
  try {
    const require = createRequire(path.join(process.cwd(), 'package.json'));
    const loaded = (await import(pathToFileURL(require.resolve(name)).href)) as OrtModule & { default?: OrtModule };
    return loaded.InferenceSession ? loaded : loaded.default!;
  } catch (error) {
    const what = `${name} cannot be loaded: ${String((error as Error).message).split('\n')[0]}`;
    const hint = `Install it in the folder you run in: npm install --ignore-scripts ${name}`;
    throw new TilewrightError('TARGET_UNAVAILABLE', what, {}, hint);
  }
}
