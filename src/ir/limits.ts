// The one object that bounds what a model may ask of the compiler: every stage reads its bounds from here, and every
// size is multiplied through the checked helper below. It lives under the stages because the frontend, the graph
// passes, the memory plan and the runtime all refuse by it.
import { type ErrorPlace, refuse } from '../support/errors.ts';

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Inclusive maxima that real networks stay far below and that a machine of 8 GB can still serve. */
export const DEFAULT_LIMITS = Object.freeze({
  /** Bytes of the model file, without external data. */
  modelBytes: 2 * GiB - 1,
  /** Protobuf messages in the file: bounds the decoder's memory. */
  messages: 4_000_000,
  /**
   * Numbers in 64-bit typed data fields and attribute lists (raw_data does not count); narrower numbers may be eight
   * times as many. Bounds the decoder's memory.
   */
  listValues: 16_000_000,
  /** Operators of all graphs and regions, also after functions are inlined and loops unrolled. */
  nodes: 500_000,
  /** Nesting of regions, types, sequences, functions and messages. */
  nesting: 64,
  /** Extents of one tensor. */
  rank: 64,
  /** Largest single extent. */
  extent: 2 ** 31,
  /** Elements of any one tensor. */
  elements: 2 ** 31,
  /** Bytes of all constants together, external data and densified sparse tensors included. */
  constantBytes: 8 * GiB,
  /** Bytes of the planned arena of one specialisation. */
  plannedBytes: 4 * GiB,
  /** Bytes of any one tensor made by constant folding. */
  foldedTensorBytes: 64 * MiB,
  /** Bytes of all tensors made by constant folding together. */
  foldedBytes: 256 * MiB,
  /** Bytes of one name or metadata string. */
  nameLength: 16 * MiB,
  /** Function calls inlined, over the whole model. */
  functionCalls: 100_000,
  /** Loop iterations unrolled at compile time, over the whole model. */
  unrolledIterations: 100_000,
});

/** Bounds on one model; `DEFAULT_LIMITS` says what each one counts. */
export type ModelLimits = { readonly [name in keyof typeof DEFAULT_LIMITS]: number };

/** The default limits with some replaced; USAGE when one is not a non-negative safe integer. */
export function limitsWith(changes: Partial<ModelLimits> = {}): ModelLimits {
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) refuse('USAGE', `there is no limit named ${name}`);
    const natural = Number.isSafeInteger(value) && value >= 0;
    if (!natural) refuse('USAGE', `limit ${name} must be a non-negative integer`);
  }
  return Object.freeze({ ...DEFAULT_LIMITS, ...changes });
}

/** Refuses with LIMIT_EXCEEDED when `value` is above the limit called `name`. */
export function checkLimit(limits: ModelLimits, name: keyof ModelLimits, value: number, place: ErrorPlace = {}): void {
  if (value <= limits[name]) return;
  const what = `${value} is above the limit ${name} = ${limits[name]}`;
  refuse('LIMIT_EXCEEDED', what, place, `Raise limits.${name} if the model is trusted.`);
}

/** The product of non-negative integers; LIMIT_EXCEEDED when that of the positive ones is not a safe integer. */
export function checkedProduct(factors: readonly number[], place: ErrorPlace = {}): number {
  const product = factors.reduce((p, f) => (f === 0 ? p : p * f), 1);
  if (!Number.isSafeInteger(product)) refuse('LIMIT_EXCEEDED', 'a size does not fit in 53 bits', place);
  return factors.includes(0) ? 0 : product;
}
