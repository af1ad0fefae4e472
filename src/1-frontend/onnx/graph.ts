// GraphProto and FunctionProto → Graph and FunctionDef. Regions wait in a work list and are filled after their owners,
// so nesting costs no stack. Names are resolved once; afterwards identity is the Value object.
import type { Attr, FunctionDef, Graph, Node, Value, ValueType } from '../../ir/graph.ts';
import { newValue, tensorType } from '../../ir/graph.ts';
import { checkLimit, type ModelLimits } from '../../ir/limits.ts';
import type { TensorData } from '../../ir/tensor.ts';
import { printable, refuse, withPlace } from '../../support/errors.ts';
import { attributeValue, checkReference } from './attributes.ts';
import { SignatureChecker } from './check.ts';
import type { Function as FunctionProto, Graph as GraphProto, Node as NodeProto, ValueInfo } from './gen/onnx_pb.ts';
import { domainName, type Opsets, versionOf } from './opsets.ts';
import { topologicalOrder } from './order.ts';
import { BEFORE_NODES, Scope } from './scope.ts';
import type { TensorReader } from './tensor.ts';
import { valueType } from './types.ts';
import type { DraftNode } from './upgrade/context.ts';
import { upgrade } from './upgrade/index.ts';

interface OpenGraph extends Graph {
  readonly inputs: Value[];
  readonly outputs: Value[];
  readonly nodes: Node[];
  readonly constants: Map<Value, TensorData>;
}

/** A function body under import: the attributes that it declares, and which attributes of its nodes refer to them. */
type Body = Readonly<{ attributes: ReadonlySet<string>; refs: Map<Node, ReadonlyMap<string, string>> }>;

/** What stays the same inside one graph or function and the regions in it. */
type Surroundings = Readonly<{ opsets: Opsets; body: Body | undefined }>;

interface PendingRegion extends Surroundings {
  readonly proto: GraphProto;
  readonly target: OpenGraph;
  readonly scope: Scope;
  readonly depth: number;
}

/** Names of the whole model that single nodes depend on. */
export interface ModelNames {
  /** Keys of the model's own functions, as in Model.functions. */
  readonly functions: ReadonlySet<string>;
  /** False when no node and no graph output anywhere has this name. */
  isRead(name: string): boolean;
}

/** Where nodes are added. */
interface Site extends Surroundings {
  readonly scope: Scope;
  readonly depth: number;
  readonly types: ReadonlyMap<string, ValueType | undefined>;
  readonly nodes: Node[];
}

const openGraph = ({ name }: GraphProto): OpenGraph => {
  return { name, inputs: [], outputs: [], nodes: [], constants: new Map() };
};

function invalid(what: string, value?: string): never {
  return refuse('INVALID_MODEL', what, { value });
}

/** Imports the graphs of one model; counts nodes over all of them. */
export class GraphImporter {
  private readonly tensors: TensorReader;
  private readonly limits: ModelLimits;
  private readonly model: ModelNames;
  private readonly signatures = new SignatureChecker();
  private readonly pending: PendingRegion[] = [];
  private readonly known = new Map<Value, TensorData>();
  private readonly around = {
    constant: (value: Value) => this.known.get(value),
    isRead: (value: Value) => this.model.isRead(value.name),
  };
  private nodes = 0;

  constructor(tensors: TensorReader, model: ModelNames) {
    this.tensors = tensors;
    this.limits = tensors.limits;
    this.model = model;
  }

  /** The main graph. `fixedDefaults`: initialised inputs are constants, not inputs (IR below 4). */
  graph(proto: GraphProto, opsets: Opsets, fixedDefaults: boolean): Graph {
    const target = openGraph(proto);
    this.pending.push({ proto, target, opsets, body: undefined, scope: new Scope(), depth: 0 });
    this.drain();
    for (const input of target.inputs) {
      if (!input.type && !target.constants.has(input)) invalid('the input has no type', input.name);
    }
    if (!fixedDefaults) return target;
    return { ...target, inputs: target.inputs.filter((v) => !target.constants.has(v)) };
  }

