// GraphProto and FunctionProto → Graph and FunctionDef. Regions wait in a work list and are filled after their owners,
// so nesting costs no stack. Names are resolved once; afterwards identity is the Value object.
import type { Attr, DraftNode, FunctionDef, Graph, Node, Upgrade, Value, ValueType } from '../../ir/graph.ts';
import { newValue, tensorType } from '../../ir/graph.ts';
import { checkLimit, type ModelLimits } from '../../ir/limits.ts';
import type { TensorData } from '../../ir/tensor.ts';
import { printable, refuse, withPlace } from '../../support/errors.ts';
import { attributeValue, checkReference } from './attributes.ts';
import type { Function as FunctionProto, Graph as GraphProto, Node as NodeProto, ValueInfo } from './gen/onnx_pb.ts';
import { domainName, type Opsets, versionOf } from './opsets.ts';
import { topologicalOrder } from './order.ts';
import { BEFORE_NODES, Scope } from './scope.ts';
import { invalid, type TensorReader } from './tensor.ts';
import { valueType } from './types.ts';

/** What the import of one model is handed. */
export interface ImportOptions {
  readonly tensors: TensorReader;
  readonly upgrade: Upgrade;
  /** Keys of the model's own functions, as in Model.functions. */
  readonly functions: ReadonlySet<string>;
  /** False when no node and no graph output anywhere has this name. */
  readonly isRead: (name: string) => boolean;
}

interface OpenGraph extends Graph {
  readonly inputs: Value[];
  readonly outputs: Value[];
  readonly nodes: Node[];
  readonly constants: Map<Value, TensorData>;
}

/** Where nodes are added: a graph, a region or the body of a function. */
interface Site {
  readonly opsets: Opsets;
  /** Attributes that the function around declares; undefined outside functions. */
  readonly attributes?: ReadonlySet<string> | undefined;
  readonly scope: Scope;
  readonly depth: number;
  readonly target: OpenGraph;
  /** Declared types by name. */
  readonly types: Map<string, ValueType | undefined>;
}

const openGraph = (name: string): OpenGraph => {
  return { name, inputs: [], outputs: [], nodes: [], constants: new Map() };
};

/** Imports the graphs of one model; counts nodes over all of them. */
export class GraphImporter {
  private readonly options: ImportOptions;
  private readonly limits: ModelLimits;
  private readonly pending: { proto: GraphProto; site: Site }[] = [];
  private readonly around = {
    constants: new Map<Value, TensorData>(),
    isRead: (value: Value) => this.options.isRead(value.name),
  };
  private nodes = 0;

  constructor(options: ImportOptions) {
    this.options = options;
    this.limits = options.tensors.limits;
  }

  /** The main graph. `fixedDefaults`: initialised inputs are constants, not inputs (IR below 4). */
  graph(proto: GraphProto, opsets: Opsets, fixedDefaults: boolean): Graph {
    const target = openGraph(proto.name);
    this.pending.push({ proto, site: { opsets, scope: new Scope(), depth: 0, target, types: new Map() } });
    this.drain();
    for (const input of target.inputs) {
      if (!input.type && !target.constants.has(input)) invalid('the input has no type', input.name);
    }
    if (!fixedDefaults) return target;
    return { ...target, inputs: target.inputs.filter((v) => !target.constants.has(v)) };
  }

  /** A function with its body. `opsets` are the imports of the function over those of the model. */
  function(proto: FunctionProto, opsets: Opsets): FunctionDef {
    const context = { tensors: this.options.tensors, region: noRegion };
    const attrDefaults = new Map<string, Attr>();
    for (const a of proto.attributeProto) attrDefaults.set(a.name, attributeValue(a, context));
    const attributes = new Set([...proto.attribute, ...attrDefaults.keys()]);
    const declared = proto.attribute.length + proto.attributeProto.length;
    if (attributes.size !== declared) invalid('the function declares an attribute twice');
    const { input, output } = proto;
    const name = functionName(proto.name, proto.overload);
    const site = { opsets, attributes, scope: new Scope(), depth: 0, target: openGraph(name), types: new Map() };
    this.declare(site, proto.valueInfo);
    const inputs = input.map((n) => site.scope.define(n, newValue(n), BEFORE_NODES));
    this.addNodes(proto.node, site);
    const outputs = output.map((n) => this.resolve(n, site.scope, proto.node));
    this.drain();
    return { domain: domainName(proto.domain), name, inputs, outputs, attrDefaults, nodes: site.target.nodes };
  }

