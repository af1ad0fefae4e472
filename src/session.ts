// The public Session: a model is parsed and checked once, compiled for the shapes it sees, and run.
// Shaped after onnxruntime-common's InferenceSession: create, run, inputNames, outputNames, release.
import type { FeedType } from './2-graph/specialise.ts';
import { feedType, isTensorValue, Plan, type RunValue, requireFeed, type SegmentCompiler } from './6-runtime/plan.ts';
import { fromTensorData, Tensor, toTensorData } from './6-runtime/tensor.ts';
import type { Backend } from './backends/backend.ts';
import { modelCompiler } from './compile.ts';
import { dtypeInfo } from './ir/dtype.ts';
import type { Model, Value, ValueType } from './ir/graph.ts';
import { DEFAULT_LIMITS, type ModelLimits } from './ir/limits.ts';
import { TilewrightError } from './support/errors.ts';

/** A list of tensors (ONNX sequence) or null (an empty optional) may stand where the model says so. */
export type Feed = Tensor | readonly Tensor[] | null;
export type Feeds = Readonly<Record<string, Feed>>;
export type Results = Record<string, Tensor | Tensor[] | null>;

export interface SessionOptions {
  /** Bounds on what the model may ask for. */
  readonly limits?: Partial<ModelLimits>;
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
  const t: ValueType | undefined = v.type;
  if (t?.kind !== 'tensor') return { name: v.name, type: t?.kind ?? 'unknown', shape: undefined };
  return {
    name: v.name,
    type: dtypeInfo(t.dtype).api,
    shape: t.shape?.map((d) => (typeof d === 'number' ? d : String(d))),
  };
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
    this.inputNames = this.inputMetadata
      .filter((_, i) => !model.graph.constants.has(model.graph.inputs[i]))
      .map((m) => m.name);
    this.outputNames = this.outputMetadata.map((m) => m.name);
  }

  /** Compiles for the declared shapes when all are numeric; otherwise the first run compiles. */
  async prepare(): Promise<void> {
    const types = this.model.graph.inputs.map((v) => (this.model.graph.constants.has(v) ? null : declared(v)));
    if (types.includes(undefined)) return;
    await this.plan(types as (FeedType | null)[]).prepare();
  }

  /**
   * Runs the model. Feeds are named by input; initialisers with a default may be left out.
   * @throws TilewrightError INVALID_INPUT for feeds that do not fit; RUNTIME_CHECK when the data breaks an operator's rule
   */
  run(feeds: Feeds): Promise<Results> {
    const turn = this.queue.then(() => this.runNow(feeds));
    this.queue = turn.catch(() => undefined);
    return turn;
  }

  private async runNow(feeds: Feeds): Promise<Results> {
    if (this.released) throw new TilewrightError('USAGE', 'the session was released');
    const { graph } = this.model;
    for (const name of Object.keys(feeds)) {
      if (!this.inputMetadata.some((m) => m.name === name)) {
        throw new TilewrightError(
          'INVALID_INPUT',
          'the model has no such input',
          { value: name },
          `Its inputs are: ${this.inputNames.join(', ')}.`,
        );
      }
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
    requireFeed(given, v.name);
    const value = fromPublic(given as Tensor | readonly Tensor[], v.type);
    checkFeed(v, value);
    return value;
  }

  private plan(types: readonly (FeedType | null)[]): Plan {
    const key = JSON.stringify(types);
    let plan = this.plans.get(key);
    this.plans.delete(key);
    plan ??= new Plan(this.compiler, types);
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
    const total = (f: (e: (typeof all)[number]) => number): number => all.reduce((n, e) => n + f(e), 0);
    return {
      arenaBytes: Math.max(0, ...all.map((e) => e.arenaBytes)),
      codeBytes: total((e) => e.codeBytes),
      kernels: total((e) => e.kernels),
      segments: all.length,
    };
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
  if (!isTensorValue(value) || type?.kind !== 'tensor') {
    if (type && type.kind !== (isTensorValue(value) ? 'tensor' : value.kind)) {
      throw new TilewrightError('INVALID_INPUT', `expected a ${type.kind}`, { value: v.name });
    }
    return;
  }
  if (type.dtype !== value.dtype) {
    throw new TilewrightError(
      'INVALID_INPUT',
      `has type ${dtypeInfo(value.dtype).api}, expected ${dtypeInfo(type.dtype).api}`,
      { value: v.name },
    );
  }
  const { shape } = type;
  const fits =
    !shape ||
    (shape.length === value.shape.length && shape.every((d, i) => typeof d !== 'number' || d === value.shape[i]));
  if (!fits) {
    throw new TilewrightError('INVALID_INPUT', `does not fit the declared shape [${shape.join(', ')}]`, {
      value: v.name,
      shape: value.shape,
    });
  }
}
