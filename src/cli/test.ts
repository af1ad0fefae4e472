// `tilewright test DIR…`: runs cases in ONNX's backend-test form on one target and compares outputs.
import fs from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { parseModel } from '../1-frontend/onnx/index.ts';
import { nodeFiles } from '../1-frontend/onnx/node-files.ts';
import { feedType, isTensorValue, Plan, type RunValue } from '../6-runtime/plan.ts';
import type { Backend } from '../backends/backend.ts';
import { nodeBackend } from '../backends/node.ts';
import { modelCompiler } from '../compile.ts';
import type { Model, ValueType } from '../ir/graph.ts';
import { DEFAULT_LIMITS } from '../ir/limits.ts';
import { operatorRegistry } from '../ops/registry.ts';
import { TilewrightError } from '../support/errors.ts';
import { findCases, listValues, rampInput, readValue, type TestCase } from './cases.ts';
import { type Comparison, compareTensors, type Tolerance } from './compare.ts';
import { type CaseIndex, findIndex, IndexFile } from './index-file.ts';

interface Options {
  target: string;
  rtol: string;
  atol: string;
  verbose?: boolean;
  json?: string;
  index?: string;
  filter?: string;
}
interface CaseResult {
  name: string;
  status: 'passed' | 'failed' | 'skipped';
  reason: string;
  maxUlp: number;
  maxAbs: number;
  kernels: number;
  ms: number;
}

export function testCommand(): Command {
  return new Command('test')
    .description("run cases in ONNX's backend-test form and compare their outputs")
    .argument('<dir...>', 'folders with model.onnx and test_data_set_N, searched recursively')
    .option('--target <target>', 'interpreter, wasm or c', 'wasm')
    .option('--rtol <number>', 'relative tolerance where no INDEX.json gives one', '1e-3')
    .option('--atol <number>', 'absolute tolerance where no INDEX.json gives one', '1e-7')
    .option('--index <file>', 'INDEX.json with tolerances per output (default: the nearest above the case)')
    .option('--filter <regex>', 'only cases whose path matches')
    .option('--verbose', 'a line per case')
    .option('--json <file>', 'write {cases:[{name,status,reason,maxUlp,maxAbs,kernels}]}')
    .action(async (dirs: string[], options: Options) => {
      process.exitCode = await runTests(dirs, options);
    });
}

