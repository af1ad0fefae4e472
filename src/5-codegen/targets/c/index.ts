// The native target: GNU C that gcc and clang compile to vector code for the CPU's features, given by the names that
// Linux uses for them. In: a scheduled program. Out: C source text; compiling and loading it is the runtime's work.
import type { EmitOptions, Target } from '../target.ts';
import { MATRIX_FEATURES } from './matrix.ts';
import { emitC } from './program.ts';

const AVX512 = ['avx512f', 'avx512vl', 'avx512bw', 'avx512dq'];

/** Features that change the emitted text. */
const TEXT_FEATURES = ['f16c', ...AVX512, ...MATRIX_FEATURES];

/** Between translation units in the code's bytes: a form feed, which C reads as white space. */
export const UNIT_SEPARATOR = '\f\n';

export const cTarget: Target = {
  name: 'c',
  emit(program, options: EmitOptions = {}) {
    const features = options.features ?? new Set<string>();
    const machine = { f16c: features.has('f16c'), avx512: AVX512.every((f) => features.has(f)) };
    const units = emitC(program, { ...machine, exposeKernels: options.exposeKernels ?? false });
    const bytes = new TextEncoder().encode(units.join(UNIT_SEPARATOR));
    return { target: 'c', extension: 'c', bytes, features: TEXT_FEATURES.filter((f) => features.has(f)).sort() };
  },
};
