// In: vitest's JSON report and the exit status of the test command. Out: the closing line
// `N passed, N failed, N skipped` and an exit status that is zero only when tests ran and all of
// them, and every check before them, passed. Plain JavaScript: it runs even if nothing else does.
import { readFileSync } from 'node:fs';

const [file, status] = process.argv.slice(2);

/** Counts of the report; a file that failed to load counts as one failure. */
function count(path) {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  const broken = report.testResults.filter(
    (f) => f.status === 'failed' && !f.assertionResults.some((a) => a.status === 'failed'),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

let counts = { passed: 0, failed: 0, skipped: 0 };
try {
  counts = count(file);
} catch (error) {
  console.log(`no test report: ${error.message}`);
}
if (status !== '0' && counts.failed === 0) counts.failed = 1;
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
