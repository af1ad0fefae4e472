// Specialisation: a model, input types and answers in; static segments out. It walks the graph in order like an
// interpreter over types: composite operators expand, regions inline, loops and branches stay in the program where their
// types allow, and where a run-time value decides a shape the walk cuts a segment and asks for the value. The walk is a
// function of its arguments, so it is simply repeated with one more answer.
import { mapTensors, type ValueOf } from '../ir/composite.ts';
import type { DType } from '../ir/dtype.ts';
import type { FunctionDef, Graph, Model, Node, Value } from '../ir/graph.ts';
import { checkLimit } from '../ir/limits.ts';
import { elementCount } from '../ir/tensor.ts';
import { refuse, withPlace } from '../support/errors.ts';
import { Demand, Emitter, type EmitterOptions } from './emitter.ts';
import { ExpandContext } from './expansion.ts';
import { usesAfter } from './liveness.ts';
import { INTERNAL_DOMAIN, type Operator, type StaticValue, type Values } from './operator.ts';
import type { Registry } from './registry.ts';
import type { StaticGraph, StaticTensor } from './static.ts';

export type SpecialiseOptions = Pick<EmitterOptions, 'limits' | 'fold' | 'answers'> & { readonly registry: Registry };

/** The static segments of a model for given feeds and answers; a segment ends where a value must be read to go on. */
export interface Specialisation {
  /** In execution order; the inputs of each are model inputs or outputs of earlier ones (by tensor id). */
  readonly segments: readonly StaticGraph[];
  /** Static tensors standing for the model's inputs, flattened through sequences; in input order. */
  readonly inputs: readonly (readonly StaticTensor[])[];
  /** The input, or output of a segment, whose contents must be known to go on; null when complete. */
  readonly pending: StaticTensor | null;
  /** One per model output when complete, else empty. */
  readonly outputs: readonly StaticValue[];
}

/** What a feed is specialised for. */
export type FeedType = ValueOf<TensorFeed>;
/** One per graph input; null: its default. */
export type FeedTypes = readonly (FeedType | null)[];
type TensorFeed = Readonly<{ kind: 'tensor'; dtype: DType; shape: readonly number[] }>;

/** Values by name, in the scopes around each other; a function's body sees nothing around it. */
export interface Env {
  /** Null: an input that the call of a function omits. */
  readonly values: Map<Value, StaticValue | null>;
  readonly parent: Env | null;
  /** In the body of a function, its attributes: those of the call, else the defaults. */
  readonly attrs: Node['attrs'];
}

const NO_ATTRIBUTES: Node['attrs'] = new Map();

/** A node without its values. */
export type Call = Omit<Node, 'inputs' | 'outputs' | 'refs'>;

interface Frame {
  readonly nodes: readonly Node[];
  readonly results: readonly Value[];
  readonly env: Env;
  next: number;
}

export class Specialiser {
  readonly emitter: Emitter;
  readonly model: Model;
  readonly options: SpecialiseOptions;
  private readonly frames: Frame[] = [];
  /** Values that expansions in progress keep in their own variables. */
  readonly held: StaticValue[][] = [];
  private unrolled = 0;

  constructor(model: Model, options: SpecialiseOptions) {
    this.model = model;
    this.options = options;
    this.emitter = new Emitter({ ...options, live: () => this.live() });
  }

  run(feeds: FeedTypes): Specialisation {
    const { emitter, model } = this;
    const { graph } = model;
    const env: Env = { values: new Map(), parent: null, attrs: NO_ATTRIBUTES };
    for (const [v, data] of graph.constants) env.values.set(v, emitter.constantData(data, v.name));
    const inputs = graph.inputs.map((v, i) => {
      const feed = feeds[i];
      const tensors: StaticTensor[] = [];
      const enter = (type: TensorFeed): StaticTensor => {
        checkLimit(this.options.limits, 'elements', elementCount(type.shape), { value: v.name, shape: type.shape });
        const tensor = emitter.tensor(v.name, type);
        emitter.earlier.add(tensor);
        tensors.push(tensor);
        return tensor;
      };
      if (feed) env.values.set(v, mapTensors(feed, enter));
      return tensors;
    });
    const { segments } = emitter;
    try {
      const results = this.walk(graph.nodes, graph.outputs, env);
      emitter.cut(results, []);
      const outputs = results.map((r) => mapTensors(r, (t) => emitter.resolve(t)));
      return { segments, inputs, pending: null, outputs };
    } catch (error) {
      if (error instanceof Demand) return { segments, inputs, pending: error.tensor, outputs: [] };
      throw error;
    }
  }

