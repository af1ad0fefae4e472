// `npm run bench:quality`: how well the cost model ranks register tiles. Each case is compiled with the first ten tiles
// that the roller ranks for the operator that computes most, and each program is timed, interleaved. Writes
// bench/results/quality-TARGET.json: the first against the best, the share within 10 %, and Spearman's rank correlation.
import { Command } from 'commander';
import { pointsOf, type TileOp } from '../src/3-tile/tile-op.ts';
import { rankedTiles } from '../src/4-schedule/roller/choose.ts';
import type { ScheduleOptions } from '../src/4-schedule/schedule.ts';
import type { Plan } from '../src/6-runtime/plan.ts';
import { targetBackend } from '../src/backends/backend.ts';
import { nodeBackend } from '../src/backends/node.ts';
import { planFor } from '../src/compile.ts';
import { readModel } from '../src/node.ts';
import { MACHINE, saveResult } from './machine.ts';
import { OP_CASES, type OpCase } from './op-cases.ts';
import { median, spearman, timed } from './statistics.ts';

type Choose = NonNullable<ScheduleOptions['choose']>;

interface Row {
  readonly name: string;
  readonly candidates: number;
  /** Milliseconds of the first candidate and of the fastest, and which that is, from 0. */
  readonly first: number;
  readonly best: number;
  readonly bestAt: number;
  readonly ratio: number;
  /** Between the order of the cost model and that of the times; null for fewer than three candidates. */
  readonly correlation: number | null;
}

interface Options {
  readonly target: string;
  readonly filter?: string;
  readonly seconds: string;
  readonly candidates: string;
  readonly save: boolean;
}

const workOf = (op: TileOp): number => pointsOf([...op.axes, ...(op.reduce?.axes ?? [])]);

/** Picks the `nth` tile for operators of the most work, the first for others; says how many there were. */
function picking(nth: number, most: { work: number; candidates: number }): Choose {
  return (op, device, origins) => {
    const ranked = rankedTiles(op, device, origins);
    if (workOf(op) > most.work) [most.work, most.candidates] = [workOf(op), ranked.length];
    return ranked[workOf(op) === most.work ? Math.min(nth, ranked.length - 1) : 0].tile;
  };
}

async function prepared(c: OpCase, target: string, choose: Choose): Promise<Plan> {
  const { machine, observer, launch } = await nodeBackend(target);
  const model = readModel(c.bytes);
  const feeds = model.graph.inputs.map((v) => c.feeds[v.name] ?? null);
  const plan = planFor(model, targetBackend({ ...machine!, choose }, observer, launch!), feeds);
  await plan.prepare();
  return plan;
}

async function runCase(c: OpCase, o: Options): Promise<Row> {
  const feeds = readModel(c.bytes).graph.inputs.map((v) => c.feeds[v.name] ?? null);
  const most = { work: 0, candidates: 0 };
  const plans = [await prepared(c, o.target, picking(0, most))];
  const count = Math.min(Number(o.candidates), most.candidates);
  for (let i = 1; i < count; i++) plans.push(await prepared(c, o.target, picking(i, most)));
  const times = plans.map((): number[] => []);
  for (let i = 0; i < 3; i++) for (const p of plans) await p.run(feeds);
  const end = performance.now() + Number(o.seconds) * 1000;
  for (let i = 0; i < 5 || (performance.now() < end && i < 400); i++) {
    for (const [k, p] of plans.entries()) times[k].push(await timed(() => p.run(feeds)));
  }
  for (const p of plans) p.dispose();
  const ms = times.map(median);
  const best = Math.min(...ms);
  const correlation =
    ms.length < 3
      ? null
      : spearman(
          ms.map((_, i) => i),
          ms,
        );
  const bestAt = ms.indexOf(best);
  return { name: c.name, candidates: ms.length, first: ms[0], best, bestAt, ratio: ms[0] / best, correlation };
}

async function main(o: Options): Promise<void> {
  const rows: Row[] = [];
  for (const [name, make] of OP_CASES) {
    if (o.filter && !new RegExp(o.filter).test(name)) continue;
    const row = await runCase(make(), o);
    rows.push(row);
    const rank = row.correlation === null ? '–' : row.correlation.toFixed(2);
    const times = `first ${row.first.toFixed(3)} ms  best ${row.best.toFixed(3)} ms (${row.bestAt + 1} of ${row.candidates})`;
    console.log(`${name.padEnd(18)} ${times}  ratio ${row.ratio.toFixed(2)}  rank correlation ${rank}`);
  }
  const within = rows.filter((r) => r.ratio <= 1.1).length / rows.length;
  const known = rows.flatMap((r) => (r.correlation === null ? [] : [r.correlation]));
  const correlation = known.length > 0 ? median(known) : null;
  console.log(`${rows.length} cases, ${(100 * within).toFixed(0)} % within 10 % of the best`);
  if (!o.save) return;
  saveResult({ suite: `quality-${o.target}`, ...MACHINE, within10: within, correlation, rows });
}

await new Command('bench:quality')
  .option('--target <target>', 'c or wasm', 'c')
  .option('--filter <regex>', 'only these cases')
  .option('--seconds <s>', 'time per case', '4')
  .option('--candidates <n>', 'tiles per case', '10')
  .option('--no-save', 'do not write bench/results')
  .action(main)
  .parseAsync();
