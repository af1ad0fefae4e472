// The ahead-of-time package of a wasm artifact: module bytes, weights, an ES module and its types. In:
// an artifact and the model's names. Out: files by name; nothing of Tilewright is needed to run them.
import { version } from '../../version.ts';
import { type Artifact, writeConstants } from '../artifact.ts';
import { moduleHead } from './module-text.ts';
import { declarations, type Signature, signatureOf } from './signature.ts';

const PAGE = 65536;
/** Vector loads may read this far past the last element. */
const SLACK = 64;
const SOURCES = `  /** The WebAssembly module. */
  wasm?: Response | ArrayBuffer | Uint8Array | WebAssembly.Module;
  /** The weights. */
  weights?: Response | ArrayBuffer | Uint8Array;`;

function moduleText(s: Signature): string {
  const constants = Math.ceil(s.constantBytes / 64) * 64;
  const pages = Math.max(1, Math.ceil((constants + s.arenaBytes + SLACK) / PAGE));
  return `${moduleHead(s, version)}
const ARENA = ${constants};

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
export function wasmPackage(
  artifact: Artifact,
  inputs: readonly string[],
  outputs: readonly string[],
): Map<string, Uint8Array> {
  const s = signatureOf(artifact, inputs, outputs);
  const weights = new Uint8Array(artifact.constantBytes);
  writeConstants(artifact, weights);
  const text = (t: string): Uint8Array => new TextEncoder().encode(t);
  return new Map([
    ['model.wasm', artifact.code.bytes],
    ['weights.bin', weights],
    ['index.js', text(moduleText(s))],
    ['index.d.ts', text(declarations(s, SOURCES))],
    [
      'package.json',
      text(`${JSON.stringify({ type: 'module', main: './index.js', types: './index.d.ts' }, null, 2)}\n`),
    ],
  ]);
}
