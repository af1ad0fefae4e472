// What a package says of its model: inputs and outputs by name with type, dims and place in memory.
// Names are data: they enter generated text only as escaped string literals.
import { type DType, dtypeInfo } from '../../ir/dtype.ts';
import type { Artifact, Slot } from '../artifact.ts';

export interface PackageSlot {
  readonly name: string;
  readonly type: string;
  readonly array: string;
  readonly dims: readonly number[];
  /** In the constants when true, else in the arena. */
  readonly constant: boolean;
  readonly offset: number;
  readonly bytes: number;
}

export interface Signature {
  readonly inputs: readonly PackageSlot[];
  readonly outputs: readonly PackageSlot[];
  readonly checks: readonly { readonly offset: number; readonly constant: boolean; readonly message: string }[];
  readonly constantBytes: number;
  readonly arenaBytes: number;
}

const ARRAYS: Partial<Record<DType, string>> = {
  f32: 'Float32Array',
  f64: 'Float64Array',
  i32: 'Int32Array',
  u32: 'Uint32Array',
  i16: 'Int16Array',
  u16: 'Uint16Array',
  i64: 'BigInt64Array',
  u64: 'BigUint64Array',
  f16: 'Uint16Array',
  bf16: 'Uint16Array',
  i8: 'Int8Array',
  i4: 'Int8Array',
  i2: 'Int8Array',
  complex64: 'Float32Array',
  complex128: 'Float64Array',
};

function packageSlot(slot: Slot, name: string): PackageSlot {
  return {
    name,
    type: dtypeInfo(slot.dtype).api,
    array: ARRAYS[slot.dtype] ?? 'Uint8Array',
    dims: slot.shape,
    constant: slot.space === 'constants',
    offset: slot.offset,
    bytes: slot.bytes,
  };
}

/** Joins an artifact with the model's names. */
export function signatureOf(artifact: Artifact, inputs: readonly string[], outputs: readonly string[]): Signature {
  return {
    inputs: artifact.inputs.map((s, i) => packageSlot(s, inputs[i])),
    outputs: artifact.outputs.map((s, i) => packageSlot(s, outputs[i])),
    checks: artifact.checks.map((c) => ({
      offset: c.slot.offset,
      constant: c.slot.space === 'constants',
      message: `${c.op}: ${c.message}`,
    })),
    constantBytes: artifact.constantBytes,
    arenaBytes: artifact.arenaBytes,
  };
}

/** A JSON literal that is also safe inside script text. */
export function literal(value: unknown): string {
  return JSON.stringify(value, null, 1).replace(
    /[\u007f-\uffff<]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function tupleType(dims: readonly number[]): string {
  return `readonly [${dims.join(', ')}]`;
}

function recordType(slots: readonly PackageSlot[]): string {
  const fields = slots.map(
    (s) =>
      `  ${literal(s.name)}: { readonly type: '${s.type}'; readonly data: ${s.array}; readonly dims: ${tupleType(s.dims)} };`,
  );
  return `{\n${fields.join('\n')}\n}`;
}

function inputType(slots: readonly PackageSlot[]): string {
  const fields = slots.map((s) => `  ${literal(s.name)}: ${s.array} | { readonly data: ${s.array} };`);
  return `{\n${fields.join('\n')}\n}`;
}

/** The `.d.ts` of a package; `sources` is the parameter of `load` that the target's module takes. */
export function declarations(s: Signature, sources: string): string {
  return `// Inputs by name: the typed array of all elements, row-major, or an object that has it as \`data\`.
export type Inputs = ${inputType(s.inputs)};
export type Outputs = ${recordType(s.outputs)};
export interface Model {
  /** Runs once; results are fresh. Throws RangeError for arrays of a wrong length, Error for data that breaks the model's rules. */
  run(inputs: Inputs): Outputs;
  readonly arenaBytes: number;
}
export interface Sources {
${sources}
}
/** Loads the model; without sources, its files are read from beside this module. */
export function load(sources?: Sources): Promise<Model>;
export default load;
`;
}
