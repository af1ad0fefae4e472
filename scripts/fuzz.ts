// `npm run fuzz -- --graphs N`: random models through the interpreter, wasm and C; every difference
// is printed with its seed and counted. Ends with exit code 1 when there is one.
import { Command } from 'commander';
import { resetExprs } from '../src/3-tile/expr.ts';
import { nodeBackend } from '../src/backends/node.ts';
import { firstDifference, runOn } from '../test/property/differential.ts';
import { joined, type RandomModel, randomModel } from '../test/property/random-model.ts';

const BATCH = 40;

interface Options {
  graphs: string;
  seed: string;
  size: string;
  targets: string;
}

async function compare(m: RandomModel, target: string): Promise<string | null> {
  try {
    const want = await runOn(m, await nodeBackend('interpreter'));
    return firstDifference(await runOn(m, await nodeBackend(target)), want, m.exact);
  } catch (error) {
    return `crash: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Batches pay one native compilation; a differing batch is taken apart to name the seed. */
async function compareBatch(seeds: readonly number[], target: string, size: number): Promise<string[]> {
  const models = seeds.map((s) => randomModel(s, size));
  if (target === 'c' && (await compare(joined(models), target)) === null) return [];
  const found: string[] = [];
  for (let i = 0; i < models.length; i++) {
    const difference = await compare(models[i], target);
    if (difference) found.push(`seed ${seeds[i]} on ${target}: ${difference}`);
  }
  return found;
}

async function main(o: Options): Promise<void> {
  const [graphs, first, size] = [Number(o.graphs), Number(o.seed), Number(o.size)];
  const started = performance.now();
  let differences = 0;
  for (let done = 0; done < graphs; done += BATCH) {
    const seeds = Array.from({ length: Math.min(BATCH, graphs - done) }, (_, i) => first + done + i);
    for (const target of o.targets.split(',')) {
      for (const line of await compareBatch(seeds, target, size)) {
        console.log(line);
        differences++;
      }
    }
    resetExprs();
    if (process.stderr.isTTY) process.stderr.write(`\r${done + seeds.length} graphs, ${differences} differences`);
  }
  const seconds = (performance.now() - started) / 1000;
  console.log(`${graphs} graphs, ${differences} differences, ${seconds.toFixed(0)} s`);
  process.exitCode = differences > 0 ? 1 : 0;
}

await new Command('fuzz')
  .option('--graphs <n>', 'number of random models', '2000')
  .option('--seed <n>', 'first seed', '1')
  .option('--size <n>', 'operators per model', '8')
  .option('--targets <list>', 'targets to compare with the interpreter', 'wasm,c')
  .action(main)
  .parseAsync();