  /** A function with its body. `opsets` are the imports of the function over those of the model. */
  function(proto: FunctionProto, opsets: Opsets): FunctionDef {
    const scope = new Scope();
    const inputs = proto.input.map((name) => {
      const value = newValue(name);
      scope.define(name, value, BEFORE_NODES);
      return value;
    });
    const refs = new Map<Node, ReadonlyMap<string, string>>();
    const context = { tensors: this.tensors, region: noRegion };
    const attrDefaults = new Map<string, Attr>();
    for (const a of proto.attributeProto) attrDefaults.set(a.name, attributeValue(a, context));
    const attrNames = [...proto.attribute, ...attrDefaults.keys()];
    const declared = proto.attribute.length + proto.attributeProto.length;
    if (new Set(attrNames).size !== declared) invalid('the function declares an attribute twice');
    const nodes: Node[] = [];
    const body = { attributes: new Set(attrNames), refs };
    const types = this.declaredTypes(proto.valueInfo);
    this.addNodes(proto.node, { opsets, body, scope, depth: 0, types, nodes });
    const outputs = proto.output.map((name) => this.resolve(name, scope, proto.node));
    this.drain();
    const { name } = proto;
    return { domain: domainName(proto.domain), name, inputs, outputs, attrNames, attrDefaults, nodes, attrRefs: refs };
  }

  private drain(): void {
    for (let region = this.pending.pop(); region; region = this.pending.pop()) this.fill(region);
  }

  private fill(region: PendingRegion): void {
    const { proto, target, scope } = region;
    const types = this.declaredTypes([...proto.valueInfo, ...proto.output]);
    for (const info of proto.input) {
      if (info.name === '') invalid('a graph input has no name', target.name);
      const value = newValue(info.name, this.typeOf(info) ?? types.get(info.name));
      scope.define(info.name, value, BEFORE_NODES);
      target.inputs.push(value);
    }
    this.addConstants(proto, target, scope);
    this.addNodes(proto.node, { ...region, types, nodes: target.nodes });
    for (const info of proto.output) {
      const value = this.resolve(info.name, scope, proto.node);
      value.type ??= types.get(info.name);
      target.outputs.push(value);
    }
  }

  private addConstants(proto: GraphProto, target: OpenGraph, scope: Scope): void {
    const add = (name: string, data: TensorData): void => {
      if (name === '') invalid('an initialiser has no name', target.name);
      const input = scope.own(name);
      if (input && target.constants.has(input)) invalid('the name is initialised twice', name);
      if (input) checkDefault(input, data);
      const value = input ?? newValue(name, tensorType(data.dtype, data.shape));
      if (!input) scope.define(name, value, BEFORE_NODES);
      target.constants.set(value, data);
      if (!input) this.known.set(value, data);
    };
    for (const tensor of proto.initializer) add(tensor.name, this.tensors.read(tensor));
    for (const sparse of proto.sparseInitializer) add(sparse.values?.name ?? '', this.tensors.readSparse(sparse));
  }

  private addNodes(unordered: readonly NodeProto[], site: Site): void {
    const protos = topologicalOrder(unordered);
    this.nodes += protos.length;
    checkLimit(this.limits, 'nodes', this.nodes);
    const nodeNames = new Set<string>();
    protos.forEach((proto, at) => {
      withPlace({ node: proto.name, op: proto.opType }, () => {
        if (nodeNames.has(proto.name)) invalid('another node has the same name');
        if (proto.name !== '') nodeNames.add(proto.name);
        for (const { refs, ...node } of this.newest(this.draft(proto, at, protos, site))) {
          if (refs.size > 0) site.body?.refs.set(node, refs);
          site.nodes.push(node);
        }
      });
    });
  }

