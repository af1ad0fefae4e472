// Short ways to write the attributes of nodes that tests describe.

import type { TensorData } from '../src/ir/tensor.ts';
import type { AttrSpec, GraphSpec } from '../src/web/write.ts';

export const attr = {
  int: (value: number | bigint): AttrSpec => ({ kind: 'int', value: BigInt(value) }),
  ints: (value: readonly (number | bigint)[]): AttrSpec => ({ kind: 'ints', value: value.map(BigInt) }),
  float: (value: number): AttrSpec => ({ kind: 'float', value }),
  floats: (value: readonly number[]): AttrSpec => ({ kind: 'floats', value }),
  string: (value: string): AttrSpec => ({ kind: 'string', value }),
  tensor: (value: TensorData): AttrSpec => ({ kind: 'tensor', value }),
  graph: (value: GraphSpec): AttrSpec => ({ kind: 'graph', value }),
  ref: (value: string): AttrSpec => ({ kind: 'ref', value }),
};
