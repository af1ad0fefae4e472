// What an upgrade rule works with: the node, its attributes (also those that a function passes in), and the emission of
// helper nodes before or after it.
import { type Attr, type Graph, newValue, type Value } from '../../../ir/graph.ts';
import type { TensorData } from '../../../ir/tensor.ts';
import { type ErrorCode, TilewrightError } from '../../../support/errors.ts';
import type { DraftNode } from '../draft.ts';

/** What rules may ask of the model around a node. */
export interface Surroundings {
  /** Contents of a constant, if the value is one. */
  constant(value: Value): TensorData | undefined;
  /** False when surely nothing reads the value. */
  isRead(value: Value): boolean;
}

/** The attribute of Constant that holds each kind. */
const CONSTANT_ATTRIBUTE = {
  int: 'value_int',
  ints: 'value_ints',
  float: 'value_float',
  floats: 'value_floats',
} as const;
export type NumericKind = keyof typeof CONSTANT_ATTRIBUTE;

export const intAttr = (value: number | bigint): Attr => ({ kind: 'int', value: BigInt(value) });
export const intsAttr = (value: readonly (number | bigint)[]): Attr => ({ kind: 'ints', value: value.map(BigInt) });
export const floatAttr = (value: number): Attr => ({ kind: 'float', value });
export const stringAttr = (value: string): Attr => ({ kind: 'string', value });
export const graphAttr = (value: Graph): Attr => ({ kind: 'graph', value });

export class UpgradeContext {
  readonly node: DraftNode;
  readonly before: DraftNode[] = [];
  readonly after: DraftNode[] = [];
  private readonly around: Surroundings;

  constructor(node: DraftNode, around: Surroundings) {
    this.node = node;
    this.around = around;
  }

  fail(what: string, code: ErrorCode = 'INVALID_MODEL', hint?: string): never {
    throw new TilewrightError(code, what, { node: this.node.name, op: this.node.op }, hint);
  }

  has(name: string): boolean {
    return this.node.attrs.has(name) || this.node.refs.has(name);
  }
  drop(name: string): void {
    this.node.attrs.delete(name);
    this.node.refs.delete(name);
  }
  /** Renames an attribute or a reference. */
  rename(from: string, to: string): void {
    const attr = this.node.attrs.get(from);
    const ref = this.node.refs.get(from);
    this.drop(from);
    if (attr) this.node.attrs.set(to, attr);
    if (ref !== undefined) this.node.refs.set(to, ref);
  }
  /** Sets an attribute that the model leaves to its default. */
  setDefault(name: string, attr: Attr): void {
    if (!this.has(name)) this.node.attrs.set(name, attr);
  }

  /** The attribute with this kind; refuses another kind or a reference, whose value is not known yet. */
  attr<K extends Attr['kind']>(name: string, kind: K): (Attr & { kind: K }) | undefined {
    if (this.node.refs.has(name)) {
      this.fail(`attribute ${name} of an older form must not come from a function's caller`, 'UNSUPPORTED_VERSION');
    }
    const attr = this.node.attrs.get(name);
    if (attr && attr.kind !== kind) {
      this.fail(`attribute ${name} is a ${attr.kind}, expected ${kind}`);
    }
    return attr as (Attr & { kind: K }) | undefined;
  }
  int(name: string): number | undefined {
    const attr = this.attr(name, 'int');
    return attr && Number(attr.value);
  }
  string(name: string): string | undefined {
    return this.attr(name, 'string')?.value;
  }
  ints(name: string): number[] | undefined {
    return this.attr(name, 'ints')?.value.map(Number);
  }
  floats(name: string): readonly number[] | undefined {
    return this.attr(name, 'floats')?.value;
  }

  input(i: number): Value | null {
    return this.node.inputs[i] ?? null;
  }
  required(i: number): Value {
    return this.input(i) ?? this.fail(`input ${i} is missing`);
  }
  setInput(i: number, value: Value): void {
    const { inputs } = this.node;
    while (inputs.length < i) inputs.push(null);
    inputs[i] = value;
  }
  /** Number of extents where it is declared, else undefined. */
  rank(value: Value): number | undefined {
    return value.type?.kind === 'tensor' ? value.type.shape?.length : undefined;
  }
  constantOf(value: Value | null): TensorData | undefined {
    return value ? this.around.constant(value) : undefined;
  }
  isRead(output: Value | null | undefined): boolean {
    return output ? this.around.isRead(output) : false;
  }

  private draft(
    op: string,
    inputs: (Value | null)[],
    outputs: (Value | null)[],
    attrs: Readonly<Record<string, Attr>>,
  ): DraftNode {
    const { name, version } = this.node;
    const entries = new Map(Object.entries(attrs));
    return { domain: '', op, version, name, inputs, outputs, attrs: entries, refs: new Map() };
  }

  /** Emits a node of the newest operator set before the upgraded one and gives its only output. */
  emit(op: string, inputs: (Value | null)[], attrs: Readonly<Record<string, Attr>> = {}): Value {
    const output = newValue(`${this.node.name}/${op}`);
    this.before.push(this.draft(op, inputs, [output], attrs));
    return output;
  }
  /** Emits a node of the newest operator set behind the upgraded one. */
  emitAfter(op: string, inputs: Value[], output: Value, attrs: Readonly<Record<string, Attr>> = {}): void {
    this.after.push(this.draft(op, inputs, [output], attrs));
  }

  /** A constant of int64 or float32, scalar or vector by its kind. */
  constant(attr: Attr & { kind: NumericKind }): Value {
    return this.emit('Constant', [], { [CONSTANT_ATTRIBUTE[attr.kind]]: attr });
  }
  vector(values: readonly (number | bigint)[]): Value {
    return this.constant(intsAttr(values) as Attr & { kind: 'ints' });
  }
  /** A float constant in the element type of `like`. */
  floatLike(attr: Attr & { kind: 'float' | 'floats' }, like: Value): Value {
    const value = this.constant(attr);
    const known = like.type?.kind === 'tensor' && like.type.dtype === 'f32';
    return known ? value : this.emit('CastLike', [value, like]);
  }

  /**
   * Removes a numeric attribute and gives its value as a constant; undefined when the node does not have it. Inside
   * functions the attribute may be a reference.
   */
  take(name: string, kind: NumericKind): Value | undefined {
    const ref = this.node.refs.get(name);
    if (ref !== undefined) {
      this.drop(name);
      const value = this.emit('Constant', []);
      this.before.at(-1)!.refs.set(CONSTANT_ATTRIBUTE[kind], ref);
      return value;
    }
    const attr = this.attr(name, kind);
    this.drop(name);
    return attr && this.constant(attr as Attr & { kind: NumericKind });
  }
}
