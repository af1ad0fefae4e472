// The public Session: a model is parsed and checked once, compiled for the shapes it sees, and run. Shaped after
// onnxruntime-common's InferenceSession: create, run, inputNames, outputNames, release.
import type { ReadOptions } from '../1-frontend/onnx/tensor.ts';
import type { FeedType } from '../2-graph/specialise.ts';
import { feedType, figuresOf, isTensorValue, Plan, type RunValue, type SegmentCompiler } from '../6-runtime/plan.ts';
import { fromTensorData, Tensor, toTensorData } from '../6-runtime/tensor.ts';
import type { Backend, BackendOptions } from '../backends/backend.ts';
import { modelCompiler } from '../compile.ts';
import type { Dim } from '../ir/dim.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import type { Model, Value, ValueType } from '../ir/graph.ts';
import { DEFAULT_LIMITS } from '../ir/limits.ts';
import { refuse } from '../support/errors.ts';

/** What every entry point gives besides its own Session. */
export { Tensor } from '../6-runtime/tensor.ts';
export { DEFAULT_LIMITS, type ModelLimits } from '../ir/limits.ts';
export { type ErrorCode, type ErrorPlace, TilewrightError } from '../support/errors.ts';
export { version } from '../version.ts';

/** A list of tensors (ONNX sequence) or null (an empty optional) may stand where the model says so. */
export type Feed = Tensor | readonly Tensor[] | null;
export type Feeds = Readonly<Record<string, Feed>>;
/** Outputs by name. */
export type Results = Record<string, Tensor>;
/** Outputs by name, of models that also give sequences (lists) and optionals (null when empty). */
export type Values = Record<string, Tensor | Tensor[] | null>;

export interface SessionOptions extends ReadOptions, Pick<BackendOptions, 'winograd' | 'observer' | 'measure'> {
  /** Compiled shapes kept; the least recently used is dropped. Default 16. */
  readonly maxSpecialisations?: number;
}

export interface TensorMetadata {
  readonly name: string;
  /** 'float32', …; 'sequence' or 'optional' for those. */
  readonly type: string;
  /** Extents; a string is a symbolic one. Undefined: rank unknown. */
  readonly shape: readonly (number | string)[] | undefined;
}

function metadata(v: Value): TensorMetadata {
  const { name, type: t } = v;
  if (t?.kind !== 'tensor') return { name, type: t?.kind ?? 'unknown', shape: undefined };
  const shape = t.shape?.map((d) => (typeof d === 'number' ? d : String(d)));
  return { name, type: dtypeInfo(t.dtype).api, shape };
}

