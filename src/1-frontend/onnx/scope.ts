// Names of one graph or function body. A region sees the names around it, but only those that are defined before the
// node that owns the region; since regions are imported after their owners, each entry remembers the node that defines
// it.
import type { Value } from '../../ir/graph.ts';
import { refuse } from '../../support/errors.ts';

/** Position of inputs and constants: before every node. */
export const BEFORE_NODES = -1;

export class Scope {
  private readonly entries = new Map<string, { value: Value; at: number }>();
  private readonly parent: Scope | undefined;
  private readonly parentAt: number;

  /** A scope inside `parent`, owned by the parent's node number `parentAt`. */
  constructor(parent?: Scope, parentAt = 0) {
    this.parent = parent;
    this.parentAt = parentAt;
  }

  /** Enters a value that the node number `at` defines, and gives it back. A second definition is INVALID_MODEL. */
  define(name: string, value: Value, at: number): Value {
    if (this.entries.has(name)) refuse('INVALID_MODEL', 'the name is defined twice', { value: name });
    this.entries.set(name, { value, at });
    return value;
  }

  /** The value that this scope itself defines under the name. */
  own(name: string): Value | undefined {
    return this.entries.get(name)?.value;
  }

  /** The value that the name means here, or in the scopes around. */
  find(name: string): Value | undefined {
    let limit = Number.POSITIVE_INFINITY;
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      const entry = scope.entries.get(name);
      if (entry && entry.at < limit) return entry.value;
      limit = scope.parentAt;
    }
    return undefined;
  }
}
