// Descriptions of graphs in names → ONNX bytes: for tests, tools and exporters. The counterpart of the reader, on the
// same schema.
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type Dim, isStatic } from '../../ir/dim.ts';
import { type DType, dtypeInfo } from '../../ir/dtype.ts';
import type { Attr, ValueType } from '../../ir/graph.ts';
import type { TensorData } from '../../ir/tensor.ts';
import { TilewrightError } from '../../support/errors.ts';
import {
  type AttributeSchema,
  type FunctionSchema,
  type GraphSchema,
  ModelSchema,
  type NodeSchema,
  TensorSchema,
  type TypeSchema,
  type ValueInfoSchema,
} from './gen/onnx_pb.ts';
import { NEWEST_OPSET } from './opsets.ts';
import { toRaw } from './payload.ts';

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

export interface FunctionSpec {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrNames?: readonly string[];
  readonly attrDefaults?: Readonly<Record<string, AttrSpec>>;
  readonly nodes: readonly NodeSpec[];
  readonly opsets?: readonly (readonly [string, number])[];
}

export interface ModelSpec {
  readonly graph: GraphSpec;
  readonly irVersion?: number;
  /** Domain and version; default: the newest of the default domain. */
  readonly opsets?: readonly (readonly [string, number])[];
  readonly functions?: readonly FunctionSpec[];
  readonly metadata?: readonly (readonly [string, string])[];
}

const DEFAULT_IR = 10;
const text = new TextEncoder();

const int = (value: number | bigint): AttrSpec => ({ kind: 'int', value: BigInt(value) });
const ints = (value: readonly (number | bigint)[]): AttrSpec => ({ kind: 'ints', value: value.map(BigInt) });
const float = (value: number): AttrSpec => ({ kind: 'float', value });
const floats = (value: readonly number[]): AttrSpec => ({ kind: 'floats', value });
const string = (value: string): AttrSpec => ({ kind: 'string', value });
const tensor = (value: TensorData): AttrSpec => ({ kind: 'tensor', value });
const graph = (value: GraphSpec): AttrSpec => ({ kind: 'graph', value });
const ref = (value: string): AttrSpec => ({ kind: 'ref', value });

/** Short ways to write attributes. */
export const attr = { int, ints, float, floats, string, tensor, graph, ref };

function tensorInit(name: string, data: TensorData): MessageInitShape<typeof TensorSchema> {
  const dims = data.shape.map(BigInt);
  const dataType = dtypeInfo(data.dtype).onnx;
  if (data.dtype === 'string') {
    return { name, dims, dataType, stringData: (data.strings ?? []).map((s) => text.encode(s)) };
  }
  return { name, dims, dataType, rawData: toRaw(data.dtype, data.bytes) as Uint8Array<ArrayBuffer> };
}

function dimInit(dim: Dim | string) {
  if (typeof dim !== 'string' && isStatic(dim)) return { dimValue: BigInt(dim) };
  const name = String(dim);
  return name === '?' ? {} : { dimParam: name };
}

/** Wraps from the inside out, so that nesting costs no stack. */
function typeInit(type: ValueType): MessageInitShape<typeof TypeSchema> {
  const wrappers: ('sequenceType' | 'optionalType')[] = [];
  let inner: ValueType | undefined = type;
  while (inner && inner.kind !== 'tensor') {
    wrappers.push(inner.kind === 'sequence' ? 'sequenceType' : 'optionalType');
    inner = inner.elem;
  }
  let init: MessageInitShape<typeof TypeSchema> = {};
  if (inner) {
    const shape = inner.shape && { dim: inner.shape.map(dimInit) };
    const elemType = dtypeInfo(inner.dtype).onnx;
    init = { value: { case: 'tensorType', value: shape ? { elemType, shape } : { elemType } } };
  }
  for (const kind of wrappers.reverse()) init = { value: { case: kind, value: { elemType: init } } };
  return init;
}

