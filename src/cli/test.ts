// `tilewright test DIR…`: runs cases in ONNX's backend-test form on one target and compares outputs.
import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import type { RunValue } from '../6-runtime/plan.ts';
import type { Backend } from '../backends/backend.ts';
import { nodeBackend } from '../backends/node.ts';
import { runModel } from '../compile.ts';
import type { Model } from '../ir/graph.ts';
import { readModel } from '../node.ts';
import { operatorRegistry } from '../ops/registry.ts';
import { TilewrightError } from '../support/errors.ts';
import type { DataSet, IndexEntry, TestCase } from './cases.ts';
import { findCases, findIndex, rampInput, readIndex, readValue, toleranceOf } from './cases.ts';
import { type Comparison, compareValues } from './compare.ts';
import { boundShape, storedInputs } from './inputs.ts';
import { type Options, SHARED } from './options.ts';

type TestOptions = Omit<Options, 'json'> & Partial<Record<'json' | 'index' | 'filter', string>> & { verbose?: boolean };
type CaseResult = { name: string; status: 'passed' | 'failed' | 'skipped'; reason: string } & Figures;
type Figures = Record<'maxUlp' | 'maxAbs' | 'kernels' | 'ms', number>;
type Comparing = Readonly<{ model: Model; options: TestOptions; index: IndexEntry | undefined }>;

export function testCommand(): Command {
  return new Command('test')
    .description("run cases in ONNX's backend-test form and compare their outputs")
    .argument('<dir...>', 'folders with model.onnx and test_data_set_N, searched recursively')
    .addOption(SHARED.target())
    .addOption(SHARED.rtol())
    .addOption(SHARED.atol().default('1e-7'))
    .option('--index <file>', 'INDEX.json with tolerances per output (default: the nearest above the case)')
    .option('--filter <regex>', 'only cases whose path matches')
    .option('--verbose', 'a line per case')
    .option('--json <file>', 'write {cases:[{name,status,reason,maxUlp,maxAbs,kernels}]}')
    .action(async (dirs: string[], options: TestOptions) => {
      process.exitCode = await runTests(dirs, options);
    });
}

async function runTests(dirs: readonly string[], options: TestOptions): Promise<number> {
  const backend = await nodeBackend(options.target);
  const filter = options.filter ? new RegExp(options.filter) : null;
  const cases = findCases(dirs).filter((c) => !filter || filter.test(c.name));
  const indices = new Map<string, ReturnType<typeof readIndex>>();
  const results: CaseResult[] = [];
  for (const c of cases) {
    const file = options.index ?? findIndex(path.dirname(c.model));
    if (file && !indices.has(file)) indices.set(file, readIndex(file));
    const started = performance.now();
    const result = await runCase(c, backend, options, file ? indices.get(file)!(c.name) : undefined);
    result.ms = performance.now() - started;
    results.push(result);
    if (options.verbose || result.status === 'failed') {
      console.log(`${result.status.padEnd(7)} ${result.name}${result.reason ? `: ${result.reason}` : ''}`);
    }
  }
  const written = JSON.stringify({ target: options.target, cases: results }, null, 1);
  if (options.json) fs.writeFileSync(options.json, `${written}\n`);
  const count = (s: CaseResult['status']): number => results.filter((r) => r.status === s).length;
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  return count('failed') > 0 ? 1 : 0;
}

async function runCase(c: TestCase, backend: Backend, options: TestOptions, index?: IndexEntry): Promise<CaseResult> {
  const result: CaseResult = { name: c.name, status: 'passed', reason: '', maxUlp: 0, maxAbs: 0, kernels: 0, ms: 0 };
  const skip = (reason: string): CaseResult => Object.assign(result, { status: 'skipped', reason });
  try {
    const model = readModel(c.model);
    const sets = c.sets();
    if (sets.length === 0) return skip('no test data beside the model');
    const random = !index?.sets && isRandom(model);
    if (random) skip('runs, but depends on a random generator: not compared');
    for (const set of sets) {
      const feeds = feedsOf(model, set);
      if (!feeds) return skip(`${set.name}: an input is not stored`);
      const { results, figures } = await runModel(model, backend, feeds);
      result.kernels = Math.max(result.kernels, figures.kernels);
      if (!random) compareSet(set, { model, options, index }, results, result);
    }
  } catch (error) {
    const refused = error instanceof TilewrightError;
    result.status = refused && isExcluded(error) ? 'skipped' : 'failed';
    result.reason = refused ? error.message.replaceAll('\n', ' ') : `crash: ${(error as Error).stack ?? error}`;
  }
  return result;
}

/** Refusals that are policy: excluded operators, and text. */
function isExcluded(error: TilewrightError): boolean {
  if (error.code === 'UNSUPPORTED_OPERATOR') return error.message.includes('is not supported:');
  return error.code === 'UNSUPPORTED_TYPE' && error.message.includes('string');
}

/** True when a result depends on a random generator: it runs, but is not compared. */
function isRandom(model: Model): boolean {
  const registry = operatorRegistry();
  return model.graph.nodes.some((n) => registry.find(n.domain, n.op, n.version)?.pure === false);
}

/** What is stored, or element i of n is i/n; undefined when one that is needed is not stored. */
function feedsOf(model: Model, { inputs }: DataSet): (RunValue | null)[] | undefined {
  if (inputs) return storedInputs(model, inputs);
  const { inputs: fed, constants } = model.graph;
  return fed.map((v) => (constants.has(v) ? null : rampInput(boundShape(v, { dim: [] }))));
}

function compareSet(set: DataSet, c: Comparing, got: readonly RunValue[], result: CaseResult): void {
  for (const { index: k, file, sample } of set.outputs) {
    const found = set.inputs && c.index && toleranceOf(c.index, set.name, k);
    if (found === null && set.inputs) continue;
    const tol = found ?? { rtol: Number(c.options.rtol), atol: Number(c.options.atol) };
    const declared = c.model.graph.outputs[k]?.type;
    const as = { sample, declared: declared?.kind === 'tensor' ? declared.dtype : undefined };
    note(result, `${set.name} output ${k}`, compareValues(got[k], readValue(file, declared), tol, as));
  }
}

function note(result: CaseResult, what: string, c: Comparison): void {
  if (!Number.isNaN(c.maxAbs)) result.maxAbs = Math.max(result.maxAbs, c.maxAbs);
  if (!Number.isNaN(c.maxUlp)) result.maxUlp = Math.max(result.maxUlp, c.maxUlp);
  if (c.ok || result.status === 'failed') return;
  result.status = 'failed';
  result.reason = `${what}: ${c.reason}`;
}
