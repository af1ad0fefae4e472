// Third-party models as the benchmark runs them. In: a folder of the material, whose large weights and inputs are only
// described, and its entry in INDEX.json. Out: a complete folder: model, weights and the inputs of data set 0.
import fs from 'node:fs';
import path from 'node:path';
import type { TensorData } from '../src/ir/tensor.ts';
import { mulberry32 } from '../src/support/random.ts';
import { encodeTensor } from '../src/web/write.ts';

/** Uniform float32 values. */
interface Recipe {
  readonly shape: readonly number[];
  readonly lo: number;
  readonly hi: number;
  readonly seed: number;
}

interface InputRecipe extends Recipe {
  readonly name: string;
  readonly np: string;
  readonly dist: string;
}

export interface IndexEntry {
  readonly coll: string;
  readonly name: string;
  readonly sets?: readonly { readonly inputs: readonly InputRecipe[] }[];
}

interface Weights {
  readonly total_bytes: number;
  readonly tensors: readonly (Recipe & { readonly offset: number })[];
}

function uniform({ shape, lo, hi, seed }: Recipe): Float32Array {
  const next = mulberry32(seed);
  const values = new Float32Array(shape.reduce((n, d) => n * d, 1));
  for (let i = 0; i < values.length; i++) values[i] = lo + (hi - lo) * next();
  return values;
}

const bytesOf = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer);

/** An input that is not stored. */
export function madeInput(recipe: InputRecipe): TensorData {
  const known = recipe.np === 'float32' && recipe.dist === 'uniform';
  if (!known) throw new Error(`input ${recipe.name} is ${recipe.dist} ${recipe.np}, which only files give`);
  return { dtype: 'f32', shape: recipe.shape, bytes: bytesOf(uniform(recipe)) };
}

function writeWeights(description: string, file: string): void {
  const { total_bytes, tensors } = JSON.parse(fs.readFileSync(description, 'utf8')) as Weights;
  const fd = fs.openSync(file, 'w');
  fs.ftruncateSync(fd, total_bytes);
  for (const t of tensors) fs.writeSync(fd, bytesOf(uniform(t)), 0, null, t.offset);
  fs.closeSync(fd);
}

export const WEIGHTS = 'weights.bin';

/** Completes the model of the folder `from` in the folder `to`; gives the model's path. */
export function materialise(from: string, entry: IndexEntry, to: string): string {
  const model = path.join(to, 'model.onnx');
  fs.copyFileSync(path.join(from, 'model.onnx'), model);
  const description = path.join(from, 'weights.json');
  if (fs.existsSync(description)) writeWeights(description, path.join(to, WEIGHTS));
  const set = 'test_data_set_0';
  fs.mkdirSync(path.join(to, set));
  for (const [i, recipe] of (entry.sets?.[0]?.inputs ?? []).entries()) {
    const name = `${set}/input_${i}.pb`;
    const stored = path.join(from, name);
    if (fs.existsSync(stored)) fs.copyFileSync(stored, path.join(to, name));
    else fs.writeFileSync(path.join(to, name), encodeTensor(recipe.name, madeInput(recipe)));
  }
  return model;
}
