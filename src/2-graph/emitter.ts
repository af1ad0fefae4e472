// Appends static nodes while a graph is specialised: infers types, folds constants under a cap, merges equal pure nodes,
// and cuts segments where a run-time value is demanded. In: operators over static values. Out: node lists of segments.
import { tensorsIn } from '../ir/composite.ts';
import { type Node, type TensorType, tensorType } from '../ir/graph.ts';
import { checkLimit, type ModelLimits } from '../ir/limits.ts';
import { elementCount, type TensorData } from '../ir/tensor.ts';
import { refuse } from '../support/errors.ts';
import { outputsOf, pruneNodes } from './liveness.ts';
import { InferContext, NeedsValue, type Operator, type StaticValue } from './operator.ts';
import type { Slots, StaticGraph, StaticNode, StaticOpNode, StaticTensor } from './static.ts';

/** Thrown when a value is needed that no answer provides. In the body of a loop or branch no segment can be cut. */
export class Demand extends Error {
  readonly tensor: StaticTensor;
  constructor(tensor: StaticTensor) {
    super(`the contents of ${tensor.name} are needed`);
    this.tensor = tensor;
  }
}

/** Runs one static node on constant inputs; null when that is too much work for compile time. */
export type Fold = (node: StaticOpNode) => readonly TensorData[] | null;

export interface EmitterOptions {
  readonly limits: ModelLimits;
  readonly fold: Fold;
  /** Contents demanded so far, in order. */
  readonly answers: readonly TensorData[];
  /** Values still needed by the walk when a segment is cut. */
  readonly live: () => Iterable<StaticValue>;
}

type NodeHead = Pick<Node, 'name' | 'attrs'>;

/** Larger results stay nodes; they are computed once, before the first run. */
const FOLD_ELEMENTS = 4096;

export class Emitter {
  readonly segments: StaticGraph[] = [];
  private nodes: StaticNode[] = [];
  private depth = 0;
  private nextId = 1;
  private nextAnswer = 0;
  private count = 0;
  private seen = new Map<string, Slots>();
  private readonly answered = new Map<StaticTensor, StaticTensor>();
  private readonly options: EmitterOptions;
  /** Model inputs and outputs of closed segments: their contents come without a cut. */
  readonly earlier = new Set<StaticTensor>();

  constructor(options: EmitterOptions) {
    this.options = options;
  }

  /** A fresh tensor of a type whose extents are numbers. */
  tensor(name: string, { dtype, shape }: Omit<TensorType, 'kind'>, constant: TensorData | null = null): StaticTensor {
    return { kind: 'tensor', id: this.nextId++, name, dtype, shape: shape as readonly number[], constant };
  }

  constantData = (data: TensorData, name = 'constant'): StaticTensor => this.tensor(name, data, data);

  /** The value with what is known by now. */
  resolve = (t: StaticTensor): StaticTensor => this.answered.get(t) ?? t;

  /** Contents of a tensor: constant, answered, or demanded. */
  valueOf(unresolved: StaticTensor): TensorData {
    const t = this.resolve(unresolved);
    if (t.constant) return t.constant;
    if (this.depth > 0) throw new Demand(t);
    // Cut before the walk unwinds: what is live is known only while its frames stand.
    if (!this.earlier.has(t)) this.cut([t]);
    if (this.nextAnswer >= this.options.answers.length) throw new Demand(t);
    const data = this.options.answers[this.nextAnswer++];
    this.answered.set(t, this.constantData(data, t.name));
    this.seen = new Map();
    return data;
  }

  /** Ends the current segment; its results are `results` and everything the walk still needs. */
  cut(results: readonly StaticValue[], live: Iterable<StaticValue> = this.options.live()): void {
    const defined = new Set(this.nodes.flatMap(outputsOf));
    const needed = [...results, ...live].flatMap(tensorsIn).filter((t) => defined.has(t));
    const outputs = [...new Set(needed)];
    this.segments.push({ ...pruneNodes(this.nodes, outputs), outputs });
    for (const t of outputs) this.earlier.add(t);
    this.nodes = [];
  }