  /** Everything that nodes not yet walked, and expansions in progress, may read. */
  private *live(): Iterable<StaticValue> {
    for (const list of this.held) yield* list;
    for (const f of this.frames) {
      for (const v of usesAfter(f.nodes, f.next, f.results)) {
        const value = lookup(f.env, v);
        if (value) yield value;
      }
    }
  }

  walk(nodes: readonly Node[], results: readonly Value[], env: Env): StaticValue[] {
    const frame: Frame = { nodes, results, env, next: 0 };
    const depth = this.frames.length;
    const deepest = this.options.limits.nesting * 2;
    if (depth > deepest) refuse('LIMIT_EXCEEDED', 'control flow and functions nest too deeply');
    this.frames.push(frame);
    try {
      for (; frame.next < nodes.length; frame.next++) this.visit(nodes[frame.next], env);
      return results.map((v) => this.require(env, v) ?? refuse('INVALID_MODEL', NOT_COMPUTED, { value: v.name }));
    } finally {
      this.frames.length = depth;
    }
  }

  /** Emits a region: its names shadow nothing, its free names come from the scope where it stands. */
  inline(region: Graph, args: readonly StaticValue[], outer: Env): StaticValue[] {
    const env: Env = { values: new Map(), parent: outer, attrs: outer.attrs };
    for (const [v, data] of region.constants) env.values.set(v, this.emitter.constantData(data, v.name));
    region.inputs.forEach((v, i) => {
      if (args[i]) env.values.set(v, args[i]);
    });
    return this.walk(region.nodes, region.outputs, env);
  }

  /** Null for an omitted input of the function around. */
  private require(env: Env, v: Value): StaticValue | null {
    const value = lookup(env, v);
    return value === undefined ? refuse('INVALID_MODEL', NOT_COMPUTED, { value: v.name }) : value;
  }

  private visit(node: Node, env: Env): void {
    withPlace({ node: node.name || node.outputs.find((o) => o)?.name, op: node.op }, () => {
      if (node.domain === INTERNAL_DOMAIN) {
        refuse('UNSUPPORTED_OPERATOR', `the domain ${INTERNAL_DOMAIN} is reserved for the compiler`);
      }
      const inputs = node.inputs.map((v) => (v ? this.require(env, v) : null));
      const used = node.outputs.map((o) => o !== null);
      const results = this.apply(bound(node, env), inputs, used, env);
      node.outputs.forEach((v, i) => {
        const r = results[i];
        if (!v || !r) return;
        checkDeclared(v, r);
        env.values.set(v, r);
      });
    });
  }

  /** Emits one node, whatever its kind, and gives its outputs. */
  apply(node: Call, inputs: Values, used: readonly boolean[], env: Env): Values {
    const local = this.model.functions.get(`${node.domain}\u0000${node.op}`);
    if (local) return this.applyFunction(local, node, inputs);
    const operator = this.find(node);
    checkArity(operator, inputs, used.length);
    checkTypes(operator, inputs);
    if (operator.expand) {
      const held: StaticValue[] = [];
      this.held.push(held);
      try {
        return operator.expand(new ExpandContext(this, node, inputs, used.length, env, held));
      } finally {
        this.held.pop();
      }
    }
    const tensors = inputs.map((v, i) => {
      if (v === null || v.kind === 'tensor') return v;
      return refuse('UNSUPPORTED_TYPE', `input ${i} is a ${v.kind}, the operator takes tensors`);
    });
    return this.emitter.op(operator, node, tensors, used.length, used);
  }

