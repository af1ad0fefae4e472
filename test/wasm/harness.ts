// Runs single kernels and small programs through the WebAssembly target and compares with the
// interpreter: bit for bit, except that any NaN equals any NaN.

import { expect } from 'vitest';
import type { Expr } from '../../src/3-tile/expr.ts';
import * as X from '../../src/3-tile/expr.ts';
import { loopFrom, store } from '../../src/3-tile/statements.ts';
import type { Kernel, Placement, Task, TaskProgram } from '../../src/3-tile/task.ts';
import { newTensor, owner, type TileTensor } from '../../src/3-tile/tensor.ts';
import type { Check, Stmt } from '../../src/3-tile/tile-op.ts';
import { wasmTarget } from '../../src/5-codegen/targets/wasm/index.ts';
import { type Artifact, makeArtifact } from '../../src/6-runtime/artifact.ts';
import type { Executable } from '../../src/6-runtime/executable.ts';
import { loadModule } from '../../src/6-runtime/launch/wasm.ts';
import { type DType, dtypeInfo } from '../../src/ir/dtype.ts';
import { elementCount, type Scalar, type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { interpretKernel } from '../kernels.ts';

export interface ProgramParts {
  readonly kernels: readonly Kernel[];
  readonly tasks: readonly Task[];
  readonly inputs: readonly TileTensor[];
  readonly outputs: readonly TileTensor[];
  readonly temps?: readonly TileTensor[];
  readonly constants?: readonly TileTensor[];
  readonly checks?: readonly Check[];
}

/** A program whose tensors lie one after the other. */
export function planned(parts: ProgramParts): TaskProgram {
  const places = new Map<TileTensor, Placement>();
  const sizes = { constants: 0, arena: 0 };
  const place = (t: TileTensor, space: 'constants' | 'arena'): void => {
    const o = owner(t);
    if (places.has(o)) return;
    const bytes = elementCount(o.shape) * dtypeInfo(o.dtype).bytes;
    places.set(o, { space, offset: sizes[space], bytes });
    sizes[space] += Math.ceil(bytes / 64) * 64;
  };
  for (const t of parts.constants ?? []) place(t, 'constants');
  for (const t of [...parts.inputs, ...(parts.temps ?? []), ...parts.outputs]) place(t, 'arena');
  return {
    kernels: parts.kernels,
    lanes: [parts.tasks],
    inputs: parts.inputs,
    outputs: parts.outputs,
    constants: parts.constants ?? [],
    checks: parts.checks ?? [],
    plan: { constantBytes: sizes.constants, arenaBytes: sizes.arena, places },
  };
}

/** Compiled on the calling thread. */
export const instantiateSync = (artifact: Artifact): Executable =>
  loadModule(artifact, new WebAssembly.Module(artifact.code.bytes as BufferSource));

export interface RunOptions {
  readonly features?: ReadonlySet<string>;
}

export function runProgram(program: TaskProgram, feeds: readonly TensorData[], options: RunOptions = {}): TensorData[] {
  const executable = instantiateSync(makeArtifact(program, wasmTarget.emit(program, options)));
  const results = executable.run(feeds);
  executable.dispose();
  return results;
}

let kernels = 1;
export const kernelOf = (params: readonly TileTensor[], body: readonly Stmt[]): Kernel => ({
  id: kernels++,
  name: 'test',
  params,
  body,
});

/** Contents of all parameters after the kernel ran on the given contents. */
export function runKernel(kernel: Kernel, args: readonly TensorData[], options?: RunOptions): TensorData[] {
  const task: Task = { kind: 'run', kernel, args: kernel.params };
  return runProgram(
    planned({ kernels: [kernel], tasks: [task], inputs: kernel.params, outputs: kernel.params }),
    args,
    options,
  );
}

/** Element text in which all NaNs are one. */
const text = (v: Scalar): string => (Object.is(v, -0) ? '-0' : String(v));
export const texts = (t: TensorData): string[] => tensorValues(t).map(text);

/** Expects the same contents as the interpreter gives. */
export function expectAsInterpreted(kernel: Kernel, args: readonly TensorData[]): void {
  const wanted = interpretKernel(kernel, args).map(texts);
  expect(runKernel(kernel, args).map(texts)).toEqual(wanted);
}

/**
 * A kernel that evaluates functions of the elements of inputs, element by element, or `lanes` at a
 * time: one output of `results[k]` per function. The count is a multiple of the lanes.
 */
export function mapKernel(
  inputs: readonly TensorData[],
  functions: readonly ((...xs: Expr[]) => Expr)[],
  results: readonly DType[],
  lanes = 1,
): { kernel: Kernel; args: TensorData[] } {
  const n = inputs[0].shape[0];
  const ins = inputs.map((d, i) => newTensor(`in${i}`, d.dtype, [n], 'input'));
  const outs = results.map((d, i) => newTensor(`out${i}`, d, [n], 'output'));
  const body = loopFrom(0, n / lanes, (i) => {
    const at = lanes === 1 ? i : X.mul(i, X.index(lanes));
    const xs = ins.map((t) => X.makeExpr('load', X.computeType(t.dtype), [at], t, lanes));
    return outs.map((t, k) => store(t, [at], functions[k](...xs)));
  });
  const args = [...inputs, ...results.map((d) => tensorOf(d, [n], []))];
  return { kernel: kernelOf([...ins, ...outs], [body]), args };
}

export const F32_SPECIAL: readonly number[] = [
  0,
  -0,
  2 ** -149,
  -(2 ** -149),
  2 ** -126,
  -(2 ** -126),
  1,
  -1,
  3.4028234663852886e38,
  -3.4028234663852886e38,
  Infinity,
  -Infinity,
  NaN,
  1.5,
  -2.5,
  0.5,
  3,
  -7.25,
  1e10,
  2 ** 31,
];
export const F64_SPECIAL: readonly number[] = [
  0,
  -0,
  2 ** -1074,
  -(2 ** -1074),
  2 ** -1022,
  -(2 ** -1022),
  1,
  -1,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Infinity,
  -Infinity,
  NaN,
  1.5,
  -2.5,
  0.5,
  3,
  -7.25,
  1e100,
  2 ** 63,
];
const I32: readonly number[] = [
  0,
  1,
  -1,
  2,
  -2,
  7,
  -13,
  31,
  32,
  33,
  64,
  255,
  65536,
  2 ** 31 - 1,
  -(2 ** 31),
  1 - 2 ** 31,
];
const I64 = [...I32.map(BigInt), 2n ** 63n - 1n, -(2n ** 63n), 1n - 2n ** 63n, 0x123456789abcdefn];

export const EXTREMES: Readonly<Record<X.ComputeType, readonly Scalar[]>> = {
  f32: F32_SPECIAL,
  f64: F64_SPECIAL,
  i32: I32,
  u32: I32.map((x) => x >>> 0),
  i64: I64,
  u64: I64.map((x) => BigInt.asUintN(64, x)),
  bool: [0, 1],
};

/** All pairs of values as two tensors, the count rounded up to a multiple of 4. */
export function pairs(dtype: X.ComputeType): [TensorData, TensorData] {
  const values = EXTREMES[dtype];
  const a = values.flatMap((x) => values.map(() => x));
  const b = values.flatMap(() => values);
  while (a.length % 4 !== 0) {
    a.push(values[0]);
    b.push(values[1]);
  }
  return [tensorOf(dtype, [a.length], a), tensorOf(dtype, [b.length], b)];
}
