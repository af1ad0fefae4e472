// The context in which composite and structural operators rewrite themselves: every emitted node has its static type at
// once, loops and branches are kept in the program when that is possible.
import type { DType } from '../ir/dtype.ts';
import { type AttrInputs, attrMap, type Graph, NEWEST_OPSET } from '../ir/graph.ts';
import { type Scalar, type TensorData, tensorNumbers, tensorOf } from '../ir/tensor.ts';
import { TilewrightError } from '../support/errors.ts';
import { Demand } from './emitter.ts';
import { NodeView, type StaticSequence, type StaticValue, type Values } from './operator.ts';
import type { Call, Env, Specialiser } from './specialise.ts';
import { type Slots, type StaticTensor, sameType, type Tensors } from './static.ts';

export interface LoopSpec {
  readonly trip: number | StaticTensor | null;
  readonly cond: StaticTensor | null;
  readonly carried: Tensors;
  /** Emits one iteration. Returned shapes and dtypes of `carried` must equal the initial ones. */
  readonly body: (iteration: StaticTensor, carried: Tensors) => Iteration;
}

/** Emits nodes and gives their results. */
type Emission = () => readonly StaticValue[];

interface Iteration {
  readonly cond?: StaticTensor | null;
  readonly carried: Tensors;
  readonly stacked?: readonly { readonly each: StaticTensor; readonly reverse?: boolean }[];
}

/** Emits static nodes immediately, so every result has its type at once. */
export class ExpandContext extends NodeView<StaticValue> {
  private readonly walker: Specialiser;
  private readonly env: Env;
  private readonly held: StaticValue[];

  constructor(walker: Specialiser, node: Call, inputs: Values, numOutputs: number, env: Env, held: StaticValue[]) {
    super({ ...node, numOutputs }, inputs);
    this.walker = walker;
    this.env = env;
    this.held = held;
  }

  private inputOf<K extends StaticValue['kind']>(i: number, kind: K): Extract<StaticValue, { kind: K }> {
    const v = this.input(i);
    if (v.kind === kind) return v as Extract<StaticValue, { kind: K }>;
    return this.invalid(`input ${i} is a ${v.kind}, expected a ${kind}`, 'UNSUPPORTED_TYPE');
  }
  /** A tensor input; throws when missing or not a tensor. */
  tensor = (i: number): StaticTensor => this.walker.emitter.resolve(this.inputOf(i, 'tensor'));
  sequence = (i: number): StaticSequence => this.inputOf(i, 'sequence');
  /** Contents of a tensor at compile time, by running what comes before it if need be. */
  override valueOf(t: StaticTensor): TensorData {
    for (const v of this.inputs) if (v) this.held.push(v);
    return this.walker.emitter.valueOf(t);
  }
  numbersOf = (t: StaticTensor): number[] => tensorNumbers(this.valueOf(t));
  constant(dtype: DType, shape: readonly number[], values: readonly Scalar[]): StaticTensor {
    return this.constantData(tensorOf(dtype, shape, values));
  }
  constantData = (data: TensorData): StaticTensor => this.walker.emitter.constantData(data);

  /** Emits an operator of the newest opset and gives its outputs. */
  emit(op: string, inputs: Values, attrs: AttrInputs = {}, numOutputs = 1, domain = ''): readonly StaticValue[] {
    const node = { domain, op, version: NEWEST_OPSET, name: this.name, attrs: attrMap(attrs) };
    const results = this.walker.apply(node, inputs, new Array<boolean>(numOutputs).fill(true), this.env);
    const made = results.filter((v) => v !== null);
    this.held.push(...made);
    return made;
  }

  /** As `emit`, first output, which is a tensor. */
  one(op: string, inputs: Slots, attrs: AttrInputs = {}, domain = ''): StaticTensor {
    const [v] = this.emit(op, inputs, attrs, 1, domain);
    return v.kind === 'tensor' ? v : this.invalid(`${op} gave a ${v.kind}`, 'INTERNAL');
  }

