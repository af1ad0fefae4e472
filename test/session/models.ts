// Small models for session tests, built as graph nouns and written as ONNX bytes.

import type { Dim } from '../../src/ir/dim.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { type Attr, type Node, newValue, tensorType, type Value } from '../../src/ir/graph.ts';
import type { TensorData } from '../../src/ir/tensor.ts';
import { type AttrSpec, writeModel } from '../../src/web/write.ts';

export const input = (name: string, dtype: DType, shape?: readonly Dim[]): Value =>
  newValue(name, tensorType(dtype, shape));

export function node(
  op: string,
  inputs: readonly (Value | null)[],
  outputs: readonly Value[],
  attrs: Readonly<Record<string, Attr>> = {},
): Node {
  return { domain: '', op, version: 28, name: `${op}_node`, inputs, outputs, attrs: new Map(Object.entries(attrs)) };
}

const spec = (v: Value): { name: string; type?: NonNullable<Value['type']> } =>
  v.type ? { name: v.name, type: v.type } : { name: v.name };
const names = (vs: readonly (Value | null)[]): string[] => vs.map((v) => v?.name ?? '');

export function bytesOf(
  inputs: readonly Value[],
  outputs: readonly Value[],
  nodes: readonly Node[],
  constants: readonly (readonly [Value, TensorData])[] = [],
): Uint8Array {
  return writeModel({
    graph: {
      inputs: inputs.map(spec),
      outputs: outputs.map(spec),
      nodes: nodes.map((n, i) => ({
        op: n.op,
        name: `${n.name}_${i}`,
        inputs: names(n.inputs),
        outputs: names(n.outputs),
        attrs: Object.fromEntries(n.attrs) as Record<string, AttrSpec>,
      })),
      initializers: constants.map(([v, t]) => [v.name, t] as const),
    },
  });
}
