// The WebAssembly target as shared code sees it: vector lanes, the ops it renders, and emission.
import type { ComputeType } from '../../../3-tile/expr.ts';
import type { Target } from '../target.ts';
import { emitWasm } from './emit.ts';
import { is64 } from './forms.ts';
import { printModule } from './print.ts';
import { renders } from './select.ts';

/** The feature that makes `fma` one instruction; without it, a product and a sum. */
export const RELAXED_SIMD = 'relaxed-simd';

export const wasmTarget: Target = {
  name: 'wasm',
  lanes: (dtype: ComputeType) => (is64(dtype) ? 2 : 4),
  supports: renders,
  emit(program, { features, exposeKernels = false } = {}) {
    const relaxedFma = features?.has(RELAXED_SIMD) ?? false;
    const bytes = emitWasm(program, { relaxedFma, exposeKernels });
    const needs = relaxedFma ? [RELAXED_SIMD] : [];
    return { target: 'wasm', extension: 'wasm', bytes, features: needs, text: () => printModule(bytes) };
  },
};
