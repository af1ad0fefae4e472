// Shared by the frontend's tests: refusals as codes, graphs as text, and where the test material is.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { ReadOptions } from '../../src/1-frontend/onnx/tensor.ts';
import { parseValue } from '../../src/1-frontend/onnx/value.ts';
import { parseModel } from '../../src/compile.ts';
import type { Attr, Graph, Model, Value } from '../../src/ir/graph.ts';
import { type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { type ErrorCode, TilewrightError } from '../../src/support/errors.ts';
import {
  type AttrSpec,
  attrsInit,
  type GraphSpec,
  type ModelSpec,
  type NodeSpec,
  nodeInit,
  writeModel,
} from '../../src/web/write.ts';
import { attr } from '../attr.ts';

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

export interface FunctionSpec {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrNames?: readonly string[];
  readonly attrDefaults?: Readonly<Record<string, AttrSpec>>;
  readonly nodes: readonly NodeSpec[];
  readonly opsets?: readonly (readonly [domain: string, version: number])[];
}

/** A function of a model, for `writeModel` as `{ functions }`. */
export function functionInit(f: FunctionSpec) {
  const { domain, name, inputs, outputs, attrNames = [], opsets = [['', 28]] } = f;
  const opsetImport = opsets.map(([of, version]) => ({ domain: of, version: BigInt(version) }));
  const attributes = { attribute: [...attrNames], attributeProto: attrsInit(f.attrDefaults) };
  const signature = { domain, name, input: [...inputs], output: [...outputs], ...attributes };
  return { ...signature, node: f.nodes.map(nodeInit), opsetImport };
}

type FullSpec = ModelSpec & {
  readonly functions?: readonly FunctionSpec[];
  readonly metadata?: readonly (readonly [string, string])[];
};

/** Writes a model and reads it back. */
export function roundTrip(spec: FullSpec, options?: ReadOptions): Model {
  const { functions = [], metadata = [] } = spec;
  const metadataProps = metadata.map(([key, value]) => ({ key, value }));
  return parseModel(writeModel(spec, { functions: functions.map(functionInit), metadataProps }), options);
}

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
