// The process in which `npm run bench:models` measures one model: compiled cold, compared with a peer on the same
// inputs, then timed beside it. In: a Job as argument. Out: a ModelRow as message to the parent; what fails is said in
// the row.
import fs from 'node:fs';
import path from 'node:path';
import { figuresOf, isTensorValue, type Plan, type RunValue } from '../src/6-runtime/plan.ts';
import { nodeBackend } from '../src/backends/node.ts';
import { toleranceOf } from '../src/cli/cases.ts';
import { compareTensors } from '../src/cli/compare.ts';
import { loadPeer, nameFeeds, type Peer } from '../src/cli/peers.ts';
import { planFor } from '../src/compile.ts';
import { type TensorData, tensorNumbers } from '../src/ir/tensor.ts';
import { WEIGHTS } from './material.ts';
import { median, timed } from './statistics.ts';
import { type Named, type Subject, subject } from './subject.ts';

export interface Job extends Named {
  readonly target: string;
  readonly peer: string;
  readonly seconds: number;
  /** Alternatives of a kernel to time as it is compiled, at most. */
  readonly measure: number;
}

export interface ModelRow {
  readonly group: string;
  readonly name: string;
  /** Medians in ms, and theirs / ours; null where there are none. */
  ours: number | null;
  theirs: number | null;
  ratio: number | null;
  /** Ms from the model's graph to a loaded program, nothing cached. */
  compileMs: number | null;
  kernels: number | null;
  arenaBytes: number | null;
  /** Null: not compared, because a result is random or there is only one. */
  agrees: boolean | null;
  /** What failed, or how the results differ. */
  error?: string;
  peerVersion?: string;
}

/** Compiles, and runs once: the rest of a model whose extents depend on data is compiled by then. */
async function compiled(plan: Plan, { feeds }: Subject, row: ModelRow): Promise<readonly RunValue[]> {
  let compileMs = await timed(() => plan.prepare());
  const before = plan.executables.length;
  let results: readonly RunValue[] = [];
  const firstRun = await timed(async () => void (results = await plan.run(feeds)));
  if (plan.executables.length > before) compileMs += firstRun;
  const { arenaBytes, kernels } = figuresOf(plan.executables);
  Object.assign(row, { compileMs, arenaBytes, kernels });
  return results;
}

/**
 * Relative to an element, and to the largest. Runtimes round after different operators: 16-bit floats (2^-11) a few
 * roundings apart over a network; bytes by a step of their scale (2^-6 of the largest) in some elements, which later
 * steps spread.
 */
const TOLERANCES: Readonly<Record<string, readonly [rtol: number, atol: number]>> = {
  half: [1e-2, 5e-3],
  int8: [5e-2, 5e-2],
};

/** How the peer's results differ from ours, '' where they agree; null where nothing can be compared. */
function difference(
  group: string,
  s: Subject,
  ours: readonly RunValue[],
  theirs: Readonly<Record<string, TensorData>>,
) {
  let compared = 0;
  const [rtol, atol] = TOLERANCES[group] ?? [1e-3, 1e-4];
  for (const [i, { name }] of s.model.graph.outputs.entries()) {
    const got = ours[i];
    const given = s.index && toleranceOf(s.index, 'test_data_set_0', i);
    if (given === null || !theirs[name] || !isTensorValue(got) || got.dtype === 'string') continue;
    const largest = tensorNumbers(theirs[name]).reduce(
      (m, x) => (Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m),
      0,
    );
    const { ok, reason } = compareTensors(got, theirs[name], given ?? { rtol, atol: atol * largest });
    if (!ok) return `output ${name}: ${reason}`;
    compared++;
  }
  return compared > 0 ? '' : null;
}

/** At least three interleaved rounds behind the warm-up, and as many as fit. */
async function measure(runs: readonly (() => Promise<unknown>)[], seconds: number): Promise<number[]> {
  const times: number[][] = runs.map(() => []);
  const warm = performance.now() + 250 * seconds;
  do for (const run of runs) await run();
  while (performance.now() < warm);
  const end = performance.now() + 1000 * seconds;
  for (let round = 0; round < 3 || (performance.now() < end && round < 1000); round++) {
    for (const [i, run] of runs.entries()) times[i].push(await timed(run));
  }
  return times.map(median);
}

async function peerFor(job: Job, { file }: Subject, optimise: boolean): Promise<Peer> {
  const weights = path.join(job.dir, WEIGHTS);
  // Natively the peer reads the file itself.
  const needed = job.target === 'wasm' && fs.existsSync(weights);
  const externalData = needed ? [{ path: WEIGHTS, data: fs.readFileSync(weights) }] : [];
  return loadPeer(job.peer, file, fs.readFileSync(file), { threads: 1, optimise, externalData });
}

/** What went wrong, on one line, without paths of the machine that a peer was built on. */
const reasonOf = (error: unknown): string =>
  String((error as Error)?.message ?? error)
    .replace(/(?<=^|\s)(\/[\w.+-]+){2,}/g, '…')
    .replace(/\s+/g, ' ');

async function runModel(job: Job, row: ModelRow): Promise<void> {
  const s = subject(job);
  const plan = planFor(s.model, await nodeBackend(job.target, { measure: job.measure }), s.feeds);
  const results = await compiled(plan, s, row);
  const own = (): Promise<unknown> => plan.run(s.feeds);
  try {
    const peer = await peerFor(job, s, true);
    row.peerVersion = peer.version;
    const named = nameFeeds(s.model, s.feeds);
    const compared = async (p: Peer) => difference(job.group, s, results, await p.run(named));
    const differs = await compared(peer);
    // A branch on a rounding may go another way in what the peer makes of the model: as written it has the last word.
    const optimised = differs ? (await compared(await peerFor(job, s, false))) === '' : false;
    row.agrees = differs === null ? null : differs === '' || optimised;
    if (differs) row.error = optimised ? `only without the peer's own optimisations: ${differs}` : differs;
    const [ours, theirs] = await measure([own, () => peer.time(named)], job.seconds);
    Object.assign(row, { ours, theirs, ratio: theirs / ours });
  } catch (error) {
    row.error = `${job.peer}: ${reasonOf(error)}`;
    [row.ours] = await measure([own], job.seconds);
  }
}

const job = JSON.parse(process.argv[2]) as Job;
const nothing = {
  ours: null,
  theirs: null,
  ratio: null,
  compileMs: null,
  kernels: null,
  arenaBytes: null,
  agrees: null,
};
const row: ModelRow = { group: job.group, name: job.name, ...nothing };
await runModel(job, row).catch((error) => {
  row.error = reasonOf(error);
});
process.send!(row, () => process.exit());
