// Finds test cases on disk in ONNX's backend-test form (`model.onnx` beside `test_data_set_N`), in the
// form `NAME.onnx` with `NAME_output_0.pb`, and reads their inputs and expected outputs.
import fs from 'node:fs';
import path from 'node:path';
import { parseOptional, parseSequence, parseTensor } from '../1-frontend/onnx/index.ts';
import type { RunValue } from '../6-runtime/plan.ts';
import type { ValueType } from '../ir/graph.ts';
import { elementCount, elements, emptyTensor, type TensorData } from '../ir/tensor.ts';

export interface DataSet {
  readonly name: string;
  readonly dir: string;
}
export interface TestCase {
  readonly name: string;
  readonly model: string;
  readonly sets: readonly DataSet[];
  /** `NAME_output_K.pb` of a light case: its input is i/n. */
  readonly light: readonly string[];
}

/** All cases under the given folders, in sorted order. */
export function findCases(dirs: readonly string[]): TestCase[] {
  const found: TestCase[] = [];
  const stack = [...dirs].reverse();
  for (let dir = stack.pop(); dir !== undefined; dir = stack.pop()) {
    const entries = fs.readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    const model = entries.find((e) => e.name === 'model.onnx');
    if (model) {
      const sets = entries.filter((e) => e.isDirectory() && /_set_\d+$/.test(e.name));
      found.push({
        name: dir,
        model: path.join(dir, 'model.onnx'),
        sets: sets.map((s) => ({ name: s.name, dir: path.join(dir, s.name) })),
        light: [],
      });
      continue;
    }
    for (const e of entries)
      if (e.name.endsWith('.onnx'))
        found.push(
          lightCase(
            dir,
            e.name,
            entries.map((x) => x.name),
          ),
        );
    stack.push(
      ...entries
        .filter((e) => e.isDirectory())
        .map((e) => path.join(dir, e.name))
        .reverse(),
    );
  }
  return found;
}

function lightCase(dir: string, file: string, names: readonly string[]): TestCase {
  const stem = file.slice(0, -'.onnx'.length);
  const light = names.filter((n) => n.startsWith(`${stem}_output_`) && n.endsWith('.pb')).map((n) => path.join(dir, n));
  return { name: path.join(dir, stem), model: path.join(dir, file), sets: [], light };
}

/** Reads `prefix_K.pb` as the type the model declares. */
export function readValue(file: string, type: ValueType | undefined): RunValue {
  const bytes = fs.readFileSync(file);
  if (type?.kind === 'sequence') return parseSequence(bytes).value;
  if (type?.kind === 'optional') return parseOptional(bytes).value;
  return parseTensor(bytes).tensor;
}

/** The input of a light case: element i of n is i/n. */
export function rampInput(shape: readonly number[]): TensorData {
  const t = emptyTensor('f32', shape);
  const n = elementCount(shape);
  const cells = elements('f32', t.bytes);
  for (let i = 0; i < n; i++) cells.set(i, i / n);
  return t;
}

/** Numbers of the files `prefix_K.pb` (or `prefix_K.sample.pb`) in a data set, in order. */
export function listValues(dir: string, prefix: string): { index: number; file: string; sample: boolean }[] {
  const pattern = new RegExp(`^${prefix}_(\\d+)(\\.sample)?\\.pb$`);
  return fs
    .readdirSync(dir)
    .map((n) => ({ n, m: pattern.exec(n) }))
    .filter(({ m }) => m !== null)
    .map(({ n, m }) => ({ index: Number(m![1]), file: path.join(dir, n), sample: m![2] !== undefined }))
    .sort((a, b) => a.index - b.index);
}