function valueInit(v: ValueSpec): MessageInitShape<typeof ValueInfoSchema> {
  if (v.type) return { name: v.name, type: typeInit(v.type) };
  if (!v.dtype) return { name: v.name };
  const elemType = dtypeInfo(v.dtype).onnx;
  const shape = v.shape && { dim: v.shape.map(dimInit) };
  const value = shape ? { elemType, shape } : { elemType };
  return { name: v.name, type: { value: { case: 'tensorType', value } } };
}

type AttributeInit = MessageInitShape<typeof AttributeSchema>;

function attrInit(name: string, a: AttrSpec): AttributeInit {
  switch (a.kind) {
    case 'float':
      return { name, type: 1, f: a.value };
    case 'int':
      return { name, type: 2, i: a.value };
    case 'string':
      return { name, type: 3, s: text.encode(a.value) };
    case 'tensor':
      return { name, type: 4, t: tensorInit('', a.value) };
    case 'graph':
      return { name, type: 5, g: graphInit(a.value) };
    case 'floats':
      return { name, type: 6, floats: [...a.value] };
    case 'ints':
      return { name, type: 7, ints: [...a.value] };
    case 'strings':
      return { name, type: 8, strings: a.value.map((s) => text.encode(s)) };
    case 'tensors':
      return { name, type: 9, tensors: a.value.map((t) => tensorInit('', t)) };
    case 'graphs':
      return { name, type: 10, graphs: a.value.map(graphInit) };
    case 'type':
      return { name, type: 13, tp: typeInit(a.value) };
    case 'ref':
      return { name, refAttrName: a.value };
  }
}

const attrsInit = (attrs: Readonly<Record<string, AttrSpec>> = {}): AttributeInit[] =>
  Object.entries(attrs).map(([name, a]) => attrInit(name, a));

function nodeInit(n: NodeSpec): MessageInitShape<typeof NodeSchema> {
  return {
    opType: n.op,
    domain: n.domain ?? '',
    name: n.name ?? '',
    input: [...(n.inputs ?? [])],
    output: [...(n.outputs ?? [])],
    attribute: attrsInit(n.attrs),
  };
}

function graphInit(g: GraphSpec): MessageInitShape<typeof GraphSchema> {
  return {
    name: g.name ?? 'graph',
    node: g.nodes.map(nodeInit),
    input: (g.inputs ?? []).map(valueInit),
    output: (g.outputs ?? []).map(valueInit),
    valueInfo: (g.valueInfo ?? []).map(valueInit),
    initializer: (g.initializers ?? []).map(([name, data]) => tensorInit(name, data)),
  };
}

const opsetsInit = (opsets: readonly (readonly [string, number])[]) =>
  opsets.map(([domain, version]) => ({ domain, version: BigInt(version) }));

function functionInit(f: FunctionSpec): MessageInitShape<typeof FunctionSchema> {
  return {
    domain: f.domain,
    name: f.name,
    input: [...f.inputs],
    output: [...f.outputs],
    attribute: [...(f.attrNames ?? [])],
    attributeProto: attrsInit(f.attrDefaults),
    node: f.nodes.map(nodeInit),
    opsetImport: opsetsInit(f.opsets ?? [['', NEWEST_OPSET]]),
  };
}

/** A ModelProto. The description is trusted: regions nested thousands deep overflow the stack. */
export function writeModel(spec: ModelSpec): Uint8Array {
  const model = create(ModelSchema, {
    irVersion: BigInt(spec.irVersion ?? DEFAULT_IR),
    producerName: 'tilewright',
    opsetImport: opsetsInit(spec.opsets ?? [['', NEWEST_OPSET]]),
    graph: graphInit(spec.graph),
    functions: (spec.functions ?? []).map(functionInit),
    metadataProps: (spec.metadata ?? []).map(([key, value]) => ({ key, value })),
  });
  return toBinary(ModelSchema, model);
}

/** A TensorProto file, as ONNX's test data stores inputs and outputs. */
export function encodeTensor(name: string, data: TensorData): Uint8Array {
  if (data.dtype === 'string' && !data.strings) {
    throw new TilewrightError('USAGE', 'a string tensor lacks its strings', { value: name });
  }
  return toBinary(TensorSchema, create(TensorSchema, tensorInit(name, data)));
}
