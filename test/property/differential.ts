// Runs one random model on several backends and says where they differ: exact values must be equal,
// inexact ones within a bound that follows from their magnitude.
import { Plan } from '../../src/6-runtime/plan.ts';
import type { Backend } from '../../src/backends/backend.ts';
import { modelCompiler } from '../../src/compile.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { type TensorData, tensorValues } from '../../src/ir/tensor.ts';
import type { RandomModel } from './random-model.ts';

export async function runOn(m: RandomModel, backend: Backend): Promise<TensorData[]> {
  const types = m.feeds.map((f) => ({ kind: 'tensor' as const, dtype: f.dtype, shape: f.shape }));
  const plan = new Plan(modelCompiler(m.model, backend, DEFAULT_LIMITS), types);
  try {
    return (await plan.run(m.feeds)) as TensorData[];
  } finally {
    plan.dispose();
  }
}

const RELATIVE = 1e-4;

/** The first difference, or null. */
export function firstDifference(
  got: readonly TensorData[],
  want: readonly TensorData[],
  exact: readonly boolean[],
): string | null {
  for (let k = 0; k < want.length; k++) {
    const [a, b] = [tensorValues(got[k]), tensorValues(want[k])];
    if (`${got[k].dtype}[${got[k].shape}]` !== `${want[k].dtype}[${want[k].shape}]`) return `output ${k}: type`;
    const finite = b.filter((x): x is number => typeof x === 'number' && Number.isFinite(x));
    const scale = finite.reduce((m, x) => Math.max(m, Math.abs(x)), 1);
    for (let i = 0; i < b.length; i++) {
      const [x, y] = [a[i], b[i]];
      if (x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
      const close = !exact[k] && typeof x === 'number' && Math.abs(x - (y as number)) <= RELATIVE * scale;
      if (!close) return `output ${k}[${i}] is ${x}, expected ${y}${exact[k] ? ' (exact)' : ''}`;
    }
  }
  return null;
}
