// One row of the table of upgrades.
import type { UpgradeContext } from './context.ts';

export interface Rule {
  readonly ops: readonly string[];
  /** Applies to nodes under a smaller operator-set version. */
  readonly before: number;
  /** Changes the node in place, or emits helpers around it. Refuses what has no newer form. */
  apply(c: UpgradeContext): void;
}
