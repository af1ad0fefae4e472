// Descriptions of graphs in names → ONNX bytes: for `tilewright/build`, which stands beside it, tests and benchmarks. The
// counterpart of the reader, on the same schema.
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { AttributeSchema, GraphSchema, NodeSchema, TypeSchema } from '../1-frontend/onnx/gen/onnx_pb.ts';
import { ModelSchema, TensorSchema, type ValueInfoSchema } from '../1-frontend/onnx/gen/onnx_pb.ts';
import { type Dim, isStatic, symbol } from '../ir/dim.ts';
import { type DType, dtypeInfo } from '../ir/dtype.ts';
import { type Attr, NEWEST_OPSET, type TensorType, tensorType, type ValueType } from '../ir/graph.ts';
import type { TensorData } from '../ir/tensor.ts';
import { refuse } from '../support/errors.ts';

/** A named value: a tensor by element type and extents, or any other type. */
export interface ValueSpec {
  readonly name: string;
  readonly dtype?: DType;
  /** Strings are symbolic extents. Undefined: rank unknown. */
  readonly shape?: readonly (number | string)[];
  /** Instead of dtype and shape. */
  readonly type?: ValueType;
}

export type AttrSpec =
  | Exclude<Attr, { kind: 'graph' | 'graphs' | 'sparse' }>
  | { readonly kind: 'graph'; readonly value: GraphSpec }
  | { readonly kind: 'graphs'; readonly value: readonly GraphSpec[] }
  /** The value of the enclosing function's attribute of this name. */
  | { readonly kind: 'ref'; readonly value: string };

export interface NodeSpec {
  readonly op: string;
  /** '' is an omitted input or output. */
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly attrs?: Readonly<Record<string, AttrSpec>>;
  readonly domain?: string;
  readonly name?: string;
}

export interface GraphSpec {
  readonly name?: string;
  readonly inputs?: readonly ValueSpec[];
  readonly outputs?: readonly ValueSpec[];
  readonly nodes: readonly NodeSpec[];
  readonly initializers?: readonly (readonly [string, TensorData])[];
  readonly valueInfo?: readonly ValueSpec[];
}

export interface ModelSpec {
  readonly graph: GraphSpec;
  /** Default: 10. */
  readonly irVersion?: number;
  /** Default: the newest of the default domain. */
  readonly opsets?: readonly (readonly [domain: string, version: number])[];
}

const text = new TextEncoder();

/** raw_data of dense elements: sub-byte types from one byte each to packed bytes. */
function toRaw(dtype: DType, bytes: Uint8Array): Uint8Array {
  const { bits } = dtypeInfo(dtype);
  if (bits >= 8) return bytes;
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  const out = new Uint8Array(Math.ceil(bytes.length / perByte));
  for (let i = 0; i < bytes.length; i++) {
    out[Math.floor(i / perByte)] |= (bytes[i] & mask) << ((i % perByte) * bits);
  }
  return out;
}

function tensorInit(name: string, data: TensorData): MessageInitShape<typeof TensorSchema> {
  const head = { name, dims: data.shape.map(BigInt), dataType: dtypeInfo(data.dtype).onnx };
  if (data.dtype === 'string') return { ...head, stringData: (data.strings ?? []).map((s) => text.encode(s)) };
  return { ...head, rawData: toRaw(data.dtype, data.bytes) as Uint8Array<ArrayBuffer> };
}

type TypeInit = MessageInitShape<typeof TypeSchema>;
type AttributeInit = MessageInitShape<typeof AttributeSchema>;

function dimInit(dim: Dim) {
  if (isStatic(dim)) return { dimValue: BigInt(dim) };
  return dim.text === '?' ? {} : { dimParam: dim.text };
}

function tensorTypeInit({ dtype, shape }: TensorType): TypeInit {
  const { onnx: elemType } = dtypeInfo(dtype);
  return { value: { case: 'tensorType', value: { elemType, ...(shape && { shape: { dim: shape.map(dimInit) } }) } } };
}

