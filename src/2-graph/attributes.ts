// Typed access to a node's attributes with the operator's defaults; a wrong kind is a typed refusal.
import type { Attr, Graph } from '../ir/graph.ts';
import type { TensorData } from '../ir/tensor.ts';
import { type ErrorCode, TilewrightError } from '../support/errors.ts';

/** The part of a node that operators see everywhere. */
export class NodeView {
  readonly op: string;
  readonly domain: string;
  readonly version: number;
  readonly name: string;
  readonly attrs: ReadonlyMap<string, Attr>;
  readonly numOutputs: number;

  constructor(node: {
    op: string;
    domain: string;
    version: number;
    name: string;
    attrs: ReadonlyMap<string, Attr>;
    numOutputs: number;
  }) {
    this.op = node.op;
    this.domain = node.domain;
    this.version = node.version;
    this.name = node.name;
    this.attrs = node.attrs;
    this.numOutputs = node.numOutputs;
  }

  /** Throws a refusal placed at this node. */
  fail(what: string, hint?: string, code: ErrorCode = 'INVALID_SHAPE', shape?: readonly (number | string)[]): never {
    throw new TilewrightError(code, what, { node: this.name, op: this.op, shape }, hint);
  }

  private attr<K extends Attr['kind']>(name: string, kind: K): (Attr & { kind: K }) | undefined {
    const a = this.attrs.get(name);
    if (a !== undefined && a.kind !== kind) {
      this.fail(`attribute ${name} is a ${a.kind}, expected ${kind}`, undefined, 'INVALID_MODEL');
    }
    return a as (Attr & { kind: K }) | undefined;
  }

  hasAttr(name: string): boolean {
    return this.attrs.has(name);
  }
  int(name: string, fallback: number): number {
    const a = this.attr(name, 'int');
    return a ? Number(a.value) : fallback;
  }
  float(name: string, fallback: number): number {
    return this.attr(name, 'float')?.value ?? fallback;
  }
  string(name: string, fallback: string): string {
    return this.attr(name, 'string')?.value ?? fallback;
  }
  ints(name: string): number[] | undefined {
    return this.attr(name, 'ints')?.value.map(Number);
  }
  floats(name: string): readonly number[] | undefined {
    return this.attr(name, 'floats')?.value;
  }
  strings(name: string): readonly string[] | undefined {
    return this.attr(name, 'strings')?.value;
  }
  tensorAttr(name: string): TensorData | undefined {
    return this.attr(name, 'tensor')?.value;
  }
  graph(name: string): Graph {
    const a = this.attr(name, 'graph');
    return a ? a.value : this.fail(`attribute ${name} is missing`, undefined, 'INVALID_MODEL');
  }
}
