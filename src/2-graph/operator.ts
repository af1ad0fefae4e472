// What stage 2 knows of an operator: names, arity, type inference, and for composite or structural operators an
// expansion. The lowering to tiles is opaque here (type parameter), so that this stage stays below the tile stage. One
// file per operator in ops/ provides the values.
import type { OptionalOf, SequenceOf, ValueOf } from '../ir/composite.ts';
import { type Dim, isStatic } from '../ir/dim.ts';
import type { DType } from '../ir/dtype.ts';
import { type Attr, type AttrValue, type Graph, type TensorType, tensorType } from '../ir/graph.ts';
import { type TensorData, tensorNumbers } from '../ir/tensor.ts';
import { type ErrorCode, refuse } from '../support/errors.ts';
import type { ExpandContext } from './expansion.ts';
import type { StaticTensor } from './static.ts';

export type { AttrInput } from '../ir/graph.ts';
export type { ExpandContext } from './expansion.ts';

/** Lengths of sequences, and whether optionals are empty, are known at compile time. */
export type StaticValue = ValueOf<StaticTensor>;
/** What a node takes or gives; null where it is left out. */
export type Values = readonly (StaticValue | null)[];
export type StaticSequence = SequenceOf<StaticTensor>;
export type StaticOptional = OptionalOf<StaticTensor>;

/** Operators that only expansions emit: they check less, so a model may not name them. */
export const INTERNAL_DOMAIN = 'tilewright';

export interface Operator<L = unknown> {
  /** As in ONNX. */
  readonly name: string;
  /** '' is the default domain. */
  readonly domain: string;
  /** Smallest opset whose form this definition reads (older forms are upgraded on import). */
  readonly since: number;
  /** Number of inputs and outputs: [min, max]. */
  readonly inputs: readonly [number, number];
  readonly outputs: readonly [number, number];
  /** Element types allowed for given inputs; anything else is refused before inference. Undefined: any. */
  readonly types?: Readonly<Record<number, readonly DType[]>>;
  /** Types of all outputs. Extents may be symbolic; a value that must be known is asked for by `value(i)`. */
  readonly infer?: (c: InferContext) => readonly TensorType[];
  /** Rewrites the node into others. Operators with control flow, sequences and optionals do this. */
  readonly expand?: (c: ExpandContext) => Values;
  /** Lowering to tiles, for operators without `expand`. */
  readonly lower?: L;
  /** True: floats made of the integers that the first input stores. */
  readonly widens?: boolean;
  /** False: never folded or merged with an equal node (random generators). */
  readonly pure?: boolean;
}

type NodeHead = Pick<NodeView, 'op' | 'name' | 'attrs' | 'numOutputs'>;

/** The part of a node that operators see everywhere: attributes, with the operator's defaults; inputs; refusals. */
export class NodeView<T = unknown> {
  readonly op: string;
  readonly name: string;
  readonly attrs: ReadonlyMap<string, Attr>;
  readonly numOutputs: number;
  protected readonly inputs: readonly (T | null)[];

  constructor(node: NodeHead, inputs: readonly (T | null)[]) {
    this.op = node.op;
    this.name = node.name;
    this.attrs = node.attrs;
    this.numOutputs = node.numOutputs;
    this.inputs = inputs;
  }

  get numInputs(): number {
    return this.inputs.length;
  }
  has = (i: number): boolean => this.inputs[i] != null;
  /** Input i; refused where it is missing. */
  input = (i: number): T => this.inputs[i] ?? this.invalid(`input ${i} is missing`);

  /** Throws a refusal placed at this node. */
  fail(what: string, hint?: string, code: ErrorCode = 'INVALID_SHAPE', shape?: readonly (number | string)[]): never {
    return refuse(code, what, { node: this.name, op: this.op, shape }, hint);
  }

  /** Refuses as invalid, whatever the shapes are. */
  invalid(what: string, code: ErrorCode = 'INVALID_MODEL'): never {
    return this.fail(what, undefined, code);
  }

  /** A possibly negative axis made non-negative; refused when out of range. */
  axis(axis: number, rank: number): number {
    const a = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(a) || a < 0 || a >= rank) this.fail(`axis ${axis} is out of range for rank ${rank}`);
    return a;
  }

  private attr<K extends Attr['kind']>(name: string, kind: K): AttrValue<K> | undefined {
    const a = this.attrs.get(name);
    if (a !== undefined && a.kind !== kind) this.invalid(`attribute ${name} is a ${a.kind}, expected ${kind}`);
    return a?.value as AttrValue<K> | undefined;
  }

  hasAttr = (name: string): boolean => this.attrs.has(name);
  int = (name: string, fallback: number): number => Number(this.attr(name, 'int') ?? fallback);
  float = (name: string, fallback: number): number => this.attr(name, 'float') ?? fallback;
  string = (name: string, fallback: string): string => this.attr(name, 'string') ?? fallback;
  ints = (name: string): number[] | undefined => this.attr(name, 'ints')?.map(Number);
  floats = (name: string): readonly number[] | undefined => this.attr(name, 'floats');
  strings = (name: string): readonly string[] | undefined => this.attr(name, 'strings');
  tensorAttr = (name: string): TensorData | undefined => this.attr(name, 'tensor');
  graph = (name: string): Graph => this.attr(name, 'graph') ?? this.invalid(`attribute ${name} is missing`);
}

/** A shape or value that inference needs is not known; `input` says which. */
export class NeedsValue extends Error {
  readonly input: number;
  constructor(input: number) {
    super(`value of input ${input} is needed`);
    this.input = input;
  }
}

const needed = (input: number): never => {
  throw new NeedsValue(input);
};

export interface InferSource {
  readonly types: readonly (TensorType | null)[];
  /** Known contents of input i, or null. */
  known(i: number): TensorData | null;
  /** Contents of input i where they can be had otherwise. */
  demand?(i: number): TensorData;
}

/** Inference's view of a node. All accessors refuse a missing or ill-typed input with a typed error. */
export class InferContext extends NodeView<TensorType> {
  private readonly source: InferSource;

  constructor(node: NodeHead, source: InferSource) {
    super(node, source.types);
    this.source = source;
  }

  type = (i: number): TensorType => this.input(i);
  dtype = (i: number): DType => this.input(i).dtype;
  /** Extents, possibly symbolic. */
  dims = (i: number): readonly Dim[] => this.input(i).shape ?? needed(i);
  /** Numeric extents; asks for specialisation when symbolic. */
  shape(i: number): readonly number[] {
    const dims = this.dims(i);
    return dims.every(isStatic) ? dims : needed(i);
  }
  rank = (i: number): number => this.dims(i).length;
  /** Contents of an input that determines the output's shape. */
  value = (i: number): TensorData => this.source.demand?.(i) ?? this.source.known(i) ?? needed(i);
  /** As numbers (int64 saturates to safe integers). */
  numbers = (i: number): number[] => tensorNumbers(this.value(i));
  /** Contents when they happen to be known. */
  maybeValue = (i: number): TensorData | null => (this.has(i) ? this.source.known(i) : null);
  tensor = (dtype: DType, shape: readonly Dim[]): TensorType => tensorType(dtype, shape);
}
