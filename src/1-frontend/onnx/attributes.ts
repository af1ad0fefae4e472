// AttributeProto → Attr, as one table from AttributeProto.type to the field that must hold the value. Subgraphs are
// handed to the caller, who imports them without recursion.
import type { Attr, Graph } from '../../ir/graph.ts';
import type { TensorData } from '../../ir/tensor.ts';
import { printable, refuse, withPlace } from '../../support/errors.ts';
import type { Attribute, Graph as GraphProto, Tensor } from './gen/onnx_pb.ts';
import type { TensorReader } from './tensor.ts';
import { valueType } from './types.ts';

/** What decoding an attribute needs from its surroundings. */
export interface AttributeContext {
  readonly tensors: TensorReader;
  /** Schedules a subgraph for import and gives the object that will hold it. */
  region(proto: GraphProto): Graph;
}

/** Undefined: the kind is not supported. */
type Decode = ((a: Attribute, c: AttributeContext) => Attr) | undefined;
type Kind = readonly [type: number, field: keyof Attribute, decode: Decode];

const text = new TextDecoder();
const EMPTY = new Uint8Array(0);

/** Refuses the attribute. */
function invalid(a: Attribute, what: string): never {
  return refuse('INVALID_MODEL', `attribute "${printable(a.name)}" ${what}`);
}

const held = <T>(a: Attribute, value: T | undefined): T => value ?? invalid(a, 'has no value');
const read = (a: Attribute, c: AttributeContext, t: Tensor | undefined): TensorData =>
  withPlace({ value: a.name }, () => c.tensors.read(held(a, t)));
const readSparse = (a: Attribute, c: AttributeContext): TensorData =>
  withPlace({ value: a.name }, () => c.tensors.readSparse(held(a, a.sparseTensor)));

const KINDS: readonly Kind[] = [
  [1, 'f', (a) => ({ kind: 'float', value: a.f ?? 0 })],
  [2, 'i', (a) => ({ kind: 'int', value: a.i ?? 0n })],
  [3, 's', (a) => ({ kind: 'string', value: text.decode(a.s ?? EMPTY) })],
  [4, 't', (a, c) => ({ kind: 'tensor', value: read(a, c, a.t) })],
  [5, 'g', (a, c) => ({ kind: 'graph', value: c.region(held(a, a.g)) })],
  [6, 'floats', (a) => ({ kind: 'floats', value: a.floats })],
  [7, 'ints', (a) => ({ kind: 'ints', value: a.ints })],
  [8, 'strings', (a) => ({ kind: 'strings', value: a.strings.map((s) => text.decode(s)) })],
  [9, 'tensors', (a, c) => ({ kind: 'tensors', value: a.tensors.map((t) => read(a, c, t)) })],
  [10, 'graphs', (a, c) => ({ kind: 'graphs', value: a.graphs.map((g) => c.region(g)) })],
  [11, 'sparseTensor', (a, c) => ({ kind: 'sparse', value: readSparse(a, c) })],
  [12, 'sparseTensors', undefined],
  [13, 'tp', (a, c) => ({ kind: 'type', value: held(a, valueType(a.tp, c.tensors.limits, a.name)) })],
  [14, 'typeProtos', undefined],
];

/** The kinds whose fields hold something. */
function usedKinds(a: Attribute): readonly Kind[] {
  return KINDS.filter(([, field]) => {
    const value = a[field];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  });
}

/** The kind of a value attribute; refuses a type that contradicts the field in use. */
function kindOf(a: Attribute): Kind {
  const used = usedKinds(a);
  if (used.length > 1) invalid(a, `has several values: ${used.map(([, field]) => field).join(', ')}`);
  // IR versions before type was mandatory leave it out: the field in use decides.
  const kind = a.type === 0 ? used[0] : KINDS.find(([type]) => type === a.type);
  if (!kind) return invalid(a, `has unknown type ${a.type}`);
  if (used.length === 1 && used[0] !== kind) invalid(a, `is declared as type ${kind[0]} but holds ${used[0][1]}`);
  return kind;
}

/** The value of an attribute that is not a reference. Throws INVALID_MODEL or UNSUPPORTED_TYPE. */
export function attributeValue(a: Attribute, context: AttributeContext): Attr {
  const [, field, decode] = kindOf(a);
  if (!decode) return refuse('UNSUPPORTED_TYPE', `attribute "${printable(a.name)}" is a list of ${field}`);
  return decode(a, context);
}

/** Refuses a reference that also carries a value. */
export function checkReference(a: Attribute): void {
  if (usedKinds(a).length > 0) invalid(a, 'is both a reference and a value');
}
