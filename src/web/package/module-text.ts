// The parts of a package's ES module that all targets share: the signature, and moving data between typed arrays and
// the program's memory.
import { literal, type Signature } from './signature.ts';

export function moduleHead(s: Signature, version: string): string {
  return `// Made by Tilewright ${version}. This module needs nothing else of it.
const SIGNATURE = ${literal(s)};
const ARRAYS = {
  Float32Array, Float64Array, Int8Array, Uint8Array, Int16Array, Uint16Array, Int32Array, Uint32Array,
  BigInt64Array, BigUint64Array,
};

function dataOf(slot, inputs) {
  const given = Object.hasOwn(inputs, slot.name) ? inputs[slot.name] : undefined;
  const data = ArrayBuffer.isView(given) ? given : given?.data;
  if (!(data instanceof ARRAYS[slot.array])) {
    throw new TypeError('input ' + JSON.stringify(slot.name) + ' must be a ' + slot.array);
  }
  if (data.byteLength !== slot.bytes) {
    throw new RangeError('input ' + JSON.stringify(slot.name) + ' has ' + data.length + ' elements, its dims are [' + slot.dims + ']');
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function model(constants, arena, main) {
  const bytes = (slot, length) => {
    const space = slot.constant ? constants() : arena();
    return space.subarray(slot.offset, slot.offset + length);
  };
  return {
    arenaBytes: SIGNATURE.arenaBytes,
    run(inputs) {
      const feeds = SIGNATURE.inputs.map((slot) => dataOf(slot, inputs));
      SIGNATURE.inputs.forEach((slot, i) => bytes(slot, slot.bytes).set(feeds[i]));
      main();
      for (const check of SIGNATURE.checks) {
        if (bytes(check, 1)[0] === 0) throw new Error(check.message);
      }
      return Object.fromEntries(SIGNATURE.outputs.map((slot) => {
        const copy = bytes(slot, slot.bytes).slice();
        return [slot.name, { type: slot.type, data: new ARRAYS[slot.array](copy.buffer), dims: slot.dims }];
      }));
    },
  };
}

/** Bytes given by the caller, or of a file beside this module: fetched, or read where there is no network. */
async function read(given, file) {
  if (given instanceof Response) return new Uint8Array(await given.arrayBuffer());
  if (given) return ArrayBuffer.isView(given) ? new Uint8Array(given.buffer, given.byteOffset, given.byteLength) : new Uint8Array(given);
  const url = new URL(file, import.meta.url);
  if (url.protocol !== 'file:') {
    const response = await fetch(url);
    if (!response.ok) throw new Error(url.href + ' answered ' + response.status);
    return new Uint8Array(await response.arrayBuffer());
  }
  const { readFile } = await import('node:fs/promises');
  return new Uint8Array(await readFile(url));
}
`;
}
