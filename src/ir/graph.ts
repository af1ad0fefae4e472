// The graph: operators over values, with regions for control flow. It is the noun that stages 1 to 3 share, so it lives
// below all of them. Names are for messages only; identity is the object.
import type { Dim } from './dim.ts';
import type { DType } from './dtype.ts';
import type { TensorData } from './tensor.ts';

export type ValueType = TensorType | SequenceType | OptionalType;
export interface TensorType {
  readonly kind: 'tensor';
  readonly dtype: DType;
  /** Undefined: rank unknown. */
  readonly shape: readonly Dim[] | undefined;
}
export type SequenceType = { readonly kind: 'sequence'; readonly elem: ValueType | undefined };
export type OptionalType = { readonly kind: 'optional'; readonly elem: ValueType | undefined };

/** One SSA value. Compared by identity. */
export interface Value {
  readonly id: number;
  /** As in the model; for messages and the public input/output names only. */
  readonly name: string;
  /** Declared or inferred; undefined when nothing is known. */
  type: ValueType | undefined;
}

export type Attr =
  | { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: TensorData }
  | { readonly kind: 'sparse'; readonly value: TensorData } // already made dense
  | { readonly kind: 'graph'; readonly value: Graph }
  | { readonly kind: 'type'; readonly value: ValueType }
  | { readonly kind: 'ints'; readonly value: readonly bigint[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensors'; readonly value: readonly TensorData[] }
  | { readonly kind: 'graphs'; readonly value: readonly Graph[] };

/**
 * An attribute as code writes it: booleans are ints, and so are whole numbers unless the operator's definition says
 * float, which it does for graphs that users build but not inside the compiler.
 */
export type AttrInput = number | string | boolean | readonly number[] | readonly string[] | TensorData | Attr | Real;
type Real = { readonly float: number };

function attrOf(v: AttrInput, kind?: Attr['kind']): Attr {
  if (typeof v === 'number') {
    const whole = Number.isSafeInteger(v) && kind !== 'float';
    return whole ? { kind: 'int', value: BigInt(v) } : { kind: 'float', value: v };
  }
  if (typeof v === 'boolean') return { kind: 'int', value: v ? 1n : 0n };
  if (typeof v === 'string') return { kind: 'string', value: v };
  if (Array.isArray(v)) {
    if (v.length > 0 && typeof v[0] === 'string') return { kind: 'strings', value: v as string[] };
    const whole = v.every(Number.isSafeInteger) && kind !== 'floats';
    return whole ? { kind: 'ints', value: (v as number[]).map(BigInt) } : { kind: 'floats', value: v as number[] };
  }
  if ('float' in v) return { kind: 'float', value: v.float };
  return 'kind' in v ? (v as Attr) : { kind: 'tensor', value: v as TensorData };
}

export type AttrInputs = Readonly<Record<string, AttrInput>>;

/** `kinds`: what the operator's definition says, where it is known. */
export const attrMap = (attrs: AttrInputs, kinds?: ReadonlyMap<string, Attr['kind']>): Map<string, Attr> =>
  new Map(Object.entries(attrs).map(([name, v]) => [name, attrOf(v, kinds?.get(name))]));

/** What an attribute of a kind holds. */
export type AttrValue<K extends Attr['kind']> = Extract<Attr, { kind: K }>['value'];

export interface Node {
  /** '' is the default ONNX domain. */
  readonly domain: string;
  readonly op: string;
  /** Opset version of the domain that this node is read under. */
  readonly version: number;
  /** For messages only. */
  readonly name: string;
  /** null: an omitted optional input. */
  readonly inputs: readonly (Value | null)[];
  /** null: an omitted optional output. */
  readonly outputs: readonly (Value | null)[];
  readonly attrs: ReadonlyMap<string, Attr>;
  /** In the body of a function, attributes that take their value from the call: name → the function's attribute. */
  readonly refs?: ReadonlyMap<string, string>;
}

/** A node under import: its names are resolved and its attributes decoded, and its operator may still change it. */
export interface DraftNode {
  readonly domain: string;
  readonly name: string;
  op: string;
  version: number;
  inputs: (Value | null)[];
  outputs: (Value | null)[];
  attrs: Map<string, Attr>;
  refs: Map<string, string>;
}

/** What the upgrade of a node may ask of the model around it. */
export interface Surroundings {
  /** Contents of the constants so far; those that nodes hold are added on the way. */
  readonly constants: Map<Value, TensorData>;
  /** False when surely nothing reads the value. */
  isRead(value: Value): boolean;
}

/**
 * Checks a node of the default domain as its operator set defines it, and gives its newest form: nodes of NEWEST_OPSET
 * in order. Throws INVALID_MODEL, or UNSUPPORTED_VERSION for a form that has no newer one.
 */
export type Upgrade = (node: DraftNode, around: Surroundings) => readonly DraftNode[];

/** Newest operator set of the default domain: upgraded nodes carry it, and expansions are written in it. */
export const NEWEST_OPSET = 28;

/** A graph or a region. A region may read values of the graphs around it. Nodes are in topological order. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly Node[];
  /** Initialisers (an initialiser that is also an input is that input's default). */
  readonly constants: ReadonlyMap<Value, TensorData>;
}

/** The regions that a node owns. */
export const regionsOf = (node: Pick<Node, 'attrs'>): readonly Graph[] =>
  [...node.attrs.values()].flatMap((a) => (a.kind === 'graph' ? [a.value] : a.kind === 'graphs' ? a.value : []));

/** These nodes and those of the regions in them, at any depth. */
export function nodesWithin(nodes: Iterable<Node>): Node[] {
  const found = [...nodes];
  for (const node of found) for (const region of regionsOf(node)) for (const n of region.nodes) found.push(n);
  return found;
}

/** A model-local or built-in function: a body over formal inputs. */
export interface FunctionDef {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attrDefaults: ReadonlyMap<string, Attr>;
  readonly nodes: readonly Node[];
}

/** What the frontend returns. */
export interface Model {
  readonly graph: Graph;
  readonly irVersion: number;
  /** Opset per domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly producer: string;
  /** Keyed by `domain\u0000name`. */
  readonly functions: ReadonlyMap<string, FunctionDef>;
  readonly metadata: ReadonlyMap<string, string>;
}

let nextId = 1;
/** A fresh value. Ids are for printing and sorting; they carry no meaning. */
export const newValue = (name: string, type?: ValueType): Value => ({ id: nextId++, name, type });

export const tensorType = (dtype: DType, shape?: readonly Dim[]): TensorType => ({ kind: 'tensor', dtype, shape });
