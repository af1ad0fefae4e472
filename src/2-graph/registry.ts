// Look-up of operators by domain, name and opset. Filled from ops/; stages only see this interface.
import type { Operator } from './operator.ts';

export interface Registry {
  /** The definition that reads this opset, or undefined. */
  find(domain: string, name: string, version: number): Operator | undefined;
  /** Whether any opset of this operator is known: for messages. */
  knows(domain: string, name: string): boolean;
  /** Why an operator is deliberately not supported, if it is on that list. */
  excluded(domain: string, name: string): string | undefined;
}

/** A registry over a list; of several definitions of one name, the newest `since` ≤ opset is taken. */
export function createRegistry(operators: readonly Operator[], exclusions: ReadonlyMap<string, string>): Registry {
  const table = new Map<string, Operator[]>();
  const key = (domain: string, name: string): string => `${domain}\u0000${name}`;
  for (const o of operators) {
    const list = table.get(key(o.domain, o.name)) ?? [];
    list.push(o);
    list.sort((a, b) => b.since - a.since);
    table.set(key(o.domain, o.name), list);
  }
  return {
    find: (domain, name, version) => {
      const list = table.get(key(domain, name));
      return domain === '' ? list?.find((o) => o.since <= version) : list?.[0];
    },
    knows: (domain, name) => table.has(key(domain, name)),
    excluded: (domain, name) => exclusions.get(key(domain, name)) ?? exclusions.get(key(domain, '*')),
  };
}
