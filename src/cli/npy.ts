// NumPy's .npy files: version 1 to 3 headers, little-endian C-order arrays of numbers.
import { DTYPES, type DType, dtypeInfo, isStorageFloat } from '../ir/dtype.ts';
import { elementCount, type TensorData } from '../ir/tensor.ts';
import { TilewrightError } from '../support/errors.ts';

/** NumPy's `descr` of a type: byte order, kind, bytes. */
function descrOf(dtype: DType): string | undefined {
  const { kind, bytes, bits } = dtypeInfo(dtype);
  if (kind === 'string' || bits < 8 || (isStorageFloat(dtype) && dtype !== 'f16')) return undefined;
  return `${bytes > 1 ? '<' : '|'}${kind[0]}${bytes}`;
}
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

function refuse(what: string, file: string): never {
  const hint = 'Save arrays with numpy.save: little-endian, C order, no objects.';
  throw new TilewrightError('INVALID_INPUT', what, { file }, hint);
}

/** Reads an array. Throws INVALID_INPUT for anything that is not a plain numeric array. */
export function readNpy(bytes: Uint8Array, file: string): TensorData {
  if (!MAGIC.every((b, i) => bytes[i] === b)) refuse('not a .npy file', file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = bytes[6] >= 2;
  const start = long ? 12 : 10;
  if (bytes.byteLength < start) refuse('truncated header', file);
  const length = long ? view.getUint32(8, true) : view.getUint16(8, true);
  if (start + length > bytes.byteLength) refuse('truncated header', file);
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  const dtype = DTYPES.find((d) => descrOf(d) === descr);
  if (!descr || !dtype || shapeText === undefined) refuse(`element type ${descr ?? '?'} is not supported`, file);
  if (/'fortran_order':\s*True/.test(header)) refuse('Fortran order is not supported', file);
  const extents = shapeText.split(',').map((s) => s.trim());
  const shape = extents.filter((s) => s !== '').map(Number);
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 0)) refuse('the shape is not valid', file);
  const data = bytes.subarray(start + length);
  if (data.byteLength === elementCount(shape) * dtypeInfo(dtype).bytes) return { dtype, shape, bytes: data.slice() };
  return refuse('the data does not fill the shape', file);
}

/** Writes an array, version 1.0; narrow floats are written as raw unsigned integers. */
export function writeNpy(t: TensorData): Uint8Array {
  const descr = descrOf(t.dtype) ?? (dtypeInfo(t.dtype).bytes === 2 ? '<u2' : '|u1');
  const shape = t.shape.length === 1 ? `${t.shape[0]},` : t.shape.join(', ');
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const padded = text.padEnd(Math.ceil((10 + text.length + 1) / 64) * 64 - 11).concat('\n');
  const out = new Uint8Array(10 + padded.length + t.bytes.byteLength);
  out.set([...MAGIC, 1, 0, padded.length & 255, padded.length >> 8]);
  out.set(new TextEncoder().encode(padded), 10);
  out.set(t.bytes, 10 + padded.length);
  return out;
}