/** Wraps from the inside out, so that nesting costs no stack. */
function typeInit(type: ValueType): TypeInit {
  const wrappers: ('sequenceType' | 'optionalType')[] = [];
  let inner: ValueType | undefined = type;
  while (inner && inner.kind !== 'tensor') {
    wrappers.push(inner.kind === 'sequence' ? 'sequenceType' : 'optionalType');
    inner = inner.elem;
  }
  let init: TypeInit = inner ? tensorTypeInit(inner) : {};
  for (const kind of wrappers.reverse()) init = { value: { case: kind, value: { elemType: init } } };
  return init;
}

function valueInit(v: ValueSpec): MessageInitShape<typeof ValueInfoSchema> {
  const shape = v.shape?.map((d) => (typeof d === 'string' ? symbol(d) : d));
  const type = v.type ?? (v.dtype && tensorType(v.dtype, shape));
  return { name: v.name, ...(type && { type: typeInit(type) }) };
}

type Writer<K> = (value: Extract<AttrSpec, { kind: K }>['value']) => AttributeInit;

/** The fields of AttributeProto for each kind. */
const WRITERS: { readonly [K in AttrSpec['kind']]: Writer<K> } = {
  float: (f) => ({ type: 1, f }),
  int: (i) => ({ type: 2, i }),
  string: (s) => ({ type: 3, s: text.encode(s) }),
  tensor: (t) => ({ type: 4, t: tensorInit('', t) }),
  graph: (g) => ({ type: 5, g: graphInit(g) }),
  floats: (floats) => ({ type: 6, floats: [...floats] }),
  ints: (ints) => ({ type: 7, ints: [...ints] }),
  strings: (strings) => ({ type: 8, strings: strings.map((s) => text.encode(s)) }),
  tensors: (tensors) => ({ type: 9, tensors: tensors.map((t) => tensorInit('', t)) }),
  graphs: (graphs) => ({ type: 10, graphs: graphs.map(graphInit) }),
  type: (type) => ({ type: 13, tp: typeInit(type) }),
  ref: (refAttrName) => ({ refAttrName }),
};

const attrInit = (a: AttrSpec): AttributeInit =>
  (WRITERS[a.kind] as (value: AttrSpec['value']) => AttributeInit)(a.value);
export const attrsInit = (attrs: Readonly<Record<string, AttrSpec>> = {}): AttributeInit[] =>
  Object.entries(attrs).map(([name, a]) => Object.assign(attrInit(a), { name }));

export function nodeInit(n: NodeSpec): MessageInitShape<typeof NodeSchema> {
  const { op: opType, inputs = [], outputs = [], attrs, domain = '', name = '' } = n;
  return { opType, domain, name, input: [...inputs], output: [...outputs], attribute: attrsInit(attrs) };
}

function graphInit(g: GraphSpec): MessageInitShape<typeof GraphSchema> {
  const { name = 'graph', inputs = [], outputs = [], valueInfo = [], initializers = [] } = g;
  const values = { input: inputs.map(valueInit), output: outputs.map(valueInit), valueInfo: valueInfo.map(valueInit) };
  return { name, node: g.nodes.map(nodeInit), ...values, initializer: initializers.map((i) => tensorInit(...i)) };
}

/**
 * A ModelProto; `more` has fields that descriptions lack. The description is trusted: regions nested thousands deep
 * overflow the stack.
 */
export function writeModel(spec: ModelSpec, more: MessageInitShape<typeof ModelSchema> = {}): Uint8Array {
  const { irVersion = 10, opsets = [['', NEWEST_OPSET]] } = spec;
  const model = create(ModelSchema, {
    irVersion: BigInt(irVersion),
    producerName: 'tilewright',
    opsetImport: opsets.map(([domain, version]) => ({ domain, version: BigInt(version) })),
    graph: graphInit(spec.graph),
    ...more,
  } as MessageInitShape<typeof ModelSchema>);
  return toBinary(ModelSchema, model);
}

/** A TensorProto file, as ONNX's test data stores inputs and outputs. */
export function encodeTensor(name: string, data: TensorData): Uint8Array {
  if (data.dtype === 'string' && !data.strings) {
    refuse('USAGE', 'a string tensor lacks its strings', { value: name });
  }
  return toBinary(TensorSchema, create(TensorSchema, tensorInit(name, data)));
}
