// Every op on every compute type, scalar and vector, with special values, against the meaning that
// the interpreter uses. All kernels are one program, so the compiler runs once.
import { beforeAll, describe, expect, it } from 'vitest';
import {
  binary, BINARY, type BinaryOp, bitcast, cast, type ComputeType, constant, type Expr, index, load,
  localExpr, makeExpr, newLocal, unary, UNARY, type UnaryOp,
} from '../../src/3-tile/expr.ts';
import { binaryMeaning, bitcastScalar, castScalar, unaryMeaning } from '../../src/3-tile/semantics.ts';
import type { Task } from '../../src/3-tile/task.ts';
import { newTensor, type TileTensor } from '../../src/3-tile/tensor.ts';
import { cTarget } from '../../src/5-codegen/targets/c/index.ts';
import { type Scalar, type TensorData, tensorValues } from '../../src/ir/tensor.ts';
import { build, call, kernel, noCompiler, programOf } from './harness.ts';
import { pairs, same, SPECIAL } from './values.ts';

const TYPES: readonly ComputeType[] = ['f32', 'f64', 'i32', 'u32', 'i64', 'u64', 'bool'];
const LANES = [1, 4, 16];
const missing = noCompiler();

interface Case {
  readonly label: string;
  readonly inputs: readonly TensorData[];
  readonly expected: (values: readonly Scalar[]) => Scalar;
  readonly output: TileTensor;
}

const cases: Case[] = [];
const tasks: Task[] = [];
const inputs: TileTensor[] = [];
const feeds: TensorData[] = [];
const operands = new Map<ComputeType, { tensors: TileTensor[]; data: TensorData[] }>();

function operandsOf(t: ComputeType): { tensors: TileTensor[]; data: TensorData[] } {
  let known = operands.get(t);
  if (!known) {
    const data = pairs(t);
    const tensors = data.map((d) => newTensor('in', t, d.shape, 'input'));
    known = { tensors, data };
    operands.set(t, known);
    inputs.push(...tensors);
    feeds.push(...data);
  }
  return known;
}

const vectorLoad = (t: TileTensor, at: Expr, dtype: ComputeType, lanes: number): Expr =>
  lanes === 1 ? load(t, [at]) : makeExpr('load', dtype, [at], t, lanes);

/** out[i] = f(a[i], b[i]) over all pairs, `lanes` at a time. */
function addCase(
  label: string, t: ComputeType, lanes: number, result: ComputeType,
  f: (a: Expr, b: Expr) => Expr, expected: (values: readonly Scalar[]) => Scalar,
): void {
  const { tensors, data } = operandsOf(t);
  const n = data[0].shape[0];
  const output = newTensor('out', result, [n], 'output');
  const i = newLocal('i', 'i32');
  const at = localExpr(i);
  const value = f(vectorLoad(tensors[0], at, t, lanes), vectorLoad(tensors[1], at, t, lanes));
  const body = [{ kind: 'store', tensor: output, at: [at], value } as const];
  const k = kernel([...tensors, output], [
    { kind: 'for', index: i, from: index(0), to: index(n), step: lanes, body },
  ]);
  tasks.push(call(k));
  cases.push({ label, inputs: data, expected, output });
}

const splat = (e: Expr, lanes: number): Expr => (lanes === 1 ? e : makeExpr('splat', e.dtype, [e], null, lanes));

function addOps(t: ComputeType, lanes: number): void {
  for (const op of UNARY) {
    const meaning = unaryMeaning(op as UnaryOp, t);
    if (!meaning || !cTarget.supports(op, t)) continue;
    const result = op === 'isnan' || op === 'isinf' ? 'bool' : t;
    addCase(`${op} ${t}x${lanes}`, t, lanes, result, (a) => unary(op, a), ([a]) => meaning(a as never));
  }
  for (const op of BINARY) {
    const meaning = binaryMeaning(op as BinaryOp, t);
    if (!meaning || !cTarget.supports(op, t)) continue;
    const result = binary(op, constant(t, 0), constant(t, 0)).dtype;
    addCase(
      `${op} ${t}x${lanes}`, t, lanes, result, (a, b) => binary(op, a, b),
      ([a, b]) => meaning(a as never, b as never),
    );
  }
  addCase(`select ${t}x${lanes}`, t, lanes, t,
    (a, b) => makeExpr('select', t, [binary('lt', a, b), b, a], null, lanes), ([a, b]) => [a, b][Number(a < b)]);
}

function addConversions(t: ComputeType, lanes: number): void {
  for (const to of TYPES) {
    if (to === t) continue;
    addCase(`cast ${t}→${to} x${lanes}`, t, lanes, to, (a) => cast(to, a), ([a]) => castScalar(t, to, a));
  }
  const peers: Partial<Record<ComputeType, ComputeType[]>> = {
    f32: ['i32', 'u32'], i32: ['f32', 'u32'], u32: ['i32', 'f32'], f64: ['i64', 'u64'],
    i64: ['f64', 'u64'], u64: ['i64', 'f64'],
  };
  for (const to of peers[t] ?? []) {
    addCase(`bitcast ${t}→${to} x${lanes}`, t, lanes, to, (a) => bitcast(to, a), ([a]) => bitcastScalar(t, to, a));
  }
}

/** Constant operands take paths of their own in min, max, div and rem. */
function addConstants(t: ComputeType, lanes: number): void {
  for (const op of ['min', 'max', 'div', 'rem', 'shl', 'shr'] as const) {
    const meaning = binaryMeaning(op, t);
    if (!meaning || !cTarget.supports(op, t) || op.startsWith('sh')) continue;
    for (const c of SPECIAL[t].filter((_, i) => i % 3 < 2).slice(0, 8)) {
      addCase(`${op} ${t}x${lanes} by ${Object.is(c, -0) ? '-0' : c}`, t, lanes, t,
        (a) => binary(op, a, splat(constant(t, c), lanes)), ([a]) => meaning(a as never, c as never));
    }
  }
}

describe.skipIf(missing !== null)('ops in C', () => {
  let results: Map<TileTensor, TensorData>;

  beforeAll(async () => {
    for (const t of TYPES) {
      for (const lanes of LANES) {
        addOps(t, lanes);
        addConversions(t, lanes);
        if (lanes < 16) addConstants(t, lanes);
      }
    }
    const program = programOf(tasks, inputs, cases.map((c) => c.output));
    const executable = await build(program);
    const out = executable.run(feeds);
    results = new Map(cases.map((c, i) => [c.output, out[i]]));
    executable.dispose();
  });

  it('covers every op that the target offers', () => {
    expect(cases.length).toBeGreaterThan(500);
  });

  for (const t of TYPES) {
    it(`means the same on ${t}`, () => {
      const wrong: string[] = [];
      for (const c of cases) {
        if (c.inputs[0].dtype !== t) continue;
        const columns = c.inputs.map((d) => tensorValues(d));
        const got = tensorValues(results.get(c.output)!);
        got.forEach((g, i) => {
          const row = columns.map((col) => col[i]);
          const want = c.expected(row);
          if (!same(g, want)) wrong.push(`${c.label}(${row.map(show)}) = ${show(g)}, not ${show(want)}`);
        });
      }
      expect(wrong.slice(0, 20)).toEqual([]);
    });
  }
});

const show = (v: Scalar): string => (Object.is(v, -0) ? '-0' : String(v));
