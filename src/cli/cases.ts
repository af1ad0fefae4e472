// Finds test cases on disk in ONNX's backend-test form (`model.onnx` beside `test_data_set_N`), in the form `NAME.onnx`
// with `NAME_output_0.pb`, and reads their inputs and expected outputs; and tolerances from an INDEX.json beside or above
// them: an entry per case with `rtol`/`atol`, or per output under `sets`.
import fs from 'node:fs';
import path from 'node:path';
import { parseValue } from '../1-frontend/onnx/value.ts';
import type { RunValue } from '../6-runtime/plan.ts';
import type { ValueType } from '../ir/graph.ts';
import { elementCount, type TensorData, tensorOf } from '../ir/tensor.ts';
import type { Tolerance } from './compare.ts';

/** A file `prefix_K.pb`, or `prefix_K.sample.pb` with some elements only. */
export type Stored = Readonly<{ index: number; file: string; sample: boolean }>;
/** No inputs: none are stored, element i of n is i/n. */
export type DataSet = Readonly<{ name: string; inputs: readonly Stored[] | null; outputs: readonly Stored[] }>;
/** Its data sets are read when they are asked for. */
export type TestCase = Readonly<{ name: string; model: string; sets: () => readonly DataSet[] }>;

/** All cases under the given folders, in sorted order. */
export function findCases(dirs: readonly string[]): TestCase[] {
  const found: TestCase[] = [];
  const stack = [...dirs].reverse();
  for (let dir = stack.pop(); dir !== undefined; dir = stack.pop()) {
    const at = (name: string): string => path.join(dir!, name);
    const entries = fs.readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    if (entries.some((e) => e.name === 'model.onnx')) {
      const sets = entries.filter((e) => e.isDirectory() && /_set_\d+$/.test(e.name)).map((e) => e.name);
      const read = (name: string): DataSet => {
        return { name, inputs: listValues(at(name), 'input'), outputs: listValues(at(name), 'output') };
      };
      found.push({ name: dir, model: at('model.onnx'), sets: () => sets.map(read) });
      continue;
    }
    for (const { name } of entries.filter((e) => e.name.endsWith('.onnx'))) {
      const stem = name.slice(0, -'.onnx'.length);
      const outputs = listValues(dir, `${stem}_output`);
      const sets = outputs.length > 0 ? [{ name: '', inputs: null, outputs }] : [];
      found.push({ name: at(stem), model: at(name), sets: () => sets });
    }
    for (const e of entries.reverse()) if (e.isDirectory()) stack.push(at(e.name));
  }
  return found;
}

/** Reads `prefix_K.pb` as the type the model declares. */
export const readValue = (file: string, type: ValueType | undefined): RunValue =>
  parseValue(fs.readFileSync(file), type?.kind ?? 'tensor').value;

/** The input of a light case: element i of n is i/n. */
export function rampInput(shape: readonly number[]): TensorData {
  const n = elementCount(shape);
  const ramp = Array.from({ length: n }, (_, i) => i / n);
  return tensorOf('f32', shape, ramp);
}

/** The files `prefix_K.pb` and `prefix_K.sample.pb` of a folder, by K. */
export function listValues(dir: string, prefix: string): Stored[] {
  const found = fs.readdirSync(dir).flatMap((name): Stored[] => {
    const m = name.startsWith(`${prefix}_`) && /^(\d+)(\.sample)?\.pb$/.exec(name.slice(prefix.length + 1));
    return m ? [{ index: Number(m[1]), file: path.join(dir, name), sample: m[2] !== undefined }] : [];
  });
  return found.sort((a, b) => a.index - b.index);
}

type Tolerances = Partial<Tolerance>;
type IndexSet = Readonly<{ set: number | string; outputs: readonly (Tolerances & { random?: boolean })[] }>;
/** What an INDEX.json says of a case; it has `sets` where it says per output which results are random. */
export type IndexEntry = Tolerances & Readonly<{ name: string; sets?: readonly IndexSet[] }>;

/** The entries of a file, by the tail of a case's path. */
export function readIndex(file: string): (casePath: string) => IndexEntry | undefined {
  const list = JSON.parse(fs.readFileSync(file, 'utf8')) as IndexEntry[];
  const entries = new Map(list.map((e) => [e.name.replace(/\.onnx$/, ''), e]));
  return (casePath) => {
    const parts = path.resolve(casePath).split(path.sep);
    return entries.get(parts.at(-1)!) ?? entries.get(parts.slice(-2).join('/'));
  };
}

/** Tolerance of an output. Null: it is random and not compared; undefined: nothing is said. */
export function toleranceOf(entry: IndexEntry, set: string, output: number): Tolerance | null | undefined {
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
}

/** The nearest INDEX.json at or above a folder. */
export function findIndex(dir: string): string | undefined {
  for (let d = path.resolve(dir); ; d = path.dirname(d)) {
    const file = path.join(d, 'INDEX.json');
    if (fs.existsSync(file)) return file;
    if (d === path.dirname(d)) return undefined;
  }
}
