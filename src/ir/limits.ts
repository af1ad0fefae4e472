// Bounds on what a model may ask for. Every stage that multiplies, allocates or repeats reads them.

export interface ModelLimits {
  /** Operators after functions are inlined and loops unrolled. */
  readonly nodes: number;
  /** Nesting of regions, functions and messages. */
  readonly nesting: number;
  /** Elements of any one tensor. */
  readonly elements: number;
  /** Loop iterations unrolled at compile time, over the whole model. */
  readonly unrolledIterations: number;
}
