// ONNX's conformance suite on every target: what passes, what is left out and why.
import { describe, expect, it } from 'vitest';
import { DATA, groupOf, runCases, UNLESS_DATA } from './data.ts';

const FOLDERS = ['node', 'simple', 'pytorch-operator', 'pytorch-converted'].map((f) => `onnx-backend/${f}`);
const MINUTES = 60_000;

/** The stored result is rounding noise where the exact one is 0, above the suite's tolerance of 1e-7. */
const KNOWN = ['test_dft_inverse', 'test_dft_inverse_opset19'];
/** Why a case may be left out. */
const REASONS = /strings have no place|text|image files|out of scope|random|type string/;

describe.skipIf(!DATA)(`the ONNX conformance suite${UNLESS_DATA}`, () => {
  it.each(['wasm', 'c', 'interpreter'])(
    'passes on %s',
    (target) => {
      const { cases, closing } = runCases(FOLDERS, target);
      const failed = cases.filter((c) => c.status === 'failed');
      expect(failed.filter((c) => !KNOWN.some((k) => c.name.endsWith(k))).map((c) => `${c.name}: ${c.reason}`)).toEqual(
        [],
      );
      const group = groupOf();
      const skipped = cases.filter((c) => c.status === 'skipped');
      expect(skipped.filter((c) => group(c) !== 'exotic').map((c) => c.name)).toEqual([]);
      expect(skipped.filter((c) => !REASONS.test(c.reason)).map((c) => `${c.name}: ${c.reason}`)).toEqual([]);
      const core = cases.filter((c) => group(c) === 'core');
      expect(core.filter((c) => c.status === 'passed').length / core.length).toBeGreaterThanOrEqual(0.995);
      const ulps = cases
        .filter((c) => c.status === 'passed')
        .map((c) => c.maxUlp)
        .sort((a, b) => a - b);
      expect(ulps[Math.floor(ulps.length / 2)]).toBe(0);
      expect(ulps[Math.floor(ulps.length * 0.99)]).toBeLessThanOrEqual(80);
      expect(closing).toMatch(/^\d+ passed, \d+ failed, \d+ skipped$/);
    },
    15 * MINUTES,
  );
});

describe.skipIf(!DATA)(`graphs of other projects${UNLESS_DATA}`, () => {
  it(
    'agree with their stored results on wasm',
    () => {
      for (const [folder, share] of [
        ['graphs-positive', 0.97],
        ['nnsmith', 0.98],
      ] as const) {
        const { cases } = runCases([folder], 'wasm');
        const run = cases.filter((c) => c.status !== 'skipped');
        expect(run.length).toBeGreaterThan(200);
        expect(run.filter((c) => c.status === 'passed').length / run.length).toBeGreaterThanOrEqual(share);
      }
    },
    10 * MINUTES,
  );
});
