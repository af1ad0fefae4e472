// `tilewright verify MODEL`: the same inputs through several targets and, on request, another runtime; compares every
// output, or every intermediate value, and names the first that departs.
import fs from 'node:fs';
import type { Command } from 'commander';
import { isTensorValue, type RunValue } from '../6-runtime/plan.ts';
import { nodeBackend } from '../backends/node.ts';
import { runModel } from '../compile.ts';
import type { Model, Value } from '../ir/graph.ts';
import { readModel } from '../node.ts';
import { printable } from '../support/errors.ts';
import { type Comparison, compareTensors } from './compare.ts';
import { gatherInputs } from './inputs.ts';
import { modelCommand, type Options, report } from './options.ts';
import { loadPeer, nameFeeds } from './peers.ts';

type Difference = Comparison & Readonly<{ value: string; between: string }>;
type VerifyOptions = Options & { intermediates?: boolean };

export function verifyCommand(): Command {
  const shared = ['target', 'against', 'input', 'shapes', 'dim', 'rtol', 'atol', 'json'] as const;
  const about = 'compare targets (several separated by commas), the interpreter and other runtimes on the same inputs';
  return modelCommand('verify', about, shared)
    .option('--intermediates', 'compare every intermediate tensor, in order')
    .action(async (file: string, options: VerifyOptions) => {
      const differences = await verifyModel(file, options);
      report({ model: file, differences }, options, () => print(differences));
      process.exitCode = differences.every((d) => d.ok) ? 0 : 1;
    });
}

/** The model with its intermediate tensors as outputs. */
function exposing(model: Model): Model {
  const outputs = new Set<Value>(model.graph.nodes.flatMap((n) => n.outputs.filter((v): v is Value => v !== null)));
  for (const v of model.graph.outputs) outputs.add(v);
  return { ...model, graph: { ...model.graph, outputs: [...outputs] } };
}

async function verifyModel(file: string, options: VerifyOptions): Promise<Difference[]> {
  const original = readModel(file);
  const model = options.intermediates ? exposing(original) : original;
  const feeds = gatherInputs(model, file, options);
  const names = model.graph.outputs.map((v) => v.name);
  const runOn = async (target: string) => (await runModel(model, await nodeBackend(target), feeds)).results;
  const reference = await runOn('interpreter');
  const tolerance = { rtol: Number(options.rtol), atol: Number(options.atol) };
  const differences: Difference[] = [];
  const compare = (value: string, between: string, got: RunValue | undefined, want: RunValue | undefined): void => {
    if (!got || !want || !isTensorValue(got) || !isTensorValue(want)) return;
    differences.push({ value, between, ...compareTensors(got, want, tolerance) });
  };
  for (const target of options.target.split(',').filter((t) => t !== 'interpreter')) {
    const got = await runOn(target);
    for (const [i, name] of names.entries()) compare(name, `${target} and interpreter`, got[i], reference[i]);
  }
  for (const name of options.against?.split(',') ?? []) {
    // Optimisations would change intermediate values and the rounding of results.
    const peer = await loadPeer(name, file, fs.readFileSync(file), { threads: 1, optimise: false });
    const theirs = await peer.run(nameFeeds(original, feeds));
    await peer.release();
    for (const [i, n] of names.entries()) compare(n, `interpreter and ${peer.name}`, reference[i], theirs[n]);
  }
  return differences;
}

function print(differences: readonly Difference[]): void {
  for (const { ok, value, between, maxAbs, maxUlp, reason } of differences) {
    const figures = `max abs ${maxAbs.toExponential(2)}, max ULP ${maxUlp}`;
    console.log(`${ok ? 'same   ' : 'DIFFERS'} ${printable(value)} (${between}): ${figures}${reason && `; ${reason}`}`);
  }
  const first = differences.find((d) => !d.ok);
  if (first) console.log(`first departure: ${printable(first.value)} (${first.between})`);
  else console.log(`${differences.length} values agree`);
}
