// `npm run fuzz:schedules -- --variants N`: random models under random legal schedules (test/property/schedules.ts) on
// one or more targets beside the interpreter of the unscheduled program; every difference is printed with its seed and
// counted. Ends with exit code 1 when there is one.
import { Command } from 'commander';
import { resetExprs } from '../src/3-tile/expr.ts';
import { nodeBackend } from '../src/backends/node.ts';
import type { TensorData } from '../src/ir/tensor.ts';
import { silent } from '../src/observe.ts';
import { firstDifference, runOn } from '../test/property/differential.ts';
import type { RandomModel } from '../test/property/random-model.ts';
import { scheduledBackend, scheduledModel } from '../test/property/schedules.ts';

interface Options {
  readonly variants: string;
  readonly seed: string;
  readonly size: string;
  readonly schedules: string;
  readonly targets: string;
}

async function difference(m: RandomModel, want: readonly TensorData[], target: string, seed: number) {
  try {
    return firstDifference(await runOn(m, scheduledBackend(await nodeBackend(target), seed, silent)), want, m.exact);
  } catch (error) {
    return `crash: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function main(o: Options): Promise<void> {
  const [variants, first, size, schedules] = [o.variants, o.seed, o.size, o.schedules].map(Number);
  const started = performance.now();
  let differences = 0;
  for (let done = 0; done < variants; ) {
    // A variant is a seed: schedules of one model are consecutive, and share what the interpreter gives.
    const model = Math.floor((first + done) / schedules);
    const m = scheduledModel(model, size);
    const want = await runOn(m, await nodeBackend('interpreter'));
    do {
      const seed = first + done;
      for (const target of o.targets.split(',')) {
        const found = await difference(m, want, target, seed);
        if (found) console.log(`seed ${seed} on ${target}: ${found}`);
        differences += found ? 1 : 0;
      }
      done++;
    } while (done < variants && (first + done) % schedules > 0);
    resetExprs();
    if (process.stderr.isTTY) process.stderr.write(`\r${done} variants, ${differences} differences`);
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(`${variants} variants, ${differences} differences, ${seconds.toFixed(0)} s`);
  process.exitCode = differences > 0 ? 1 : 0;
}

await new Command('fuzz:schedules')
  .option('--variants <n>', 'number of models under one schedule each', '2000')
  .option('--seed <n>', 'first variant; it alone says model and schedule', '0')
  .option('--size <n>', 'operators per model that is made of any', '8')
  .option('--schedules <n>', 'schedules in a row of one model', '4')
  .option('--targets <list>', 'targets to compare with the interpreter', 'wasm')
  .action(main)
  .parseAsync();
