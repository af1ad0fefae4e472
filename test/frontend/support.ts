// Shared by the frontend's tests: refusals as codes, graphs as text, and where the test material is.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { attr, type GraphSpec, type ModelSpec, writeModel } from '../../scripts/model-writer.ts';
import type { ReadOptions } from '../../src/1-frontend/onnx/tensor.ts';
import { parseValue } from '../../src/1-frontend/onnx/value.ts';
import { parseModel } from '../../src/compile.ts';
import type { Attr, Graph, Model, Value } from '../../src/ir/graph.ts';
import { type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { type ErrorCode, TilewrightError } from '../../src/support/errors.ts';

/** The folder with ONNX test material, or undefined on machines without it. */
export const DATA: string | undefined = [process.env['TILEWRIGHT_DATA'] ?? '../shared/data'].find((folder) =>
  existsSync(join(folder, 'INDEX.json')),
);

/** The refusal that `run` ends in; fails the test when it succeeds or throws anything else. */
export function refusal(run: () => unknown): TilewrightError {
  try {
    run();
  } catch (error) {
    if (error instanceof TilewrightError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

export function expectRefusal(run: () => unknown, code: ErrorCode, text: RegExp = /./): void {
  const error = refusal(run);
  expect(error.message).toMatch(text);
  expect(error.code).toBe(code);
}

/** A TensorProto file's name and tensor. */
export const parseTensor = (bytes: Uint8Array, options?: ReadOptions) =>
  parseValue(bytes, 'tensor', options) as { name: string; value: TensorData };

export const roundTrip = (spec: ModelSpec, options?: ReadOptions): Model => parseModel(writeModel(spec), options);

/** A model of one graph under one opset of the default domain. */
export const modelOf = (graph: GraphSpec, opset = 28): ModelSpec => ({
  graph,
  opsets: [['', opset]],
});

export const f32 = (shape: readonly number[], values: readonly number[]): TensorData => tensorOf('f32', shape, values);
export const i64 = (values: readonly number[]): TensorData => tensorOf('i64', [values.length], values.map(BigInt));

function attrText(a: Attr): string {
  switch (a.kind) {
    case 'tensor':
      return `${a.value.dtype}[${tensorValues(a.value).join(',')}]`;
    case 'graph':
      return `(${graphText(a.value)})`;
    case 'int':
    case 'string':
      return String(a.value);
    case 'float':
      return a.value.toPrecision(5).replace(/\.?0+$/, '');
    case 'ints':
    case 'floats':
      return `[${a.value.join(',')}]`;
    default:
      return a.kind;
  }
}

/** Nodes in order as `outputs = Op(inputs) attr=value`, joined by '; '. Helper values become t1, t2, … */
export function graphText(graph: Graph): string {
  const helpers = new Map<Value, string>();
  const name = (v: Value | null): string => {
    if (v === null) return '_';
    if (!v.name.includes('/')) return v.name;
    if (!helpers.has(v)) helpers.set(v, `t${helpers.size + 1}`);
    return helpers.get(v)!;
  };
  const lines = graph.nodes.map((n) => {
    const attrs = [...n.attrs].map(([key, a]) => ` ${key}=${attrText(a)}`).join('');
    const outputs = n.outputs.map(name).join(', ');
    return `${outputs} = ${n.op}(${n.inputs.map(name).join(', ')})${attrs}`;
  });
  return lines.join('; ');
}

export { attr, writeModel };