  private applyFunction(f: FunctionDef, call: Call, inputs: Values) {
    const values = new Map(f.inputs.map((v, i) => [v, inputs[i] ?? null]));
    return this.walk(f.nodes, f.outputs, { values, parent: null, attrs: new Map([...f.attrDefaults, ...call.attrs]) });
  }

  private find(node: Call): Operator {
    const { registry } = this.options;
    const found = registry.find(node.domain, node.op, node.version);
    if (found) return found;
    const full = node.domain ? `${node.domain}::${node.op}` : node.op;
    const why = registry.excluded(node.domain, node.op);
    if (why) refuse('UNSUPPORTED_OPERATOR', `${full} is not supported: ${why}`);
    if (registry.knows(node.domain, node.op)) {
      const what = `${full} of opset ${node.version} is not supported`;
      refuse('UNSUPPORTED_VERSION', what, {}, 'Convert the model to a newer opset.');
    }
    const hint = 'Run `tilewright inspect` for everything the model needs; export it with standard ONNX operators.';
    return refuse('UNSUPPORTED_OPERATOR', `${full} is not a known operator`, {}, hint);
  }

  countUnrolled(): void {
    checkLimit(this.options.limits, 'unrolledIterations', ++this.unrolled);
  }
}

const NOT_COMPUTED = 'value is used before it is computed';

function lookup(env: Env, v: Value): StaticValue | null | undefined {
  for (let e: Env | null = env; e; e = e.parent) {
    const found = e.values.get(v);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The node with the values of the attributes that refer to those of the function around. */
function bound(node: Node, { attrs }: Env): Node {
  const given = [...(node.refs ?? [])].flatMap(([name, ref]) => {
    const value = attrs.get(ref);
    return value ? [[name, value] as const] : [];
  });
  return given.length > 0 ? { ...node, attrs: new Map([...node.attrs, ...given]) } : node;
}

function checkArity(operator: Operator, inputs: Values, numOutputs: number): void {
  const [lo, hi] = operator.inputs;
  let given = inputs.length;
  while (given > 0 && inputs[given - 1] === null) given--;
  const most = hi === Infinity ? 'any number' : hi;
  const expected = lo === hi ? lo : `${lo} to ${most}`;
  if (given < lo || given > hi) refuse('INVALID_MODEL', `has ${given} inputs, expected ${expected}`);
  const defined = operator.outputs[1];
  if (numOutputs > defined) refuse('INVALID_MODEL', `has ${numOutputs} outputs, at most ${defined} are defined`);
  const missing = inputs.slice(0, lo).indexOf(null);
  if (missing >= 0) refuse('INVALID_MODEL', `required input ${missing} is missing`);
}

/** Refuses a result whose element type contradicts the one that the model declares. */
function checkDeclared(v: Value, r: StaticValue): void {
  if (r.kind !== 'tensor' || v.type?.kind !== 'tensor' || v.type.dtype === r.dtype) return;
  const what = `the result has type ${r.dtype}, the model declares ${v.type.dtype}`;
  const hint = 'Export the model again with a current exporter, or correct its declared types.';
  refuse('INVALID_MODEL', what, { value: v.name }, hint);
}

function checkTypes(operator: Operator, inputs: Values): void {
  for (const [i, allowed] of Object.entries(operator.types ?? {})) {
    const t = inputs[Number(i)];
    if (t?.kind !== 'tensor' || allowed.includes(t.dtype)) continue;
    refuse('UNSUPPORTED_TYPE', `input ${i} has type ${t.dtype}, expected one of ${allowed.join(', ')}`);
  }
}

/** Specialises a model for these feeds and answers. */
export const specialise = (model: Model, feeds: FeedTypes, options: SpecialiseOptions) =>
  new Specialiser(model, options).run(feeds);
