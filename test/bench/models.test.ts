// The model benchmark: inputs made from their descriptions are those that are stored, a run ends with a line per model
// whatever happens to it, and results become tables.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type IndexEntry, madeInput, materialise, WEIGHTS } from '../../bench/material.ts';
import type { ModelRow, ModelsResult } from '../../bench/models.ts';
import { modelsSummary, modelTables } from '../../scripts/readme-tables.ts';
import { ROOT } from '../../scripts/source.ts';
import { parseValue } from '../../src/1-frontend/onnx/value.ts';
import { readModel } from '../../src/node.ts';
import { DATA, UNLESS_DATA } from '../conformance/data.ts';

describe.skipIf(!DATA)(`material${UNLESS_DATA}`, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-material-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));
  const entries: IndexEntry[] = DATA ? JSON.parse(fs.readFileSync(path.join(DATA, 'INDEX.json'), 'utf8')) : [];
  const entry = (coll: string, name: string): IndexEntry => entries.find((e) => e.coll === coll && e.name === name)!;

  it.each(['mnist-8-cntk', 'convsmall-mnist', 'dronet'])('makes the inputs that are stored: %s', (name) => {
    const [recipe] = entry('models', name).sets![0].inputs;
    const stored = fs.readFileSync(path.join(DATA!, 'models', name, 'test_data_set_0/input_0.pb'));
    expect(madeInput(recipe)).toEqual(parseValue(stored, 'tensor').value);
  });

  it('completes a structure', () => {
    const file = materialise(path.join(DATA!, 'structures/welder-nerf'), entry('structures', 'welder-nerf'), folder);
    const { graph } = readModel(file);
    expect(graph.inputs.map((v) => v.name)).toEqual(['input0']);
    expect(fs.existsSync(path.join(folder, WEIGHTS))).toBe(true);
    const { value } = parseValue(fs.readFileSync(path.join(folder, 'test_data_set_0/input_0.pb')), 'tensor');
    expect(value).toMatchObject({ shape: [4096, 64] });
  });
});

describe('npm run bench:models', () => {
  const run = (...args: string[]) => {
    const script = ['--import', 'tsx', path.join(ROOT, 'bench/models.ts'), '--target', 'wasm', '--no-save'];
    return spawnSync(process.execPath, [...script, ...args], { cwd: ROOT, encoding: 'utf8', timeout: 120_000 });
  };

  it('measures a network', { timeout: 150_000 }, () => {
    const { status, stdout, stderr } = run('--filter', 'built/inverted', '--seconds', '0.05');
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/^built\/inverted-residuals +\d+\.\d+ ms/m);
    expect(stdout).toMatch(/^built: [01] of 1 models compared/m);
  });

  it('goes on behind a model that takes too long', { timeout: 150_000 }, () => {
    const { status, stdout } = run('--filter', 'built/(nerf|unet)', '--limit', '0.001');
    expect(status).toBe(0);
    expect(stdout.match(/took longer than 0.001 s/g)).toHaveLength(2);
    expect(stdout).toContain('built: 0 of 2 models compared, geometric mean ratio –');
  });
});

describe('tables of models', () => {
  const nothing = { compileMs: null, kernels: null, arenaBytes: null, agrees: null };
  const rows: ModelRow[] = [
    { group: 'built', name: 'a', ours: 2, theirs: 1, ratio: 0.5, ...nothing, agrees: true, compileMs: 1500 },
    { group: 'built', name: 'b', ours: 1, theirs: 2, ratio: 2, ...nothing, agrees: false, error: 'x | y' },
    { group: 'models', name: 'c', ours: null, theirs: null, ratio: null, ...nothing, error: 'refused' },
  ];
  const machine = {
    tilewright: '0',
    node: 'v20',
    cpu: 'some processor',
    peer: 'other',
    peerVersion: '1',
    threads: 1 as const,
  };
  const groups = [
    { group: 'built', models: 2, geomean: 1 },
    { group: 'models', models: 1, geomean: null },
  ];
  const result: ModelsResult = { suite: 'models-wasm', ...machine, groups, rows };

  it('have a row per group', () => {
    expect(modelsSummary(result)).toEqual([
      ['`wasm`', 'other', 'built', '2 of 2', '1.00', '0.50', '2.00'],
      ['`wasm`', 'other', 'models', '0 of 1', '–', '–', '–'],
    ]);
  });

  it('have a row per model', () => {
    const text = modelTables(result);
    expect(text).toContain('Built, `wasm` on some processor, Node v20, other 1, one thread:');
    expect(text).toContain('| a | 2.000 | 1.000 | 0.50 | 1.5 | – | – | yes |  |');
    expect(text).toContain('| b | 1.000 | 2.000 | 2.00 | – | – | – | no | x \\| y |');
    expect(text).toContain('| c | – | – | – | – | – | – | – | refused |');
  });
});