async function runTests(dirs: readonly string[], options: Options): Promise<number> {
  const backend = await nodeBackend(options.target);
  const filter = options.filter ? new RegExp(options.filter) : null;
  const cases = findCases(dirs).filter((c) => !filter || filter.test(c.name));
  const indices = new Map<string, IndexFile>();
  const results: CaseResult[] = [];
  for (const c of cases) {
    const file = options.index ?? findIndex(path.dirname(c.model));
    if (file && !indices.has(file)) indices.set(file, new IndexFile(file));
    const started = performance.now();
    const result = await runCase(c, backend, options, file ? indices.get(file)!.find(c.name) : undefined);
    result.ms = performance.now() - started;
    results.push(result);
    if (options.verbose || result.status === 'failed') {
      console.log(`${result.status.padEnd(7)} ${result.name}${result.reason ? `: ${result.reason}` : ''}`);
    }
  }
  if (options.json)
    fs.writeFileSync(options.json, `${JSON.stringify({ target: options.target, cases: results }, null, 1)}\n`);
  const count = (s: CaseResult['status']): number => results.filter((r) => r.status === s).length;
  console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`);
  return count('failed') > 0 ? 1 : 0;
}

async function runCase(
  c: TestCase,
  backend: Backend,
  options: Options,
  index: CaseIndex | undefined,
): Promise<CaseResult> {
  const result: CaseResult = { name: c.name, status: 'passed', reason: '', maxUlp: 0, maxAbs: 0, kernels: 0, ms: 0 };
  try {
    const model = parseModel(fs.readFileSync(c.model), { files: nodeFiles(path.dirname(c.model)) });
    if (c.sets.length + c.light.length === 0)
      return { ...result, status: 'skipped', reason: 'no test data beside the model' };
    await (c.light.length > 0
      ? runLight(c, model, backend, result, options)
      : runSets(c, model, backend, result, options, index));
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

async function runLight(
  c: TestCase,
  model: Model,
  backend: Backend,
  result: CaseResult,
  options: Options,
): Promise<void> {
  const feeds = model.graph.inputs.map((v) => {
    if (model.graph.constants.has(v)) return null;
    const shape = v.type?.kind === 'tensor' ? v.type.shape : undefined;
    return rampInput((shape ?? []).map((d) => (typeof d === 'number' ? d : 1)));
  });
  const got = await runModel(model, backend, feeds, result);
  c.light.forEach((file, i) => {
    const tol = { rtol: Number(options.rtol), atol: Number(options.atol) };
    note(result, `output ${i}`, compareValues(got[i], readValue(file, model.graph.outputs[i].type), tol, false));
  });
}

async function runSets(
  c: TestCase,
  model: Model,
  backend: Backend,
  result: CaseResult,
  options: Options,
  index: CaseIndex | undefined,
): Promise<void> {
  const compiler = modelCompiler(model, backend, DEFAULT_LIMITS);
  const random = !index?.perOutput && isRandom(model);
  if (random)
    Object.assign(result, { status: 'skipped', reason: 'runs, but depends on a random generator: not compared' });
  for (const set of c.sets) {
    const files = new Map(listValues(set.dir, 'input').map((f) => [f.index, f.file]));
    const open = model.graph.inputs.filter((v) => !model.graph.constants.has(v));
    const order = files.size > open.length ? model.graph.inputs : open;
    const byValue = new Map(order.map((v, i) => [v, files.get(i)]));
    if (order.some((v) => !byValue.get(v) && v.type?.kind !== 'optional' && !model.graph.constants.has(v))) {
      result.status = 'skipped';
      result.reason = `${set.name}: an input is not stored`;
      return;
    }
    const feeds = model.graph.inputs.map((v) => {
      const file = byValue.get(v);
      return file ? readValue(file, v.type) : null;
    });
    const plan = new Plan(
      compiler,
      feeds.map((f) => f && feedType(f)),
    );
    try {
      const got = await plan.run(feeds);
      result.kernels = Math.max(
        result.kernels,
        plan.executables.reduce((n, e) => n + e.kernels, 0),
      );
      if (random) continue;
      compareSet(set.dir, set.name, model, got, result, options, index);
    } finally {
      plan.dispose();
    }
  }
}

async function runModel(
  model: Model,
  backend: Backend,
  feeds: readonly (RunValue | null)[],
  result: CaseResult,
): Promise<RunValue[]> {
  const plan = new Plan(
    modelCompiler(model, backend, DEFAULT_LIMITS),
    feeds.map((f) => f && feedType(f)),
  );
  const got = await plan.run(feeds);
  result.kernels = plan.executables.reduce((n, e) => n + e.kernels, 0);
  plan.dispose();
  return got;
}

function compareSet(
  dir: string,
  set: string,
  model: Model,
  got: readonly RunValue[],
  result: CaseResult,
  options: Options,
  index: CaseIndex | undefined,
): void {
  for (const { index: k, file, sample } of listValues(dir, 'output')) {
    const found = index?.tolerance(set, k);
    if (found === null) continue;
    const tol = found ?? { rtol: Number(options.rtol), atol: Number(options.atol) };
    const declared = model.graph.outputs[k]?.type;
    note(result, `${set} output ${k}`, compareValues(got[k], readValue(file, declared), tol, sample, declared));
  }
}

function note(result: CaseResult, what: string, c: Comparison): void {
  if (!Number.isNaN(c.maxAbs)) result.maxAbs = Math.max(result.maxAbs, c.maxAbs);
  if (!Number.isNaN(c.maxUlp)) result.maxUlp = Math.max(result.maxUlp, c.maxUlp);
  if (c.ok || result.status === 'failed') return;
  result.status = 'failed';
  result.reason = `${what}: ${c.reason}`;
}

function compareValues(
  got: RunValue | null,
  want: RunValue | null,
  tol: Tolerance,
  sample: boolean,
  declared?: ValueType,
): Comparison {
  const same: Comparison = { ok: true, reason: '', maxAbs: 0, maxUlp: 0 };
  const differ = (reason: string): Comparison => ({ ok: false, reason, maxAbs: Number.NaN, maxUlp: Number.NaN });
  if (!got || !want) return got === want ? same : differ('one side is an empty optional');
  if (isTensorValue(got) && isTensorValue(want)) {
    return compareTensors(got, want, tol, sample, declared?.kind === 'tensor' ? declared.dtype : undefined);
  }
  if (!isTensorValue(got) && got.kind === 'optional')
    return compareValues(got.value, isTensorValue(want) || want.kind !== 'optional' ? want : want.value, tol, sample);
  if (isTensorValue(got) || isTensorValue(want) || got.kind !== 'sequence' || want.kind !== 'sequence')
    return differ('kinds differ');
  if (got.elems.length !== want.elems.length)
    return differ(`${got.elems.length} elements, expected ${want.elems.length}`);
  const parts = got.elems.map((e, i) => compareValues(e, want.elems[i], tol, sample));
  return {
    ok: parts.every((p) => p.ok),
    reason: parts.find((p) => !p.ok)?.reason ?? '',
    maxAbs: Math.max(0, ...parts.map((p) => p.maxAbs)),
    maxUlp: Math.max(0, ...parts.map((p) => p.maxUlp)),
  };
}
