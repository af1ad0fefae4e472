// What a package says of its model: inputs and outputs by name with type, dims and place in memory. Names are data:
// they enter generated text only as escaped string literals.

import { type Artifact, type Slot, writeConstants } from '../../6-runtime/artifact.ts';
import { arrayClass } from '../../6-runtime/tensor.ts';
import { dtypeInfo } from '../../ir/dtype.ts';

/** An input or output; `constant`: it lies in the constants, else in the arena. */
const packageSlot = (slot: Slot, name: string) => ({
  name,
  type: dtypeInfo(slot.dtype).api,
  array: arrayClass(slot.dtype).name,
  dims: slot.shape,
  constant: slot.space === 'constants',
  offset: slot.offset,
  bytes: slot.bytes,
});
type PackageSlot = ReturnType<typeof packageSlot>;

/** Joins an artifact with the model's names. */
export function signatureOf(artifact: Artifact, inputs: readonly string[], outputs: readonly string[]) {
  return {
    inputs: artifact.inputs.map((s, i) => packageSlot(s, inputs[i])),
    outputs: artifact.outputs.map((s, i) => packageSlot(s, outputs[i])),
    checks: artifact.checks.map(({ slot: { offset, space }, op, message }) => {
      return { offset, constant: space === 'constants', message: `${op}: ${message}` };
    }),
    constantBytes: artifact.constantBytes,
    arenaBytes: artifact.arenaBytes,
  };
}

export type Signature = ReturnType<typeof signatureOf>;

/** A JSON literal that is also safe inside script text. */
export function literal(value: unknown): string {
  const escaped = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, null, 1).replace(/[\u007f-\uffff<]/g, escaped);
}

const recordType = (slots: readonly PackageSlot[], typeOf: (s: PackageSlot) => string): string =>
  `{\n${slots.map((s) => `  ${literal(s.name)}: ${typeOf(s)};\n`).join('')}}`;

const inputType = (s: PackageSlot): string => `${s.array} | { readonly data: ${s.array} }`;
const outputType = ({ type, array, dims }: PackageSlot): string =>
  `{ readonly type: '${type}'; readonly data: ${array}; readonly dims: readonly [${dims.join(', ')}] }`;

/** The `.d.ts` of a package. */
function declarations(s: Signature, sources: string): string {
  return `// Inputs by name: the typed array of all elements, row-major, or an object that has it as \`data\`.
export type Inputs = ${recordType(s.inputs, inputType)};
export type Outputs = ${recordType(s.outputs, outputType)};
export interface Model {
  /** Runs once; results are fresh. Throws RangeError for arrays of a wrong length, Error for data that breaks the model's rules. */
  run(inputs: Inputs): Outputs;
  readonly arenaBytes: number;
}
export interface Sources {
${sources}
  /** The weights. */
  weights?: Response | ArrayBuffer | Uint8Array;
}
/** Loads the model; without sources, its files are read from beside this module. */
export function load(sources?: Sources): Promise<Model>;
export default load;
`;
}

/** The ES module, what its `load` takes besides the weights, and more fields of package.json. */
type PackageParts = Readonly<{ module: string; sources: string; manifest?: object }>;

/** The files that packages of all targets have. */
export function packageFiles(artifact: Artifact, signature: Signature, parts: PackageParts): Map<string, Uint8Array> {
  const weights = new Uint8Array(artifact.constantBytes);
  writeConstants(artifact, weights);
  const fields = { type: 'module', main: './index.js', types: './index.d.ts', ...parts.manifest };
  return new Map([
    ['weights.bin', weights],
    ['index.js', utf8(parts.module)],
    ['index.d.ts', utf8(declarations(signature, parts.sources))],
    ['package.json', utf8(`${JSON.stringify(fields, null, 2)}\n`)],
  ]);
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