  /** Emits nodes into a separate list; restores the current one on failure. */
  nested<T>(run: () => T): { result: T; nodes: readonly StaticNode[] } {
    const [outer, seen] = [this.nodes, this.seen];
    this.nodes = [];
    this.seen = new Map(seen);
    this.depth++;
    try {
      return { result: run(), nodes: this.nodes };
    } finally {
      this.nodes = outer;
      this.seen = seen;
      this.depth--;
    }
  }

  push(node: StaticNode): void {
    this.nodes.push(node);
    checkLimit(this.options.limits, 'nodes', ++this.count, { node: node.name });
  }

  /** Infers, folds, merges or appends one operator. */
  op(operator: Operator, node: NodeHead, given: Slots, numOutputs: number, used: readonly boolean[]): Slots {
    const inputs = given.map((t) => (t ? this.resolve(t) : null));
    const types = this.infer(operator, node, inputs, numOutputs).slice(0, numOutputs);
    const outputs = types.map((type, i) => (used[i] ? this.tensor(node.name, type) : null));
    const current = inputs.map((t) => (t ? this.resolve(t) : null));
    const made: StaticOpNode = { kind: 'op', operator, ...node, inputs: current, outputs };
    this.checkSizes(made);
    if (operator.pure !== false) {
      const folded = this.folded(made);
      if (folded) return folded;
      const key = keyOf(made);
      const equal = this.seen.get(key);
      if (equal) return equal;
      this.seen.set(key, outputs);
    }
    this.push(made);
    return outputs;
  }

  private infer(operator: Operator, node: NodeHead, inputs: Slots, numOutputs: number): readonly TensorType[] {
    const source = {
      types: inputs.map((t) => t && tensorType(t.dtype, t.shape)),
      known: (i: number) => (inputs[i] ? this.resolve(inputs[i]).constant : null),
      demand: (i: number) => (inputs[i] ? this.valueOf(inputs[i]) : context.fail(`input ${i} is missing`)),
    };
    const context: InferContext = new InferContext({ ...node, op: operator.name, numOutputs }, source);
    try {
      return operator.infer!(context);
    } catch (error) {
      if (error instanceof NeedsValue) return context.fail(`input ${error.input} has no static shape`);
      throw error;
    }
  }

  private checkSizes(node: StaticOpNode): void {
    for (const t of node.outputs) {
      if (!t) continue;
      const place = { node: node.name, op: node.operator.name, shape: t.shape };
      const legal = t.shape.every((d) => Number.isSafeInteger(d) && d >= 0);
      if (!legal) refuse('INVALID_SHAPE', 'inferred a negative or non-integer extent', place);
      checkLimit(this.options.limits, 'elements', elementCount(t.shape), place);
    }
  }

  /** The results as constants, where the inputs are constant, all of them small, and nothing may want them narrow. */
  private folded(node: StaticOpNode): Slots | null {
    const size = (ts: Slots): number => ts.reduce((n, t) => n + (t ? elementCount(t.shape) : 0), 0);
    const small = size(node.outputs) <= FOLD_ELEMENTS && size(node.inputs) <= 16 * FOLD_ELEMENTS;
    const known = node.inputs.every((t) => t === null || t.constant !== null);
    const results = small && known && !node.operator.widens ? this.options.fold(node) : null;
    return results && node.outputs.map((t, i) => t && this.constantData(results[i], t.name));
  }
}

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

function identity(o: object): string {
  if (!identities.has(o)) identities.set(o, nextIdentity++);
  return `#${identities.get(o)}`;
}

/** What stands in JSON for the parts of an attribute; graphs and large tensors equal themselves only. */
function keyPart(_: string, part: unknown): unknown {
  if (typeof part === 'bigint') return String(part);
  if (typeof part === 'number') return Object.is(part, -0) ? '-0' : String(part);
  if (part instanceof Uint8Array) return part.length > 64 ? identity(part) : part.join(' ');
  return part instanceof Object && 'nodes' in part ? identity(part) : part;
}

/** A text that is equal for nodes that compute the same. */
function keyOf({ operator, inputs, outputs, attrs }: StaticOpNode): string {
  const used = outputs.map((t) => (t ? 1 : 0)).join('');
  const ids = inputs.map((t) => t?.id ?? '').join(',');
  const keys = [...attrs].map((attr) => JSON.stringify(attr, keyPart)).sort();
  return `${operator.domain}/${operator.name}/${used}/${ids}/${keys.join(';')}`;
}
