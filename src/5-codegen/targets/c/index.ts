// The native target: GNU C that gcc and clang compile to vector code for the CPU's features, given by the names that
// Linux uses for them. In: a scheduled program. Out: C source text; compiling and loading it is the runtime's work.
import type { ComputeType } from '../../../3-tile/expr.ts';
import { dtypeInfo } from '../../../ir/dtype.ts';
import type { EmitOptions, Target } from '../target.ts';
import { hasForm } from './ops.ts';
import { emitC } from './program.ts';

const AVX512 = ['avx512f', 'avx512vl', 'avx512bw', 'avx512dq'];
/** Vector bytes by CPU features, widest first. */
const WIDTHS = [
  { needs: AVX512, bytes: 64 },
  { needs: ['avx2'], bytes: 32 },
  { needs: ['sse4_1'], bytes: 16 },
  { needs: ['asimd'], bytes: 16 },
];

/** Features that change the emitted text. */
const TEXT_FEATURES = ['f16c', ...AVX512];

/** Between translation units in the code's bytes: a form feed, which C reads as white space. */
export const UNIT_SEPARATOR = '\f\n';

const vectorBytes = (features: ReadonlySet<string>): number =>
  WIDTHS.find(({ needs }) => needs.every((f) => features.has(f)))?.bytes ?? 0;

export const cTarget: Target = {
  name: 'c',
  lanes(dtype: ComputeType, features: ReadonlySet<string> = new Set()): number {
    const bytes = dtype === 'bool' ? 4 : dtypeInfo(dtype).bytes;
    return Math.max(1, vectorBytes(features) / bytes);
  },
  supports: hasForm,
  emit(program, options: EmitOptions = {}) {
    const features = options.features ?? new Set<string>();
    const units = emitC(program, {
      f16c: features.has('f16c'),
      avx512: vectorBytes(features) === 64,
      exposeKernels: options.exposeKernels ?? false,
    });
    const bytes = new TextEncoder().encode(units.join(UNIT_SEPARATOR));
    return { target: 'c', extension: 'c', bytes, features: TEXT_FEATURES.filter((f) => features.has(f)).sort() };
  },
};
