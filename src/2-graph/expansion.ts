// The context in which composite and structural operators rewrite themselves: every emitted node has
// its static type at once, loops and branches are kept in the program when that is possible.
import type { DType } from '../ir/dtype.ts';
import type { Attr, Graph, Node, TensorType } from '../ir/graph.ts';
import { type Scalar, type TensorData, tensorNumbers, tensorOf } from '../ir/tensor.ts';
import { TilewrightError } from '../support/errors.ts';
import { NodeView } from './attributes.ts';
import { Demand } from './emitter.ts';
import type { AttrInput, ExpandContext, LoopSpec, StaticSequence, StaticValue } from './operator.ts';
import type { Env, Specialiser } from './specialise.ts';
import type { Carried, Stacked, StaticTensor } from './static.ts';

/** Newest default-domain opset: what expansions are written in. */
export const NEWEST_OPSET = 28;

export class Expansion extends NodeView implements ExpandContext {
  private readonly walker: Specialiser;
  private readonly given: readonly (StaticValue | null)[];
  private readonly env: Env;
  private readonly held: StaticValue[];

  constructor(
    walker: Specialiser,
    node: Pick<Node, 'domain' | 'op' | 'version' | 'name' | 'attrs'>,
    inputs: readonly (StaticValue | null)[],
    numOutputs: number,
    env: Env,
    held: StaticValue[],
  ) {
    super({ ...node, op: node.op, numOutputs });
    this.walker = walker;
    this.given = inputs;
    this.env = env;
    this.held = held;
  }

  get numInputs(): number {
    return this.given.length;
  }
  has(i: number): boolean {
    return i < this.given.length && this.given[i] !== null;
  }
  input(i: number): StaticValue {
    return this.given[i] ?? this.fail(`input ${i} is missing`, undefined, 'INVALID_MODEL');
  }
  tensor(i: number): StaticTensor {
    const v = this.input(i);
    if (v.kind !== 'tensor')
      return this.fail(`input ${i} is a ${v.kind}, expected a tensor`, undefined, 'UNSUPPORTED_TYPE');
    return this.walker.emitter.resolve(v);
  }
  sequence(i: number): StaticSequence {
    const v = this.input(i);
    if (v.kind !== 'sequence')
      return this.fail(`input ${i} is a ${v.kind}, expected a sequence`, undefined, 'UNSUPPORTED_TYPE');
    return v;
  }
  override valueOf(t: StaticTensor): TensorData {
    for (const v of this.given) if (v) this.held.push(v);
    return this.walker.emitter.valueOf(t);
  }
  numbersOf(t: StaticTensor): number[] {
    return tensorNumbers(this.valueOf(t));
  }
  constant(dtype: DType, shape: readonly number[], values: readonly Scalar[]): StaticTensor {
    return this.constantData(tensorOf(dtype, shape, values));
  }
  constantData(data: TensorData): StaticTensor {
    return this.walker.emitter.constantData(data);
  }

  emit(
    op: string,
    inputs: readonly (StaticValue | null)[],
    attrs: Readonly<Record<string, AttrInput>> = {},
    numOutputs = 1,
    domain = '',
  ): readonly StaticValue[] {
    const node = { domain, op, version: NEWEST_OPSET, name: this.name, attrs: attrMap(attrs) };
    const results = this.walker.apply(node, inputs, new Array<boolean>(numOutputs).fill(true), this.env);
    const made = results.filter((v) => v !== null);
    this.held.push(...made);
    return made;
  }

  one(
    op: string,
    inputs: readonly (StaticTensor | null)[],
    attrs: Readonly<Record<string, AttrInput>> = {},
    domain = '',
  ): StaticTensor {
    const [v] = this.emit(op, inputs, attrs, 1, domain);
    if (v.kind !== 'tensor') return this.fail(`${op} gave a ${v.kind}`, undefined, 'INTERNAL');
    return v;
  }

  inline(region: Graph, args: readonly StaticValue[]): readonly StaticValue[] {
    this.held.push(...args);
    const results = this.walker.inline(region, args, this.env);
    this.held.push(...results);
    return results;
  }

  countUnrolled(): void {
    this.walker.countUnrolled();
  }
  hold(values: readonly StaticValue[]): void {
    this.held.push(...values);
  }

