// Tolerances from an INDEX.json found beside or above the cases: one entry per case with `rtol`/`atol` or per-output
// tolerances under `sets`.
import fs from 'node:fs';
import path from 'node:path';
import type { Tolerance } from './compare.ts';

type Tolerances = Partial<Tolerance>;
type IndexSet = Readonly<{ set: number | string; outputs: readonly (Tolerances & { random?: boolean })[] }>;
type IndexEntry = Tolerances & Readonly<{ name: string; sets?: readonly IndexSet[] }>;

export interface CaseIndex {
  /** Null: the output is random and not compared. */
  tolerance(set: string, output: number): Tolerance | null | undefined;
  /** True when it says per output which results are random. */
  readonly perOutput: boolean;
}

export class IndexFile {
  private readonly entries: ReadonlyMap<string, IndexEntry>;

  constructor(file: string) {
    const list = JSON.parse(fs.readFileSync(file, 'utf8')) as IndexEntry[];
    this.entries = new Map(list.map((e) => [e.name.replace(/\.onnx$/, ''), e]));
  }

  /** The entry whose name is the tail of the case's path. */
  find(casePath: string): CaseIndex | undefined {
    const parts = path.resolve(casePath).split(path.sep);
    const entry = this.entries.get(parts.at(-1)!) ?? this.entries.get(parts.slice(-2).join('/'));
    if (!entry) return undefined;
    return {
      perOutput: entry.sets !== undefined,
      tolerance: (set, output) => {
        const { sets = [] } = entry;
        const own = sets.filter((s) => `test_data_set_${s.set}` === set);
        // Data from elsewhere has no tolerance of its own: the widest of the model's own sets holds.
        const outputs = (own.length > 0 ? own : sets).flatMap((s) => s.outputs[output] ?? []);
        if (outputs.some((o) => o.random)) return null;
        const widest = (key: keyof Tolerance): number | undefined => {
          const given = [...outputs.map((o) => o[key]), entry[key]].filter((x) => x !== undefined);
          return given.length > 0 ? Math.max(...given) : undefined;
        };
        const [rtol, atol] = [widest('rtol'), widest('atol')];
        return rtol === undefined && atol === undefined ? undefined : { rtol: rtol ?? 0, atol: atol ?? 0 };
      },
    };
  }
}

/** The nearest INDEX.json at or above a folder. */
export function findIndex(dir: string): string | undefined {
  for (let d = path.resolve(dir); ; d = path.dirname(d)) {
    const file = path.join(d, 'INDEX.json');
    if (fs.existsSync(file)) return file;
    if (d === path.dirname(d)) return undefined;
  }
}