  /** The node in its newest form; calls of functions and other domains stay as they are. */
  private newest(draft: DraftNode): readonly DraftNode[] {
    if (draft.domain !== '' || this.model.functions.has(`\u0000${draft.op}`)) return [draft];
    this.signatures.check(draft);
    const value = draft.attrs.get('value');
    const output = draft.outputs[0];
    if (draft.op === 'Constant' && output && value?.kind === 'tensor') this.known.set(output, value.value);
    return upgrade(draft, this.around);
  }

  private draft(proto: NodeProto, at: number, protos: readonly NodeProto[], site: Site): DraftNode {
    if (proto.opType === '') invalid('a node has no operator');
    const domain = domainName(proto.domain);
    const version = versionOf(site.opsets, domain);
    const inputs = proto.input.map((name) => (name === '' ? null : this.resolve(name, site.scope, protos)));
    const { attrs, refs } = this.attributes(proto, at, site);
    const outputs = proto.output.map((name) => {
      if (name === '') return null;
      const value = newValue(name, site.types.get(name));
      site.scope.define(name, value, at);
      return value;
    });
    const op = functionName(proto.opType, proto.overload);
    return { domain, op, version, name: proto.name, inputs, outputs, attrs, refs };
  }

  private attributes(proto: NodeProto, at: number, site: Site): Pick<DraftNode, 'attrs' | 'refs'> {
    const attrs = new Map<string, Attr>();
    const refs = new Map<string, string>();
    const context = { tensors: this.tensors, region: (g: GraphProto) => this.region(g, at, site) };
    for (const a of proto.attribute) {
      const [name, ref] = [printable(a.name), printable(a.refAttrName)];
      if (a.name === '') invalid('an attribute has no name');
      if (attrs.has(a.name) || refs.has(a.name)) invalid(`attribute "${name}" is given twice`);
      if (a.refAttrName === '') {
        attrs.set(a.name, attributeValue(a, context));
        continue;
      }
      checkReference(a);
      const declared = site.body?.attributes.has(a.refAttrName);
      if (!declared) invalid(`attribute "${name}" refers to "${ref}", which no function declares`);
      refs.set(a.name, a.refAttrName);
    }
    return { attrs, refs };
  }

  private region(proto: GraphProto, at: number, site: Site): Graph {
    const target = openGraph(proto);
    const depth = site.depth + 1;
    checkLimit(this.limits, 'nesting', depth);
    const scope = new Scope(site.scope, at);
    this.pending.push({ proto, target, opsets: site.opsets, body: site.body, scope, depth });
    return target;
  }

  private resolve(name: string, scope: Scope, protos: readonly NodeProto[]): Value {
    const value = scope.find(name);
    if (value) return value;
    const producer = protos.find((p) => p.output.includes(name));
    if (producer === undefined) return invalid('nothing defines this name', name);
    const place = { node: producer.name, op: producer.opType, value: name };
    const hint = 'ONNX requires the nodes of a graph in topological order.';
    return refuse('INVALID_MODEL', 'a region reads a value that is produced only after it', place, hint);
  }

  private typeOf(info: ValueInfo): ValueType | undefined {
    return valueType(info.type, this.limits, info.name);
  }

  private declaredTypes(infos: readonly ValueInfo[]): Map<string, ValueType | undefined> {
    const types = new Map<string, ValueType | undefined>();
    for (const info of infos) types.set(info.name, this.typeOf(info) ?? types.get(info.name));
    return types;
  }
}

const noRegion = (): never => refuse('UNSUPPORTED_TYPE', 'a function attribute defaults to a graph');

/** An initialised input must have the element type that it declares. */
function checkDefault(input: Value, data: TensorData): void {
  const type = tensorType(data.dtype, data.shape);
  input.type ??= type;
  const declared = input.type.kind === 'tensor' ? input.type.dtype : input.type.kind;
  if (declared === data.dtype) return;
  invalid(`the input is declared as ${declared} but initialised with ${data.dtype}`, input.name);
}

/** The operator name under which an overload of a function is called. */
export const functionName = (name: string, overload: string): string =>
  overload === '' ? name : `${name}\u0000${overload}`;
