// AttributeProto → Attr, as one table from AttributeProto.type to the field that must hold the value. Subgraphs are
// handed to the caller, who imports them without recursion.
import type { Attr, Graph } from '../../ir/graph.ts';
import type { TensorData } from '../../ir/tensor.ts';
import { printable, TilewrightError } from '../../support/errors.ts';
import type { Attribute, Graph as GraphProto } from './gen/onnx_pb.ts';
import type { TensorReader } from './tensor.ts';
import { valueType } from './types.ts';

/** What decoding an attribute needs from its surroundings. */
export interface AttributeContext {
  readonly tensors: TensorReader;
  /** Schedules a subgraph for import and gives the object that will hold it. */
  region(proto: GraphProto): Graph;
}

type Field =
  | 'f'
  | 'i'
  | 's'
  | 't'
  | 'g'
  | 'tp'
  | 'sparseTensor'
  | 'floats'
  | 'ints'
  | 'strings'
  | 'tensors'
  | 'graphs'
  | 'typeProtos'
  | 'sparseTensors';

interface Kind {
  readonly type: number;
  readonly field: Field;
  /** Undefined: the kind is not supported. */
  readonly decode: ((a: Attribute, c: AttributeContext) => Attr) | undefined;
}

const text = new TextDecoder();
const EMPTY = new Uint8Array(0);

function missing(a: Attribute): never {
  throw new TilewrightError('INVALID_MODEL', `attribute "${printable(a.name)}" has no value`);
}

function named(a: Attribute, read: () => TensorData): TensorData {
  try {
    return read();
  } catch (error) {
    if (error instanceof TilewrightError) throw error.at({ value: a.name });
    throw error;
  }
}

const KINDS: readonly Kind[] = [
  { type: 1, field: 'f', decode: (a) => ({ kind: 'float', value: a.f ?? 0 }) },
  { type: 2, field: 'i', decode: (a) => ({ kind: 'int', value: a.i ?? 0n }) },
  { type: 3, field: 's', decode: (a) => ({ kind: 'string', value: text.decode(a.s ?? EMPTY) }) },
  {
    type: 4,
    field: 't',
    decode: (a, c) => ({ kind: 'tensor', value: named(a, () => c.tensors.read(a.t ?? missing(a))) }),
  },
  { type: 5, field: 'g', decode: (a, c) => ({ kind: 'graph', value: c.region(a.g ?? missing(a)) }) },
  { type: 6, field: 'floats', decode: (a) => ({ kind: 'floats', value: a.floats }) },
  { type: 7, field: 'ints', decode: (a) => ({ kind: 'ints', value: a.ints }) },
  { type: 8, field: 'strings', decode: (a) => ({ kind: 'strings', value: a.strings.map((s) => text.decode(s)) }) },
  {
    type: 9,
    field: 'tensors',
    decode: (a, c) => ({ kind: 'tensors', value: a.tensors.map((t) => named(a, () => c.tensors.read(t))) }),
  },
  { type: 10, field: 'graphs', decode: (a, c) => ({ kind: 'graphs', value: a.graphs.map((g) => c.region(g)) }) },
  {
    type: 11,
    field: 'sparseTensor',
    decode: (a, c) => ({ kind: 'sparse', value: named(a, () => c.tensors.readSparse(a.sparseTensor ?? missing(a))) }),
  },
  { type: 12, field: 'sparseTensors', decode: undefined },
  {
    type: 13,
    field: 'tp',
    decode: (a, c) => ({ kind: 'type', value: valueType(a.tp, c.tensors.limits, a.name) ?? missing(a) }),
  },
  { type: 14, field: 'typeProtos', decode: undefined },
];

const BY_TYPE = new Map(KINDS.map((k) => [k.type, k]));

function isSet(a: Attribute, field: Field): boolean {
  const value = a[field];
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}

/** The kind of a value attribute; refuses a type that contradicts the field in use. */
function kindOf(a: Attribute): Kind {
  const used = KINDS.filter((k) => isSet(a, k.field));
  if (used.length > 1) {
    const fields = used.map((k) => k.field).join(', ');
    throw new TilewrightError('INVALID_MODEL', `attribute "${printable(a.name)}" has several values: ${fields}`);
  }
  // IR versions before type was mandatory leave it out: the field in use decides.
  const kind = a.type === 0 ? used[0] : BY_TYPE.get(a.type);
  if (!kind) {
    throw new TilewrightError('INVALID_MODEL', `attribute "${printable(a.name)}" has unknown type ${a.type}`);
  }
  if (used.length === 1 && used[0] !== kind) {
    throw new TilewrightError(
      'INVALID_MODEL',
      `attribute "${printable(a.name)}" is declared as type ${kind.type} but holds ${used[0].field}`,
    );
  }
  return kind;
}

/** The value of an attribute that is not a reference. Throws INVALID_MODEL or UNSUPPORTED_TYPE. */
export function attributeValue(a: Attribute, context: AttributeContext): Attr {
  const kind = kindOf(a);
  if (!kind.decode) {
    throw new TilewrightError('UNSUPPORTED_TYPE', `attribute "${printable(a.name)}" is a list of ${kind.field}`);
  }
  return kind.decode(a, context);
}

/** Refuses a reference that also carries a value. */
export function checkReference(a: Attribute): void {
  if (KINDS.some((k) => isSet(a, k.field))) {
    throw new TilewrightError('INVALID_MODEL', `attribute "${printable(a.name)}" is both a reference and a value`);
  }
}