export class Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly TensorMetadata[];
  readonly outputMetadata: readonly TensorMetadata[];
  /** Name of the target in use. */
  readonly target: string;
  private readonly model: Model;
  private readonly compiler: SegmentCompiler;
  private readonly plans = new Map<string, Plan>();
  private readonly maxPlans: number;
  private queue: Promise<unknown> = Promise.resolve();
  private released = false;

  /** @internal Sessions are made by `createSession` of the entry points. */
  constructor(model: Model, backend: Backend, options: SessionOptions = {}) {
    this.model = model;
    this.target = backend.name;
    this.compiler = modelCompiler(model, backend, { ...DEFAULT_LIMITS, ...options.limits });
    this.maxPlans = options.maxSpecialisations ?? 16;
    this.inputMetadata = model.graph.inputs.map(metadata);
    this.outputMetadata = model.graph.outputs.map(metadata);
    this.inputNames = model.graph.inputs.filter((v) => !model.graph.constants.has(v)).map((v) => v.name);
    this.outputNames = model.graph.outputs.map((v) => v.name);
  }

  /** Compiles for the declared shapes when all are numeric; otherwise the first run compiles. */
  async prepare(): Promise<void> {
    const { inputs, constants } = this.model.graph;
    const types = inputs.map((v) => (constants.has(v) ? null : declared(v)));
    if (types.includes(undefined)) return;
    await this.plan(types as (FeedType | null)[]).prepare();
  }

  /**
   * Runs the model. Feeds are named by input; initialisers with a default may be left out.
   * @throws TilewrightError INVALID_INPUT for feeds that do not fit; RUNTIME_CHECK when the data breaks an operator's
   * rule; UNSUPPORTED_TYPE when an output is not a tensor: `runValues` gives those
   */
  async run(feeds: Feeds): Promise<Results> {
    const values = await this.runValues(feeds);
    for (const [name, value] of Object.entries(values)) {
      if (value instanceof Tensor) continue;
      const what = `an output is ${value ? 'a sequence' : 'an empty optional'}`;
      refuse('UNSUPPORTED_TYPE', what, { value: name }, 'Call runValues instead of run.');
    }
    return values as Results;
  }

  /** As `run`, for models whose outputs may be sequences or optionals too. */
  runValues(feeds: Feeds): Promise<Values> {
    const turn = this.queue.then(() => this.runNow(feeds));
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private async runNow(feeds: Feeds): Promise<Values> {
    if (this.released) refuse('USAGE', 'the session was released');
    const { graph } = this.model;
    const unknown = Object.keys(feeds).find((name) => !this.inputMetadata.some((m) => m.name === name));
    if (unknown !== undefined) {
      const hint = `Its inputs are: ${this.inputNames.join(', ')}.`;
      refuse('INVALID_INPUT', 'the model has no such input', { value: unknown }, hint);
    }
    const values = graph.inputs.map((v) => this.feed(v, feeds));
    const plan = this.plan(values.map((v) => v && feedType(v)));
    const results = await plan.run(values);
    return Object.fromEntries(graph.outputs.map((v, i) => [v.name, toPublic(results[i])]));
  }

  private feed(v: Value, feeds: Feeds): RunValue | null {
    const given = Object.hasOwn(feeds, v.name) ? feeds[v.name] : undefined;
    if (given === undefined && this.model.graph.constants.has(v)) return null;
    if (v.type?.kind === 'optional') {
      return { kind: 'optional', value: given === null || given === undefined ? null : fromPublic(given, v.type.elem) };
    }
    if (typeof given !== 'object' || given === null) {
      const hint = 'Feed a Tensor for every required input.';
      return refuse('INVALID_INPUT', 'no value was fed', { value: v.name }, hint);
    }
    const value = fromPublic(given, v.type);
    checkFeed(v, value);
    return value;
  }

  private plan(types: readonly (FeedType | null)[]): Plan {
    const key = JSON.stringify(types);
    const plan = this.plans.get(key) ?? new Plan(this.compiler, types);
    this.plans.delete(key);
    this.plans.set(key, plan);
    if (this.plans.size > this.maxPlans) {
      const [oldest, old] = this.plans.entries().next().value!;
      this.plans.delete(oldest);
      old.dispose();
    }
    return plan;
  }

  /** Figures of the compiled programs: peak arena bytes, code bytes, kernels. */
  get stats(): { arenaBytes: number; codeBytes: number; kernels: number; segments: number } {
    const all = [...this.plans.values()].flatMap((p) => p.executables);
    return { ...figuresOf(all), segments: all.length };
  }

  /** Frees compiled programs and their memory; waits for runs in progress. */
  async release(): Promise<void> {
    this.released = true;
    await this.queue;
    this.dispose();
  }

  dispose(): void {
    this.released = true;
    for (const p of this.plans.values()) p.dispose();
    this.plans.clear();
  }
}

function declared(v: Value): FeedType | undefined {
  if (v.type?.kind !== 'tensor' || !v.type.shape?.every((d) => typeof d === 'number')) return undefined;
  return { kind: 'tensor', dtype: v.type.dtype, shape: v.type.shape as number[] };
}

function fromPublic(given: Tensor | readonly Tensor[], type: ValueType | undefined): RunValue {
  if (!Array.isArray(given)) return toTensorData(given as Tensor);
  const elem = type?.kind === 'sequence' && type.elem?.kind === 'tensor' ? type.elem.dtype : undefined;
  return { kind: 'sequence', elems: given.map((t) => toTensorData(t)), dtype: elem };
}

function toPublic(v: RunValue): Tensor | Tensor[] | null {
  if (isTensorValue(v)) return fromTensorData(v);
  if (v.kind === 'sequence') return v.elems.map((e) => toPublic(e) as Tensor);
  return v.value && toPublic(v.value);
}

function checkFeed(v: Value, value: RunValue): void {
  const { type } = v;
  const invalid = (what: string, shape?: readonly number[]): never =>
    refuse('INVALID_INPUT', what, { value: v.name, shape });
  const kind = isTensorValue(value) ? 'tensor' : value.kind;
  if (type && type.kind !== kind) invalid(`expected a ${type.kind}`);
  if (type?.kind !== 'tensor' || !isTensorValue(value)) return;
  const { dtype, shape } = type;
  if (dtype !== value.dtype) invalid(`has type ${dtypeInfo(value.dtype).api}, expected ${dtypeInfo(dtype).api}`);
  const fits = (d: Dim, i: number): boolean => typeof d !== 'number' || d === value.shape[i];
  if (shape && (shape.length !== value.shape.length || !shape.every(fits))) {
    invalid(`does not fit the declared shape [${shape.join(', ')}]`, value.shape);
  }
}