  /** Emits the nodes of a region with these arguments and gives its results. */
  inline(region: Graph, args: readonly StaticValue[]): readonly StaticValue[] {
    this.held.push(...args);
    const results = this.walker.inline(region, args, this.env);
    this.held.push(...results);
    return results;
  }

  /** Counts unrolled iterations against the limits. */
  countUnrolled = (): void => this.walker.countUnrolled();
  /** Marks values as live while further nodes are emitted (needed across `valueOf`). */
  hold = (values: readonly StaticValue[]): void => void this.held.push(...values);

  /**
   * Emits a loop in the program: results are the final carried values, then the stacked ones
   * (stacking needs a numeric trip and no condition). Returns null when an iteration needs a value
   * that exists only at run time, or changes a carried type: the caller then unrolls.
   */
  tryLoop(spec: LoopSpec): { carried: Tensors; stacked: Tensors } | null {
    const { emitter } = this.walker;
    const fresh = (type: { dtype: DType; shape: readonly number[] }): StaticTensor => emitter.tensor(this.name, type);
    const iteration = fresh({ dtype: 'i64', shape: [] });
    const inits = spec.carried.map((t) => emitter.resolve(t));
    const states = inits.map(fresh);
    const attempt = attemptNested(() => emitter.nested(() => spec.body(iteration, states)));
    if (!attempt) return null;
    const { result, nodes } = attempt;
    const given = result.stacked ?? [];
    const stackable = given.length === 0 || (typeof spec.trip === 'number' && !result.cond);
    if (!stackable || !sameTypes(result.carried, states)) return null;
    const trip = typeof spec.trip === 'number' ? spec.trip : 0;
    const carried = inits.map((init, i) => {
      return { init, state: states[i], next: result.carried[i], result: fresh(init) };
    });
    const stacked = given.map(({ each, reverse = false }) => {
      return { each, reverse, result: fresh({ dtype: each.dtype, shape: [trip, ...each.shape] }) };
    });
    const cond = result.cond ? { init: spec.cond ?? this.constant('bool', [], [1]), next: result.cond } : null;
    emitter.push({ kind: 'loop', name: this.name, trip: spec.trip, iteration, cond, carried, stacked, body: nodes });
    const made = { carried: carried.map((c) => c.result), stacked: stacked.map((s) => s.result) };
    this.held.push(...made.carried, ...made.stacked);
    return made;
  }

  /** Emits a branch in the program, or returns null when the sides differ in type or need run-time values. */
  tryBranch(cond: StaticTensor, then: Emission, otherwise: Emission): Tensors | null {
    const { emitter } = this.walker;
    // A side that cannot run for these shapes is legal as long as it is not taken.
    const sides = attemptNested(() => [emitter.nested(then), emitter.nested(otherwise)], true);
    if (!sides?.every((s) => s.result.every((v) => v.kind === 'tensor'))) return null;
    const [yes, no] = sides.map(({ nodes, result }) => {
      return { nodes, results: result.map((v) => emitter.resolve(v as StaticTensor)) };
    });
    if (!sameTypes(yes.results, no.results)) return null;
    const outputs = yes.results.map((t) => emitter.tensor(this.name, t));
    emitter.push({ kind: 'branch', name: this.name, cond: emitter.resolve(cond), then: yes, else: no, outputs });
    this.held.push(...outputs);
    return outputs;
  }
}

/** Null when the body needs a run-time value, or when `refusable` and the body does not type-check. */
function attemptNested<T>(run: () => T, refusable = false): T | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof Demand) return null;
    if (refusable && error instanceof TilewrightError && error.code === 'INVALID_SHAPE') return null;
    throw error;
  }
}

const sameTypes = (as: Tensors, bs: Tensors): boolean =>
  as.length === bs.length && as.every((a, i) => sameType(a, bs[i]));
