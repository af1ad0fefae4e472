// The one object that bounds what a model may ask of the compiler: every stage reads its bounds from
// here, and every size is multiplied through the checked helpers below. It lives under the stages
// because the frontend, the graph passes, the memory plan and the runtime all refuse by it.
import { type ErrorPlace, TilewrightError } from '../support/errors.ts';

/** Bounds on one model. All are inclusive maxima. */
export interface ModelLimits {
  /** Bytes of the model file, without external data. */
  readonly modelBytes: number;
  /** Protobuf messages in the file: bounds the decoder's memory. */
  readonly messages: number;
  /**
   * Numbers in 64-bit typed data fields and attribute lists (raw_data does not count); narrower
   * numbers may be eight times as many. Bounds the decoder's memory.
   */
  readonly listValues: number;
  /** Operators of all graphs and regions, also after functions are inlined and loops unrolled. */
  readonly nodes: number;
  /** Nesting of regions, types, sequences, functions and messages. */
  readonly nesting: number;
  /** Extents of one tensor. */
  readonly rank: number;
  /** Largest single extent. */
  readonly extent: number;
  /** Elements of any one tensor. */
  readonly elements: number;
  /** Bytes of all constants together, external data and densified sparse tensors included. */
  readonly constantBytes: number;
  /** Bytes of the planned arena of one specialisation. */
  readonly plannedBytes: number;
  /** Bytes of any one tensor made by constant folding. */
  readonly foldedTensorBytes: number;
  /** Bytes of all tensors made by constant folding together. */
  readonly foldedBytes: number;
  /** Bytes of one name or metadata string. */
  readonly nameLength: number;
  /** Function calls inlined, over the whole model. */
  readonly functionCalls: number;
  /** Loop iterations unrolled at compile time, over the whole model. */
  readonly unrolledIterations: number;
  /** Elements of one sequence at compile time. */
  readonly sequenceLength: number;
  /** Iterations of one loop at run time before the run is refused. */
  readonly runIterations: number;
}

const MiB = 2 ** 20;
const GiB = 2 ** 30;

/** Bounds that real networks stay far below and that a machine of 8 GB can still serve. */
export const DEFAULT_LIMITS: ModelLimits = Object.freeze({
  modelBytes: 2 * GiB - 1,
  messages: 4_000_000,
  listValues: 16_000_000,
  nodes: 500_000,
  nesting: 64,
  rank: 64,
  extent: 2 ** 31,
  elements: 2 ** 31,
  constantBytes: 8 * GiB,
  plannedBytes: 4 * GiB,
  foldedTensorBytes: 64 * MiB,
  foldedBytes: 256 * MiB,
  nameLength: 16 * MiB,
  functionCalls: 100_000,
  unrolledIterations: 100_000,
  sequenceLength: 100_000,
  runIterations: 2 ** 31,
});

/** The default limits with some replaced; USAGE when one is not a non-negative safe integer. */
export function limitsWith(changes: Partial<ModelLimits> = {}): ModelLimits {
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(DEFAULT_LIMITS, name)) {
      throw new TilewrightError('USAGE', `there is no limit named ${name}`);
    }
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new TilewrightError('USAGE', `limit ${name} must be a non-negative integer`);
    }
  }
  return Object.freeze({ ...DEFAULT_LIMITS, ...changes });
}

/** Refuses with LIMIT_EXCEEDED when `value` is above the limit called `name`. */
export function checkLimit(limits: ModelLimits, name: keyof ModelLimits, value: number, place: ErrorPlace = {}): void {
  if (value <= limits[name]) return;
  throw new TilewrightError(
    'LIMIT_EXCEEDED',
    `${value} is above the limit ${name} = ${limits[name]}`,
    place,
    `Raise limits.${name} if the model is trusted.`,
  );
}

/** The product of non-negative integers; LIMIT_EXCEEDED when it is not a safe integer. */
export function checkedProduct(factors: readonly number[], place: ErrorPlace = {}): number {
  let product = 1;
  let zero = false;
  for (const factor of factors) {
    if (factor === 0) zero = true;
    else product *= factor;
    if (!Number.isSafeInteger(product)) {
      throw new TilewrightError('LIMIT_EXCEEDED', 'a size does not fit in 53 bits', place);
    }
  }
  return zero ? 0 : product;
}

/** The sum of non-negative integers; LIMIT_EXCEEDED when it is not a safe integer. */
export function checkedSum(terms: readonly number[], place: ErrorPlace = {}): number {
  let sum = 0;
  for (const term of terms) {
    sum += term;
    if (!Number.isSafeInteger(sum)) {
      throw new TilewrightError('LIMIT_EXCEEDED', 'a size does not fit in 53 bits', place);
    }
  }
  return sum;
}
