// Look-up of operators by domain, name and opset. Filled from ops/; stages only see this interface.
import type { Operator } from './operator.ts';

export type Registry = ReturnType<typeof createRegistry>;

/** A registry over a list; `exclusions` say why an operator, or `*` of a domain, is deliberately not supported. */
export function createRegistry(operators: readonly Operator[], exclusions: ReadonlyMap<string, string>) {
  const key = (domain: string, name: string): string => `${domain}\u0000${name}`;
  const table = new Map(operators.map((o) => [key(o.domain, o.name), o]));
  return {
    /** The definition that reads this opset, or undefined. */
    find(domain: string, name: string, version: number): Operator | undefined {
      const found = table.get(key(domain, name));
      return found && (domain !== '' || found.since <= version) ? found : undefined;
    },
    /** Whether any opset of this operator is known: for messages. */
    knows: (domain: string, name: string): boolean => table.has(key(domain, name)),
    /** Why an operator is deliberately not supported, if it is on that list. */
    excluded: (domain: string, name: string): string | undefined =>
      exclusions.get(key(domain, name)) ?? exclusions.get(key(domain, '*')),
  };
}
