// ONNX models in a few lines of code: inputs, constants and nodes by operator name in, bytes of a model out. A node is
// checked against the published definition of its operator when it is added, so that a mistake shows where it is made.
// An entry point of its own, for Node and browsers.

import { Tensor, toTensorData } from '../6-runtime/tensor.ts';
import { type DType, dtypeFromApi } from '../ir/dtype.ts';
import { attrMap, NEWEST_OPSET, newValue, tensorType, type Value } from '../ir/graph.ts';
import { checkLimit, DEFAULT_LIMITS } from '../ir/limits.ts';
import { elementCount, type TensorData } from '../ir/tensor.ts';
import { checkSignature, typeOf } from '../ops/upgrade/check.ts';
import { standingOf } from '../ops/upgrade/signature.ts';
import { refuse, withPlace } from '../support/errors.ts';
import { mulberry32 } from '../support/random.ts';
import { type NodeSpec, type ValueSpec, writeModel } from './write.ts';

export { Tensor } from '../6-runtime/tensor.ts';
/** What a builder gives out, to be handed back to the same builder. */
export type { Value } from '../ir/graph.ts';

/** What a node reads: a value, a tensor that becomes a constant, or null for an optional input that is left out. */
export type Operand = Value | Tensor | null;
/** A number is a float where the operator has a float, else an int if it is whole; booleans are the ints 0 and 1. */
export type AttributeValue = number | boolean | string | Tensor | readonly number[] | readonly string[];
export type Attributes = Readonly<Record<string, AttributeValue>>;
/** The name is the first output's too. Nodes of other domains than ONNX's own are not checked. */
export type NodeOptions = Readonly<{ name?: string; domain?: string }>;

type AttrSpecs = NonNullable<NodeSpec['attrs']>;
/** Extents; a string is a symbolic one. */
type Dims = readonly (number | string)[];

function checked<D extends Dims>(dims: D): D {
  const fits = dims.every((d) => typeof d === 'string' || (Number.isSafeInteger(d) && d >= 0));
  return fits ? dims : refuse('USAGE', 'extents are non-negative integers or names', { shape: dims });
}

/** Builds one model. Every refusal is a TilewrightError. */
export class ModelBuilder {
  private readonly opset: number;
  private readonly domains = new Set<string>();
  private readonly values = new Map<string, Value>();
  private readonly inputs: ValueSpec[] = [];
  private readonly constants: (readonly [string, TensorData])[] = [];
  private readonly nodes: NodeSpec[] = [];
  private readonly outputs = new Map<Value, ValueSpec['shape']>();
  private bytes = 0;

  /** @param options `opset`: the version of ONNX's operators; other domains are imported at version 1 */
  constructor(options: Readonly<{ opset?: number }> = {}) {
    this.opset = options.opset ?? 21;
    const known = Number.isInteger(this.opset) && this.opset >= 1 && this.opset <= NEWEST_OPSET;
    if (!known) refuse('USAGE', `opset ${this.opset} is not one of 1 to ${NEWEST_OPSET}`);
  }

  /** An input. Types are named as in `Tensor`: 'float32', 'int64', … */
  input(name: string, type: string, dims: Dims): Value {
    const dtype = dtypeFromApi(type) ?? refuse('USAGE', `unknown tensor type ${type}`, { value: name });
    this.inputs.push({ name, dtype, shape: checked(dims) });
    return this.add(newValue(name, tensorType(dtype)));
  }

  /** A constant with the elements of a tensor. */
  constant(tensor: Tensor, name = this.fresh('constant')): Value {
    const data = toTensorData(tensor);
    checkLimit(DEFAULT_LIMITS, 'modelBytes', (this.bytes += data.bytes.length));
    this.constants.push([name, data]);
    return this.add(newValue(name, tensorType(data.dtype)));
  }

  /** A float32 constant, uniform in [-scale, scale): the same for the same seed, by default one of its own. */
  random(dims: readonly number[], scale = 1, seed = this.constants.length + 1): Value {
    const length = elementCount(checked(dims));
    checkLimit(DEFAULT_LIMITS, 'elements', length);
    const next = mulberry32(seed);
    const data = new Float32Array(length);
    for (let i = 0; i < length; i++) data[i] = scale * (2 * next() - 1);
    return this.constant(new Tensor('float32', data, dims));
  }

  /** A node of one output, which is given back. `op` is spelled as in ONNX. */
  node(op: string, inputs: readonly Operand[], attributes?: Attributes, options?: NodeOptions): Value {
    return this.nodeOf(1, op, inputs, attributes, options)[0];
  }

  /** A node of `count` outputs. */
  nodeOf(
    count: number,
    op: string,
    inputs: readonly Operand[],
    attributes: Attributes = {},
    { name = this.fresh(op), domain = '' }: NodeOptions = {},
  ): Value[] {
    return withPlace({ node: name, op }, () => {
      const version = domain === '' ? this.opset : 1;
      const standing = domain === '' ? standingOf(op, version) : undefined;
      const unknown = domain === '' && !standing;
      if (unknown) refuse('USAGE', 'ONNX has no such operator', {}, 'Operators of other domains need { domain }.');
      const read = inputs.map((x) => (x instanceof Tensor ? this.constant(x) : x && this.own(x)));
      const outputs = Array.from({ length: count }, (_, i) => newValue(i === 0 ? name : `${name}:${i}`));
      const given = Object.entries(attributes).map(([key, v]) => {
        return [key, v instanceof Tensor ? toTensorData(v) : (v ?? refuse('USAGE', `attribute ${key} has no value`))];
      });
      const attrs = attrMap(Object.fromEntries(given), standing?.signature?.attributes);
      if (standing) checkSignature({ domain, op, version, name, inputs: read, outputs, attrs, refs: new Map() });
      else this.domains.add(domain);
      const [from, to] = [read, outputs].map((values) => values.map((v) => v?.name ?? ''));
      this.nodes.push({ op, domain, name, inputs: from, outputs: to, attrs: Object.fromEntries(attrs) as AttrSpecs });
      return outputs.map((value) => this.add(value));
    });
  }

  /** Makes a value an output of the model, under the name of its node. Extents may be declared, as of inputs. */
  output(value: Value, dims?: Dims): void {
    this.outputs.set(this.own(value), dims && checked(dims));
  }

  /** The model as ONNX bytes, in IR version 10. */
  toBytes(): Uint8Array {
    if (this.outputs.size === 0) refuse('USAGE', 'the model has no outputs', {}, 'Call output(value) first.');
    const outputs = [...this.outputs].map(([value, shape]): ValueSpec => {
      const type = typeOf(value) ?? '';
      // Types that do not follow from the definitions are left to the reader.
      const dtype = /^\w+$/.test(type) ? { dtype: type as DType } : {};
      return { name: value.name, ...dtype, ...(shape && { shape }) };
    });
    const { inputs, nodes, constants: initializers } = this;
    const opsets = [['', this.opset] as const, ...[...this.domains].map((domain) => [domain, 1] as const)];
    return writeModel({ graph: { inputs, outputs, nodes, initializers }, opsets });
  }

  private own(value: Value): Value {
    const own = this.values.get(value.name) === value;
    return own ? value : refuse('USAGE', 'the value is not of this model', { value: value.name });
  }

  private add(value: Value): Value {
    const { name } = value;
    if (name === '' || this.values.has(name)) refuse('USAGE', 'the name is empty or taken', { value: name });
    this.values.set(name, value);
    return value;
  }

  private fresh = (stem: string): string => `${stem}_${this.values.size}`;
}
