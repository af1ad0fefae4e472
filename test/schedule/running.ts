// A model built in a test, run on one target: its results, and the text of the kernels that it becomes there.
import { feedType, Plan } from '../../src/6-runtime/plan.ts';
import { targetBackend } from '../../src/backends/backend.ts';
import { nodeBackend } from '../../src/backends/node.ts';
import { modelCompiler, parseModel } from '../../src/compile.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { type TensorData, tensorValues } from '../../src/ir/tensor.ts';
import type { ModelBuilder } from '../../src/web/build.ts';
import { printKernel } from '../../src/web/text/print.ts';

export interface Ran {
  readonly values: number[];
  readonly dims: readonly number[];
  /** One per kernel; none of the interpreter. */
  readonly kernels: readonly string[];
}

/** The first result of the model for these feeds, in order. */
export async function run(target: string, model: ModelBuilder, feeds: readonly TensorData[]): Promise<Ran> {
  const backend = await nodeBackend(target);
  const { machine, observer, launch } = backend;
  let kernels: string[] = [];
  const looking = machine && {
    ...machine,
    target: {
      ...machine.target,
      emit: (...[program, options]: Parameters<typeof machine.target.emit>) => {
        kernels = program.kernels.map(printKernel);
        return machine.target.emit(program, options);
      },
    },
  };
  const used = looking ? targetBackend(looking, observer, launch!) : backend;
  const plan = new Plan(modelCompiler(parseModel(model.toBytes()), used, DEFAULT_LIMITS), feeds.map(feedType));
  const [result] = await plan.run(feeds);
  plan.dispose();
  const data = result as TensorData;
  return { values: tensorValues(data) as number[], dims: data.shape, kernels };
}
