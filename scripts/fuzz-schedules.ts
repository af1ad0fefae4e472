// `npm run fuzz:schedules -- --variants N`: random models under random legal schedules (test/property/schedules.ts) on
// one or more targets beside the interpreter of the unscheduled program; every difference is printed with the options
// that repeat it and counted. Ends with exit code 1 when there is one.
import { Command } from 'commander';
import { nodeBackend } from '../src/backends/node.ts';
import { compared, PER_MODEL } from '../test/property/schedules.ts';

interface Options {
  readonly variants: string;
  readonly seed: string;
  readonly size: string;
  readonly targets: string;
}

async function main(o: Options): Promise<void> {
  const [variants, first, size] = [o.variants, o.seed, o.size].map(Number);
  const started = performance.now();
  const targets = o.targets.split(',');
  const backends = await Promise.all(targets.map((name) => nodeBackend(name)));
  let [done, others, differences] = [0, 0, 0];
  while (done < variants) {
    const from = first + done;
    const model = Math.floor(from / PER_MODEL);
    const length = Math.min((model + 1) * PER_MODEL - from, variants - done);
    const seeds = Array.from({ length }, (_, i) => from + i);
    for (const backend of backends) {
      for (const { seed, difference, other } of await compared(model, seeds, backend, size)) {
        const options = `--seed ${seed} --variants 1 --size ${size} --targets ${backend.name}`;
        if (difference) console.log(`${options}: ${difference}`);
        differences += difference ? 1 : 0;
        others += other ? 1 : 0;
      }
    }
    done += length;
    if (process.stderr.isTTY) process.stderr.write(`\r${done} variants, ${differences} differences`);
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const share = ((100 * others) / (variants * backends.length)).toFixed(1);
  console.log(
    `${variants} variants, ${share} % by other code than the usual, ${differences} differences, ${seconds} s`,
  );
  process.exitCode = differences > 0 ? 1 : 0;
}

await new Command('fuzz:schedules')
  .option('--variants <n>', 'number of models under one schedule each', '2000')
  .option('--seed <n>', 'first variant; it says model and schedule', '0')
  .option('--size <n>', 'operators per model that is made of any', '8')
  .option('--targets <list>', 'targets to compare with the interpreter', 'wasm')
  .action(main)
  .parseAsync();
