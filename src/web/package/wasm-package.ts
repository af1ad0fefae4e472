// The ahead-of-time package of a wasm artifact: module bytes, weights, an ES module and its types. In: an artifact and
// the model's names. Out: files by name; nothing of Tilewright is needed to run them.

import type { Artifact } from '../../6-runtime/artifact.ts';
import { memoryLayout } from '../../6-runtime/launch/wasm.ts';
import { version } from '../../version.ts';
import { moduleHead } from './module-text.ts';
import { packageFiles, type Signature } from './signature.ts';

const SOURCES = `  /** The WebAssembly module. */
  wasm?: Response | ArrayBuffer | Uint8Array | WebAssembly.Module;`;

function moduleText(s: Signature): string {
  const { arena, pages } = memoryLayout(s.constantBytes, s.arenaBytes);
  return `${moduleHead(s, version)}
const ARENA = ${arena};

async function compiled(given) {
  if (given instanceof WebAssembly.Module) return given;
  return WebAssembly.compile(await read(given, './model.wasm'));
}

export async function load(sources = {}) {
  const [module, weights] = await Promise.all([compiled(sources.wasm), read(sources.weights, './weights.bin')]);
  if (weights.length !== SIGNATURE.constantBytes) throw new RangeError('weights.bin has ' + weights.length + ' bytes, expected ' + SIGNATURE.constantBytes);
  const memory = new WebAssembly.Memory({ initial: ${pages}, maximum: ${pages} });
  new Uint8Array(memory.buffer).set(weights);
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const all = () => new Uint8Array(memory.buffer);
  return model(() => all(), () => all().subarray(ARENA), () => instance.exports.main(0, ARENA));
}

export default load;
`;
}

/** Files of the package. */
export function wasmPackage(artifact: Artifact, signature: Signature): Map<string, Uint8Array> {
  const files = packageFiles(artifact, signature, { module: moduleText(signature), sources: SOURCES });
  return files.set('model.wasm', artifact.code.bytes);
}
