// Writes a small ONNX model. In: nodes, weights, the input and the output. Out: the bytes of a
// ModelProto. Covers what the digit recogniser needs: float weights, integer attributes, one
// symbolic leading dimension.

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
  /** Integers and lists of integers. */
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly weights: readonly OnnxTensor[];
  readonly input: OnnxValue;
  readonly output: OnnxValue;
}

const FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_INTS = 7;

type Field = Uint8Array;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}

const int = (field: number, value: number): Field =>
  Uint8Array.from([...varint(field * 8), ...varint(value)]);

/** A length-delimited field: nested fields, text or raw bytes. */
function block(field: number, content: readonly Field[] | string | Uint8Array): Field {
  const parts =
    typeof content === 'string'
      ? [new TextEncoder().encode(content)]
      : content instanceof Uint8Array
        ? [content]
        : content;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Uint8Array.from([...varint(field * 8 + 2), ...varint(length)]), ...parts]);
}

function attribute(name: string, value: number | readonly number[]): Field {
  const fields =
    typeof value === 'number'
      ? [int(3, value), int(20, ATTRIBUTE_INT)]
      : [...value.map((v) => int(8, v)), int(20, ATTRIBUTE_INTS)];
  return block(5, [block(1, name), ...fields]);
}

function node({ op, inputs, output, attributes = {} }: OnnxNode): Field {
  const values = Object.entries(attributes).map(([name, value]) => attribute(name, value));
  const names = [...inputs.map((name) => block(1, name)), block(2, output)];
  return block(1, [...names, block(3, output), block(4, op), ...values]);
}

function tensor({ name, shape, values }: OnnxTensor): Field {
  const raw = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const dims = shape.map((extent) => int(1, extent));
  return block(5, [...dims, int(2, FLOAT), block(8, name), block(9, raw)]);
}

function value(field: number, { name, shape }: OnnxValue): Field {
  const dims = shape.map((d) => block(1, [typeof d === 'number' ? int(1, d) : block(2, d)]));
  const type = block(1, [int(1, FLOAT), block(2, dims)]);
  return block(field, [block(1, name), block(2, [type])]);
}

/** The model as an ONNX file, IR version 8, opset 17. */
export function encodeOnnx(model: OnnxModel, name: string): Uint8Array {
  const graph = block(7, [
    ...model.nodes.map(node),
    block(2, name),
    ...model.weights.map(tensor),
    value(11, model.input),
    value(12, model.output),
  ]);
  return Buffer.concat([int(1, 8), block(2, 'tilewright-examples'), graph, block(8, [int(2, 17)])]);
}
