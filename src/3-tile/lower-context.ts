// Lowering's view of a node: tile tensors with numeric shapes, and a builder to emit into. The type
// of every operator's `lower`.
import { NodeView } from '../2-graph/operator.ts';
import type { StaticOpNode } from '../2-graph/static.ts';
import type { DType } from '../ir/dtype.ts';
import { type TensorData, tensorNumbers } from '../ir/tensor.ts';
import type { TileBuilder } from './builder.ts';
import type { TileTensor } from './tensor.ts';

export type Lowering = (c: LowerContext) => readonly (TileTensor | null)[];

export class LowerContext extends NodeView<TileTensor> {
  readonly b: TileBuilder;
  private readonly node: StaticOpNode;

  constructor(node: StaticOpNode, tensors: readonly (TileTensor | null)[], b: TileBuilder) {
    super({ ...node, op: node.operator.name, numOutputs: node.outputs.length }, tensors);
    this.node = node;
    this.b = b;
  }

  /** True when output i is used. */
  wants = (i: number): boolean => this.node.outputs[i] != null;
  tensor = (i: number): TileTensor => this.input(i);
  shape = (i: number): readonly number[] => this.tensor(i).shape;
  dtype = (i: number): DType => this.tensor(i).dtype;
  rank = (i: number): number => this.shape(i).length;
  /** Inferred type of output i; of output 0 it always exists. */
  outShape = (i = 0): readonly number[] => this.node.outputs[i]!.shape;
  outDtype = (i = 0): DType => this.node.outputs[i]!.dtype;
  /** Contents of a constant input, or null. */
  maybeValue = (i: number): TensorData | null => this.node.inputs[i]?.constant ?? null;
  /** Contents of an input that inference has already asked for. */
  value(i: number): TensorData {
    return this.maybeValue(i) ?? this.fail(`input ${i} is not known at compile time`, undefined, 'INTERNAL');
  }
  numbers = (i: number): number[] => tensorNumbers(this.value(i));
}
