// Kernels by themselves: what the interpreter makes of one. In: a kernel and contents of its parameters. Out: their
// contents after the call, for comparison with what targets make of it.
import { interpretTasks } from '../src/3-tile/interpret.ts';
import type { Kernel } from '../src/3-tile/task.ts';
import type { TensorData } from '../src/ir/tensor.ts';

/** The contents of every argument after the call; arguments are given by value. */
export function interpretKernel(kernel: Kernel, args: readonly TensorData[]): TensorData[] {
  const { params } = kernel;
  const plan = { constantBytes: 0, arenaBytes: 0, places: new Map() };
  const whole = { kernels: [kernel], plan, inputs: params, outputs: params, constants: [], checks: [] };
  return interpretTasks({ ...whole, lanes: [[{ kind: 'run', kernel, args: params }]] }, args);
}