  tryLoop(spec: LoopSpec): { carried: readonly StaticTensor[]; stacked: readonly StaticTensor[] } | null {
    const { emitter } = this.walker;
    const fresh = (t: StaticTensor): StaticTensor =>
      emitter.tensor(this.name, { kind: 'tensor', dtype: t.dtype, shape: t.shape });
    const iteration = emitter.tensor(this.name, { kind: 'tensor', dtype: 'i64', shape: [] });
    const inits = spec.carried.map((t) => emitter.resolve(t));
    const states = inits.map(fresh);
    const attempt = attemptNested(() => emitter.nested(() => spec.body(iteration, states)));
    if (!attempt) return null;
    const { result, nodes } = attempt;
    const stackable = (result.stacked ?? []).length === 0 || (typeof spec.trip === 'number' && !result.cond);
    const invariant = result.carried.every((t, i) => sameType(t, states[i]));
    if (!stackable || !invariant) return null;
    const trip = typeof spec.trip === 'number' ? spec.trip : 0;
    const carried: Carried[] = inits.map((init, i) => ({
      init,
      state: states[i],
      next: result.carried[i],
      result: fresh(init),
    }));
    const stacked: Stacked[] = (result.stacked ?? []).map((s) => ({
      each: s.each,
      reverse: s.reverse ?? false,
      result: emitter.tensor(this.name, {
        kind: 'tensor',
        dtype: s.each.dtype,
        shape: [trip, ...s.each.shape],
      } as TensorType),
    }));
    const cond = result.cond ? { init: spec.cond ?? this.constant('bool', [], [1]), next: result.cond } : null;
    emitter.push({ kind: 'loop', name: this.name, trip: spec.trip, iteration, cond, carried, stacked, body: nodes });
    const made = { carried: carried.map((c) => c.result), stacked: stacked.map((s) => s.result) };
    this.held.push(...made.carried, ...made.stacked);
    return made;
  }

  tryBranch(
    cond: StaticTensor,
    then: () => readonly StaticValue[],
    otherwise: () => readonly StaticValue[],
  ): readonly StaticTensor[] | null {
    const { emitter } = this.walker;
    // A side that cannot run for these shapes is legal as long as it is not taken.
    const sides = attemptNested(() => [emitter.nested(then), emitter.nested(otherwise)] as const, true);
    if (!sides) return null;
    const [a, b] = sides.map((s) => s.result.filter((v) => v.kind === 'tensor').map((v) => emitter.resolve(v)));
    const allTensors = sides.every((s) => s.result.every((v) => v.kind === 'tensor'));
    if (!allTensors || a.length !== b.length || !a.every((t, i) => sameType(t, b[i]))) return null;
    const outputs = a.map((t) => emitter.tensor(this.name, { kind: 'tensor', dtype: t.dtype, shape: t.shape }));
    emitter.push({
      kind: 'branch',
      name: this.name,
      cond: emitter.resolve(cond),
      then: { nodes: sides[0].nodes, results: a },
      else: { nodes: sides[1].nodes, results: b },
      outputs,
    });
    this.held.push(...outputs);
    return outputs;
  }
}

/** Null when the body needs a run-time value, or when `refusable` and the body does not type-check. */
function attemptNested<T>(run: () => T, refusable = false): T | null {
  try {
    return run();
  } catch (error) {
    if (error instanceof Demand && error.nested) return null;
    if (refusable && error instanceof TilewrightError && error.code === 'INVALID_SHAPE') return null;
    throw error;
  }
}

const sameType = (a: StaticTensor, b: StaticTensor): boolean =>
  a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((d, i) => d === b.shape[i]);

function attrMap(attrs: Readonly<Record<string, AttrInput>>): ReadonlyMap<string, Attr> {
  return new Map(Object.entries(attrs).map(([k, v]) => [k, toAttr(v)]));
}

function toAttr(v: AttrInput): Attr {
  if (typeof v === 'number') {
    if (!Number.isInteger(v)) throw new TilewrightError('INTERNAL', 'a float attribute is written { float: x }');
    return { kind: 'int', value: BigInt(v) };
  }
  if (typeof v === 'boolean') return { kind: 'int', value: v ? 1n : 0n };
  if (typeof v === 'string') return { kind: 'string', value: v };
  if (Array.isArray(v)) {
    if (v.length > 0 && typeof v[0] === 'string') return { kind: 'strings', value: v as string[] };
    return { kind: 'ints', value: (v as number[]).map(BigInt) };
  }
  if ('float' in v) return { kind: 'float', value: v.float };
  if ('kind' in v) return v as Attr;
  return { kind: 'tensor', value: v as TensorData };
}
