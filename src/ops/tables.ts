// The bound on tables that operators make at compile time.
import type { NodeView } from '../2-graph/operator.ts';

/** Entries of one table: networks stay far below, and it is made in a fraction of a second. */
const MOST = 2 ** 24;

/** Refuses an axis whose table would have `size` entries. */
export function checkTable(c: NodeView, size: number): void {
  if (size <= MOST) return;
  c.fail(`an axis needs a table of ${size} entries, at most ${MOST} are allowed`, undefined, 'LIMIT_EXCEEDED');
}
