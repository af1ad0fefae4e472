// What an upgrade rule works with: the node, its attributes (also those that a function passes in),
// and the emission of helper nodes before or after it.
import {
  type Attr,
  type AttrInput,
  type AttrValue,
  attrMap,
  type DraftNode,
  newValue,
  type Surroundings,
  type Value,
} from '../../ir/graph.ts';
import type { TensorData } from '../../ir/tensor.ts';
import { type ErrorCode, refuse } from '../../support/errors.ts';

/** One row of the table of upgrades. */
export interface Rule {
  readonly ops: readonly string[];
  /** Applies to nodes under a smaller operator-set version. */
  readonly before: number;
  /** Changes the node in place, or emits helpers around it. Refuses what has no newer form. */
  apply(c: UpgradeContext): void;
}

type Attributes = Readonly<Record<string, AttrInput>>;

/** Kinds of which Constant has an attribute value_KIND. */
type NumericKind = 'int' | 'ints' | 'float' | 'floats';

const floatsAttr = (value: readonly number[]): Attr => ({ kind: 'floats', value });

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
    return refuse(code, what, { node: this.node.name, op: this.node.op }, hint);
  }
  /** Refuses an old form that cannot be written in the newest operator set. */
  noNewerForm(what: string, hint?: string): never {
    return this.fail(`${what} no newer form`, 'UNSUPPORTED_VERSION', hint);
  }

  has(name: string): boolean {
    return this.node.attrs.has(name) || this.node.refs.has(name);
  }
  set(attrs: Attributes): void {
    for (const [name, attr] of attrMap(attrs)) this.node.attrs.set(name, attr);
  }
  drop(...names: string[]): void {
    for (const name of names) {
      this.node.attrs.delete(name);
      this.node.refs.delete(name);
    }
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
  setDefault(name: string, value: AttrInput): void {
    if (!this.has(name)) this.set({ [name]: value });
  }
  /** The node becomes one of another operator. */
  become(op: string, inputs: (Value | null)[], attrs: Attributes): void {
    Object.assign(this.node, { op, inputs, attrs: attrMap(attrs) });
  }

  /** The attribute's value; refuses another kind or a reference, whose value is not known yet. */
  attr<K extends Attr['kind']>(name: string, kind: K): AttrValue<K> | undefined {
    if (this.node.refs.has(name)) {
      this.fail(`attribute ${name} of an older form must not come from a function's caller`, 'UNSUPPORTED_VERSION');
    }
    const attr = this.node.attrs.get(name);
    if (attr && attr.kind !== kind) this.fail(`attribute ${name} is a ${attr.kind}, expected ${kind}`);
    return attr?.value as AttrValue<K> | undefined;
  }
  requiredAttr<K extends Attr['kind']>(name: string, kind: K): AttrValue<K> {
    return this.attr(name, kind) ?? this.missing(name);
  }
  int(name: string): number | undefined {
    const value = this.attr(name, 'int');
    return value === undefined ? undefined : Number(value);
  }
  missing(attribute: string): never {
    return this.fail(`attribute ${attribute} is required`);
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
    return value ? this.around.constants.get(value) : undefined;
  }
  isRead(output: Value | null | undefined): boolean {
    return output ? this.around.isRead(output) : false;
  }

  private draft(op: string, inputs: (Value | null)[], outputs: Value[], attrs: Attributes): DraftNode {
    const { name, version } = this.node;
    return { domain: '', op, version, name, inputs, outputs, attrs: attrMap(attrs), refs: new Map() };
  }

  /** Emits a node of the newest operator set before the upgraded one and gives its only output. */
  emit(op: string, inputs: (Value | null)[], attrs: Attributes = {}): Value {
    const output = newValue(`${this.node.name}/${op}`);
    this.before.push(this.draft(op, inputs, [output], attrs));
    return output;
  }
  /** Emits a node of the newest operator set behind the upgraded one. */
  emitAfter(op: string, inputs: Value[], output: Value): void {
    this.after.push(this.draft(op, inputs, [output], {}));
  }

  vector(values: readonly number[]): Value {
    return this.emit('Constant', [], { value_ints: values });
  }
  /** A float constant, scalar or vector, in the element type of `like`. */
  floats(value: number | readonly number[], like: Value): Value {
    const attrs = typeof value === 'number' ? { value_float: { float: value } } : { value_floats: floatsAttr(value) };
    return this.castLike(this.emit('Constant', [], attrs), like);
  }
  /** The float32 value in the element type of `like`. */
  castLike(value: Value, like: Value): Value {
    const known = like.type?.kind === 'tensor' && like.type.dtype === 'f32';
    return known ? value : this.emit('CastLike', [value, like]);
  }

  /**
   * Removes a numeric attribute and gives its value as a constant of int64 or float32, scalar or vector by its kind;
   * undefined when the node does not have it. Inside functions the attribute may be a reference.
   */
  take(name: string, kind: NumericKind): Value | undefined {
    const ref = this.node.refs.get(name);
    if (ref === undefined) this.attr(name, kind);
    const attr = this.node.attrs.get(name);
    this.drop(name);
    if (ref === undefined) return attr && this.emit('Constant', [], { [`value_${kind}`]: attr });
    const value = this.emit('Constant', []);
    this.before.at(-1)!.refs.set(`value_${kind}`, ref);
    return value;
  }
}