  private drain(): void {
    for (let next = this.pending.pop(); next; next = this.pending.pop()) this.fill(next.proto, next.site);
  }

  private fill(proto: GraphProto, site: Site): void {
    const { target, scope, types } = site;
    this.declare(site, [...proto.valueInfo, ...proto.output, ...proto.input]);
    for (const { name } of proto.input) {
      if (name === '') invalid('a graph input has no name', target.name);
      target.inputs.push(scope.define(name, newValue(name, types.get(name)), BEFORE_NODES));
    }
    this.addConstants(proto, site);
    this.addNodes(proto.node, site);
    for (const { name } of proto.output) {
      const value = this.resolve(name, scope, proto.node);
      value.type ??= types.get(name);
      target.outputs.push(value);
    }
  }

  private addConstants(proto: GraphProto, { target, scope }: Site): void {
    const add = (name: string, data: TensorData): void => {
      if (name === '') invalid('an initialiser has no name', target.name);
      const input = scope.own(name);
      if (input && target.constants.has(input)) invalid('the name is initialised twice', name);
      if (input) checkDefault(input, data);
      const value = input ?? scope.define(name, newValue(name, tensorType(data.dtype, data.shape)), BEFORE_NODES);
      target.constants.set(value, data);
      if (!input) this.around.constants.set(value, data);
    };
    const { tensors } = this.options;
    for (const tensor of proto.initializer) add(tensor.name, tensors.read(tensor));
    for (const sparse of proto.sparseInitializer) add(sparse.values?.name ?? '', tensors.readSparse(sparse));
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
        site.target.nodes.push(...this.newest(this.draft(proto, at, protos, site)));
      });
    });
  }

  /** The node in its newest form; calls of functions and other domains stay as they are. */
  private newest(draft: DraftNode): readonly DraftNode[] {
    const foreign = draft.domain !== '' || this.options.functions.has(`\u0000${draft.op}`);
    return foreign ? [draft] : this.options.upgrade(draft, this.around);
  }

  private draft(proto: NodeProto, at: number, protos: readonly NodeProto[], site: Site): DraftNode {
    if (proto.opType === '') invalid('a node has no operator');
    const domain = domainName(proto.domain);
    const version = versionOf(site.opsets, domain);
    const inputs = proto.input.map((name) => (name === '' ? null : this.resolve(name, site.scope, protos)));
    const { attrs, refs } = this.attributes(proto, at, site);
    const outputs = proto.output.map((name) =>
      name === '' ? null : site.scope.define(name, newValue(name, site.types.get(name)), at),
    );
    const op = functionName(proto.opType, proto.overload);
    return { domain, op, version, name: proto.name, inputs, outputs, attrs, refs };
  }

  private attributes(proto: NodeProto, at: number, site: Site): Pick<DraftNode, 'attrs' | 'refs'> {
    const attrs = new Map<string, Attr>();
    const refs = new Map<string, string>();
    const context = { tensors: this.options.tensors, region: (g: GraphProto) => this.region(g, at, site) };
    for (const a of proto.attribute) {
      const [name, ref] = [printable(a.name), printable(a.refAttrName)];
      if (a.name === '') invalid('an attribute has no name');
      if (attrs.has(a.name) || refs.has(a.name)) invalid(`attribute "${name}" is given twice`);
      if (a.refAttrName === '') {
        attrs.set(a.name, attributeValue(a, context));
        continue;
      }
      checkReference(a);
      if (!site.attributes?.has(a.refAttrName))
        invalid(`attribute "${name}" refers to "${ref}", which no function declares`);
      refs.set(a.name, a.refAttrName);
    }
    return { attrs, refs };
  }

  private region(proto: GraphProto, at: number, around: Site): Graph {
    const target = openGraph(proto.name);
    const depth = around.depth + 1;
    checkLimit(this.limits, 'nesting', depth);
    const scope = new Scope(around.scope, at);
    this.pending.push({ proto, site: { ...around, scope, depth, target, types: new Map() } });
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

  private declare({ types }: Site, infos: readonly ValueInfo[]): void {
    for (const { name, type } of infos) types.set(name, valueType(type, this.limits, name) ?? types.get(name));
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
