// The registry of all operators, and the list of what is deliberately left out with the reason.
import { createRegistry, type Registry } from '../2-graph/registry.ts';
import { EXCLUDED } from './excluded.ts';
import * as operators from './index.ts';
import type { OpDef } from './op.ts';

let registry: Registry | undefined;

export function operatorRegistry(): Registry {
  registry ??= createRegistry(Object.values(operators) as OpDef[], EXCLUDED);
  return registry;
}
