// Runs one operator, or a small graph, through the whole compiler on the interpreter and on
// WebAssembly, which must agree: element values in, element values out.

import { Plan } from '../../src/6-runtime/plan.ts';
import { nodeBackend } from '../../src/backends/node.ts';
import { modelCompiler, parseModel } from '../../src/compile.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { type Scalar, type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { type AttrSpec, type GraphSpec, writeModel } from '../../src/web/write.ts';
import { attr } from '../attr.ts';

export { attr };

/** Element type, extents, elements. */
export type Operand = readonly [dtype: DType, shape: readonly number[], values: readonly Scalar[]];
export type Result = { dtype: DType; shape: readonly number[]; values: Scalar[] };

const TARGETS = ['interpreter', 'wasm'] as const;
export type Target = (typeof TARGETS)[number];

const data = ([dtype, shape, values]: Operand): TensorData => tensorOf(dtype, shape, values);
const result = (t: TensorData): Result => ({ dtype: t.dtype, shape: t.shape, values: tensorValues(t) });

/** Runs a graph on one target; the inputs are fed in order. */
export async function runGraph(
  graph: GraphSpec,
  feeds: readonly Operand[],
  target: Target = 'interpreter',
  opsets: readonly (readonly [string, number])[] = [
    ['', 28],
    ['com.microsoft', 1],
  ],
): Promise<Result[]> {
  const inputs = (graph.inputs ?? []).map((v, i) => ({ name: v.name, dtype: feeds[i][0], shape: feeds[i][1] }));
  const model = parseModel(writeModel({ graph: { ...graph, inputs }, opsets }));
  const types = feeds.map(([dtype, shape]) => ({ kind: 'tensor' as const, dtype, shape }));
  const plan = new Plan(modelCompiler(model, await nodeBackend(target), DEFAULT_LIMITS), types);
  try {
    return ((await plan.run(feeds.map(data))) as TensorData[]).map(result);
  } finally {
    plan.dispose();
  }
}

export interface NodeCase {
  readonly op: string;
  readonly domain?: string;
  readonly inputs: readonly (Operand | null)[];
  readonly attrs?: Readonly<Record<string, AttrSpec>>;
  readonly outputs?: number;
  /** Inputs that are initialisers instead of feeds. */
  readonly known?: readonly number[];
}

/** Runs one node; the results of the targets must be equal up to 1e-6. */
export async function runNode(c: NodeCase): Promise<Result[]> {
  const names = c.inputs.map((x, i) => (x ? `x${i}` : ''));
  const known = new Set(c.known ?? []);
  const fed = names.filter((n, i) => n !== '' && !known.has(i));
  const outputs = Array.from({ length: c.outputs ?? 1 }, (_, i) => `y${i}`);
  const graph: GraphSpec = {
    inputs: fed.map((name) => ({ name })),
    outputs: outputs.map((name) => ({ name })),
    nodes: [{ op: c.op, domain: c.domain ?? '', inputs: names, outputs, attrs: c.attrs ?? {} }],
    initializers: [...known].map((i): [string, TensorData] => [names[i], data(c.inputs[i]!)]),
  };
  const feeds = c.inputs.filter((x, i): x is Operand => x !== null && !known.has(i));
  const [want, got] = [await runGraph(graph, feeds, TARGETS[0]), await runGraph(graph, feeds, TARGETS[1])];
  want.forEach((w, k) => {
    requireEqual(got[k], w);
  });
  return want;
}

function requireEqual(got: Result, want: Result): void {
  const close = (a: Scalar, b: Scalar): boolean =>
    Object.is(a, b) || a === b || Math.abs(Number(a) - Number(b)) <= 1e-6 * Math.max(1, Math.abs(Number(b)));
  const same =
    `${got.dtype}[${got.shape}]` === `${want.dtype}[${want.shape}]` &&
    want.values.every((v, i) => close(got.values[i], v));
  if (!same) throw new Error(`WebAssembly gives ${got.values}, the interpreter ${want.values}`);
}

/** Float vector. */
export const f32 = (...values: number[]): Operand => ['f32', [values.length], values];
export const i64 = (...values: number[]): Operand => ['i64', [values.length], values.map(BigInt)];
export const scalar = (dtype: DType, value: Scalar): Operand => [dtype, [], [value]];
