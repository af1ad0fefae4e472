// The one test runner: every file under test/, on Node, in two processes. Suites under test/heavy
// take minutes and run only with TILEWRIGHT_HEAVY=1. TILEWRIGHT_TEST_REPORT=FILE also writes the
// results as JSON; `.ci/run` takes its closing line from there.
import { configDefaults, defineConfig } from 'vitest/config';

const heavy = process.env['TILEWRIGHT_HEAVY'] === '1' ? [] : ['test/heavy/**'];
const report = process.env['TILEWRIGHT_TEST_REPORT'];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...heavy],
    environment: 'node',
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
  },
});
