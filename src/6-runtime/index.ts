// The runtime's entry point: artifacts in, executables out, without the compiler. For browsers and Node alike;
// launchers that need more than the host's WebAssembly are not here.
export { TilewrightError } from '../support/errors.ts';
export type { Artifact, Slot } from './artifact.ts';
export type { Executable } from './executable.ts';
export { hostFeatures, instantiate } from './launch/wasm.ts';
export { fromTensorData, Tensor, toTensorData } from './tensor.ts';
