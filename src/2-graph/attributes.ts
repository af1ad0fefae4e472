// Typed access to a node's attributes with the operator's defaults; a wrong kind is a typed refusal.
import type { Attr, AttrValue, Graph } from '../ir/graph.ts';
import type { TensorData } from '../ir/tensor.ts';
import { type ErrorCode, refuse } from '../support/errors.ts';

type NodeHead = Pick<NodeView, 'op' | 'name' | 'attrs' | 'numOutputs'>;

/** The part of a node that operators see everywhere. */
export class NodeView {
  readonly op: string;
  readonly name: string;
  readonly attrs: ReadonlyMap<string, Attr>;
  readonly numOutputs: number;

  constructor(node: NodeHead) {
    this.op = node.op;
    this.name = node.name;
    this.attrs = node.attrs;
    this.numOutputs = node.numOutputs;
  }

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
