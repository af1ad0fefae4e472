// Backends by the name users give to `--target`.
import { type Backend, interpreterBackend } from '../backend.ts';
import { TilewrightError } from '../support/errors.ts';

const BACKENDS: Readonly<Record<string, () => Promise<Backend>>> = {
  interpreter: async () => interpreterBackend,
};

export async function backendFor(target: string): Promise<Backend> {
  const make = Object.hasOwn(BACKENDS, target) ? BACKENDS[target] : undefined;
  if (!make) {
    throw new TilewrightError('USAGE', `unknown target ${target}`, {}, `Targets are: ${Object.keys(BACKENDS).join(', ')}.`);
  }
  return make();
}
