// Execution of a specialised model. A plan is a tree: its root is a set of feed types, its edges are values read on the
// way (data-dependent extents), compiled when first taken, its nodes hold compiled segments. In: feeds. Out: values.
import type { FeedType, Specialisation } from '../2-graph/specialise.ts';
import type { StaticGraph, StaticTensor } from '../2-graph/static.ts';
import { mapTensors, tensorsIn } from '../ir/composite.ts';
import type { RunValue, TensorData } from '../ir/tensor.ts';
import { invariant } from '../support/errors.ts';
import type { Executable } from './executable.ts';

export type { RunValue } from '../ir/tensor.ts';

/** What a plan needs from the compiler. */
export interface SegmentCompiler {
  specialise(feeds: readonly (FeedType | null)[], answers: readonly TensorData[]): Specialisation;
  build(segment: StaticGraph): Promise<Executable>;
}

type Program = Readonly<{ graph: StaticGraph; executable: Executable }>;
/** With the programs of the segments that it adds to its parent's. */
type PlanNode = Readonly<{ specialisation: Specialisation; added: readonly Program[]; next: Map<string, PlanNode> }>;

export const isTensorValue = (v: RunValue): v is TensorData => 'bytes' in v;

/** The type of a fed value. */
export const feedType = (v: RunValue): FeedType =>
  mapTensors(v, ({ dtype, shape }) => ({ kind: 'tensor' as const, dtype, shape }));

/** Content key of a small tensor. */
function contentKey(t: TensorData): string {
  let text = `${t.dtype}[${t.shape.join(',')}]`;
  for (const byte of t.bytes) text += String.fromCharCode(byte);
  return text;
}

/** Figures of several programs: peak arena bytes; bytes of code and distinct kernels in all. */
export function figuresOf(executables: readonly Executable[]): Omit<Executable, 'run' | 'dispose'> {
  const total = (f: 'codeBytes' | 'kernels'): number => executables.reduce((n, e) => n + e[f], 0);
  const arenaBytes = Math.max(0, ...executables.map((e) => e.arenaBytes));
  return { arenaBytes, codeBytes: total('codeBytes'), kernels: total('kernels') };
}

/** All that is compiled for one set of feed types. */
export class Plan {
  private root: PlanNode | null = null;
  private readonly compiler: SegmentCompiler;
  private readonly types: readonly (FeedType | null)[];
  readonly executables: Executable[] = [];

  constructor(compiler: SegmentCompiler, types: readonly (FeedType | null)[]) {
    this.compiler = compiler;
    this.types = types;
  }

  /** Compiles what does not depend on run-time values. */
  async prepare(): Promise<void> {
    this.root ??= await this.grow([], 0);
  }

  private async grow(answers: readonly TensorData[], have: number): Promise<PlanNode> {
    const specialisation = this.compiler.specialise(this.types, answers);
    const added: Program[] = [];
    for (const graph of specialisation.segments.slice(have)) {
      const executable = await this.compiler.build(graph);
      this.executables.push(executable);
      added.push({ graph, executable });
    }
    return { specialisation, added, next: new Map() };
  }

  async run(feeds: readonly (RunValue | null)[]): Promise<RunValue[]> {
    await this.prepare();
    let node = this.root!;
    const known = new Map<number, TensorData>();
    const flat = feeds.flatMap((v) => (v ? tensorsIn(v) : []));
    for (const [i, t] of node.specialisation.inputs.flat().entries()) known.set(t.id, flat[i]);
    const answers: TensorData[] = [];
    let done = 0;
    for (;;) {
      for (const { graph, executable } of node.added) {
        const results = executable.run(graph.inputs.map((t) => get(known, t)));
        for (const [i, t] of graph.outputs.entries()) known.set(t.id, results[i]);
      }
      done += node.added.length;
      const { pending } = node.specialisation;
      if (!pending) return node.specialisation.outputs.map((v) => mapTensors(v, (t) => get(known, t)));
      const value = get(known, pending);
      answers.push(value);
      const key = contentKey(value);
      const next: PlanNode = node.next.get(key) ?? (await this.grow(answers, done));
      node.next.set(key, next);
      node = next;
    }
  }

  dispose(): void {
    for (const e of this.executables) e.dispose();
    this.executables.length = 0;
    this.root = null;
  }
}

function get(known: ReadonlyMap<number, TensorData>, t: StaticTensor): TensorData {
  const data = t.constant ?? known.get(t.id);
  invariant(data, `tensor ${t.id} is not available`);
  return data;
}
