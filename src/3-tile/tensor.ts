// A tensor of the tile stage: static shape, storage type, role. Buffers are assigned later by the
// memory plan; a view shares the bytes of its base in row-major order (a reshape costs nothing).
import type { DType } from '../ir/dtype.ts';
import type { TensorData } from '../ir/tensor.ts';

export type TensorRole = 'input' | 'output' | 'constant' | 'temp';

export interface TileTensor {
  readonly id: number;
  /** For messages and text dumps only. */
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Mutable: a temp that turns out to be a program output changes role. */
  role: TensorRole;
  /** Only for constants. */
  readonly data: TensorData | null;
  /** The tensor whose bytes this one reinterprets, or null. Mutable: what an output turns out to be a view of, views it. */
  base: TileTensor | null;
}

let nextTensor = 1;

export function newTensor(
  name: string,
  dtype: DType,
  shape: readonly number[],
  role: TensorRole,
  extra: { data?: TensorData; base?: TileTensor } = {},
): TileTensor {
  const { data = null, base = null } = extra;
  return { id: nextTensor++, name, dtype, shape: Object.freeze([...shape]), role, data, base };
}

/** The tensor that owns the bytes. */
export function owner(t: TileTensor): TileTensor {
  let o = t;
  while (o.base) o = o.base;
  return o;
}
