// Random small models with their feeds, from a seed. Every value is tracked as exact (integers that
// f32 holds exactly, so that any order of summation gives the same bits) or inexact; discontinuous
// operators take exact values only, so a difference between two backends is always a bug.
import { inferTypes } from '../../src/2-graph/infer-types.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { type Attr, type Graph, type Model, type Node, newValue, tensorType, type Value } from '../../src/ir/graph.ts';
import { elementCount, type Scalar, type TensorData, tensorOf } from '../../src/ir/tensor.ts';
import { operatorRegistry } from '../../src/ops/registry.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { TEMPLATES } from './templates.ts';

export interface Item {
  readonly value: Value;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly exact: boolean;
  /** Upper bound of the magnitude of exact values. */
  readonly bound: number;
}

export interface RandomModel {
  readonly model: Model;
  readonly feeds: readonly TensorData[];
  /** Per output. */
  readonly exact: readonly boolean[];
}

const MOST_ELEMENTS = 4096;

/** Grows a graph node by node; templates ask it for operands and give it nodes. */
export class Grower {
  readonly random: () => number;
  readonly items: Item[] = [];
  readonly nodes: Node[] = [];
  readonly constants = new Map<Value, TensorData>();
  private counter = 0;

  constructor(random: () => number) {
    this.random = random;
  }

  int(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from + 1));
  }
  pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.random() * list.length)];
  }
  /** A random item that fits, or undefined. */
  item(fits: (i: Item) => boolean): Item | undefined {
    const candidates = this.items.filter(fits);
    return candidates.length > 0 ? this.pick(candidates) : undefined;
  }

  constant(dtype: DType, shape: readonly number[], values: readonly Scalar[]): Value {
    const value = newValue(`c${this.counter++}`, tensorType(dtype, shape));
    this.constants.set(value, tensorOf(dtype, shape, values));
    return value;
  }
  ints(values: readonly number[]): Value {
    return this.constant('i64', [values.length], values.map(BigInt));
  }
  /** Small integers as weights. */
  weights(dtype: DType, shape: readonly number[], most: number): Value {
    const big = dtype === 'i64' || dtype === 'u64';
    const low = dtype.startsWith('u') ? 0 : -most;
    const values = Array.from({ length: elementCount(shape) }, () => this.int(low, most));
    return this.constant(dtype, shape, big ? values.map(BigInt) : values);
  }

  /** Adds a node; its results become items when inference gives them static shapes of modest size. */
  node(
    op: string,
    inputs: readonly (Value | null)[],
    attrs: Readonly<Record<string, Attr>>,
    result: { exact: boolean; bound: number },
    outputs = 1,
  ): boolean {
    const made = Array.from({ length: outputs }, () => newValue(`v${this.counter++}`));
    const node: Node = {
      domain: '',
      op,
      version: 28,
      name: `n${this.nodes.length}`,
      inputs,
      outputs: made,
      attrs: new Map(Object.entries(attrs)),
    };
    const types = this.typesOf(node);
    const items = made.map((value): Item | null => {
      const t = types.get(value);
      if (t?.kind !== 'tensor' || !t.shape?.every((d) => typeof d === 'number')) return null;
      const shape = t.shape as number[];
      return elementCount(shape) > MOST_ELEMENTS ? null : { value, dtype: t.dtype, shape, ...result };
    });
    if (items.some((i) => i === null)) return false;
    this.nodes.push(node);
    this.items.push(...(items as Item[]));
    return true;
  }

  private typesOf(node: Node): ReturnType<typeof inferTypes> {
    const known = new Map<Value, TensorData>();
    const inputs: Value[] = [];
    for (const v of node.inputs) {
      if (!v) continue;
      const data = this.constants.get(v);
      if (data) known.set(v, data);
      else {
        const item = this.items.find((i) => i.value === v)!;
        v.type = tensorType(item.dtype, item.shape);
        inputs.push(v);
      }
    }
    const graph: Graph = { name: 'g', inputs, outputs: [], nodes: [node], constants: known };
    return inferTypes(modelOf(graph), operatorRegistry());
  }
}

export function modelOf(graph: Graph): Model {
  return {
    graph,
    irVersion: 13,
    opsets: new Map([['', 28]]),
    producer: 'test',
    functions: new Map(),
    metadata: new Map(),
  };
}

const INPUT_TYPES: readonly DType[] = ['f32', 'f32', 'f32', 'f32', 'i32', 'i64', 'u8', 'i8', 'bool', 'f64'];

function addInput(g: Grower, feeds: TensorData[], inputs: Value[]): void {
  const dtype = g.pick(INPUT_TYPES);
  const rank = g.pick([1, 2, 2, 3, 3, 4, 4]);
  const shape = Array.from({ length: rank }, () => g.pick([1, 2, 3, 4, 5, 7, 8, 9, 16, 17]));
  while (elementCount(shape) > 2048) shape[shape.indexOf(Math.max(...shape))] = 2;
  const exact = dtype !== 'f32' || g.random() < 0.6;
  const big = dtype === 'i64';
  const most = dtype === 'bool' ? 1 : 6;
  const low = dtype === 'u8' || dtype === 'bool' ? 0 : -most;
  const values = Array.from({ length: elementCount(shape) }, () => (exact ? g.int(low, most) : 4 * g.random() - 2));
  const value = newValue(`in${inputs.length}`, tensorType(dtype, shape));
  inputs.push(value);
  feeds.push(tensorOf(dtype, shape, big ? values.map(BigInt) : values));
  g.items.push({ value, dtype, shape, exact, bound: most });
}

/** The model of this seed, with about `size` nodes. */
export function randomModel(seed: number, size = 8): RandomModel {
  const g = new Grower(mulberry32(seed));
  const feeds: TensorData[] = [];
  const inputs: Value[] = [];
  for (let i = g.int(1, 3); i > 0; i--) addInput(g, feeds, inputs);
  for (let tries = 0; tries < size * 4 && g.nodes.length < size; tries++) g.pick(TEMPLATES)(g);
  const used = new Set(g.nodes.flatMap((n) => n.inputs));
  const results = g.items.filter((i) => !used.has(i.value) || g.random() < 0.15);
  const outputs = results.length > 0 ? results : [g.items[g.items.length - 1]];
  for (const i of outputs) i.value.type = tensorType(i.dtype, i.shape);
  const graph: Graph = {
    name: `seed${seed}`,
    inputs,
    outputs: outputs.map((i) => i.value),
    nodes: g.nodes,
    constants: g.constants,
  };
  return { model: modelOf(graph), feeds, exact: outputs.map((i) => i.exact) };
}

/** Several models as one, so that one native compilation serves them all. */
export function joined(models: readonly RandomModel[]): RandomModel {
  const graphs = models.map((m) => m.model.graph);
  const graph: Graph = {
    name: 'joined',
    inputs: graphs.flatMap((g) => g.inputs),
    outputs: graphs.flatMap((g) => g.outputs),
    nodes: graphs.flatMap((g) => g.nodes),
    constants: new Map(graphs.flatMap((g) => [...g.constants])),
  };
  return { model: modelOf(graph), feeds: models.flatMap((m) => m.feeds), exact: models.flatMap((m) => m.exact) };
}
