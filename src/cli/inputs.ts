// What a model is fed from the command line: files, seeded random data, or the data set beside the model; and how
// symbolic extents are bound.
import fs from 'node:fs';
import path from 'node:path';
import type { FeedType } from '../2-graph/specialise.ts';
import { isTensorValue, type RunValue } from '../6-runtime/plan.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import type { Model, Value } from '../ir/graph.ts';
import { elementCount, type TensorData, tensorOf } from '../ir/tensor.ts';
import { mulberry32 } from '../support/random.ts';
import { listValues, readValue, type Stored } from './cases.ts';
import { readNpy } from './npy.ts';
import { type Options, usage } from './options.ts';

type ShapeOptions = Pick<Options, 'shapes' | 'dim'>;
type InputOptions = Pick<Options, 'input' | 'shapes' | 'dim'>;

/** Extents by input name, from `--shapes`. */
function parseShapes(text: string | undefined): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  for (const part of (text ?? '').split(',').filter((p) => p !== '')) {
    const at = part.lastIndexOf(':');
    const extents = part.slice(at + 1);
    const dims = extents.split('x').map(Number);
    if (at <= 0 || !dims.every((d) => Number.isSafeInteger(d) && d >= 0)) {
      usage(`--shapes has a part "${part}"`, 'Write name:1x3x224x224, several separated by commas.');
    }
    shapes.set(part.slice(0, at), dims);
  }
  return shapes;
}

function parseDims(texts: readonly string[]): Map<string, number> {
  const pairs = texts.map((t): [string, number] => {
    const [name, value] = t.split('=');
    const n = Number(value);
    return name && Number.isSafeInteger(n) && n >= 0 ? [name, n] : usage(`--dim has "${t}"`, 'Write --dim batch=1.');
  });
  return new Map(pairs);
}

/** Numeric extents of every open input; unbound symbols count as 1. */
export function boundShape(v: Value, options: ShapeOptions): number[] {
  const given = parseShapes(options.shapes).get(v.name);
  if (given) return given;
  const dims = parseDims(options.dim);
  const shape = v.type?.kind === 'tensor' ? v.type.shape : undefined;
  if (!shape) return usage(`input ${v.name} has no declared rank`, `Give --shapes ${v.name}:…`);
  return shape.map((d) => (typeof d === 'number' ? d : (dims.get(String(d)) ?? 1)));
}

/** Types of what is fed: the declared ones with their extents bound; null for an input with a default. */
export function tensorTypes(model: Model, options: ShapeOptions): (FeedType | null)[] {
  return model.graph.inputs.map((v): FeedType | null => {
    if (model.graph.constants.has(v)) return null;
    if (v.type?.kind === 'tensor') return { kind: 'tensor', dtype: v.type.dtype, shape: boundShape(v, options) };
    return usage('this command takes tensor inputs only', 'Use Session for this model.', v.name);
  });
}

/** Uniform data: floats in [-1, 1), integers in [0, 4), bools. */
function randomTensor(v: Value, shape: readonly number[], seed: number): TensorData {
  if (v.type?.kind !== 'tensor') return usage(`input ${v.name} is not a tensor`, 'Feed it from a file.');
  const { dtype } = v.type;
  const next = mulberry32(seed);
  const { kind } = dtypeInfo(dtype);
  const one = (): number => (kind === 'float' ? 2 * next() - 1 : Math.floor((kind === 'bool' ? 2 : 4) * next()));
  return tensorOf(dtype, shape, Array.from({ length: elementCount(shape) }, one));
}

function fromFile(v: Value, file: string): RunValue {
  if (file.endsWith('.npy')) return readNpy(fs.readFileSync(file), file);
  if (file.endsWith('.pb')) return readValue(file, v.type);
  return usage(`cannot tell what ${file} is`, 'Inputs are .npy or .pb files, or random:SEED.');
}

/** One value per graph input (null: its default); undefined when one that is needed is not stored. */
export function storedInputs(model: Model, stored: readonly Stored[]): (RunValue | null)[] | undefined {
  const { inputs, constants } = model.graph;
  const open = inputs.filter((v) => !constants.has(v));
  const files = new Map(stored.map((f) => [f.index, f.file]));
  const order = files.size > open.length ? inputs : open;
  const byValue = new Map(order.map((v, i) => [v, files.get(i)]));
  if (open.some((v) => !byValue.get(v) && v.type?.kind !== 'optional')) return undefined;
  return inputs.map((v) => {
    const file = byValue.get(v);
    return file ? readValue(file, v.type) : null;
  });
}

/**
 * One value per graph input (null: its default). `options.input` has `name=source` pairs; without them, and without
 * extents, the data set `test_data_set_0` beside the model is taken where it is complete.
 */
export function gatherInputs(model: Model, file: string, options: InputOptions): (RunValue | null)[] {
  const sources = new Map(options.input.map((g) => [g.slice(0, g.indexOf('=')), g.slice(g.indexOf('=') + 1)]));
  for (const name of sources.keys()) {
    if (!model.graph.inputs.some((v) => v.name === name)) {
      usage(`the model has no input "${name}"`, `Its inputs are: ${model.graph.inputs.map((v) => v.name).join(', ')}.`);
    }
  }
  const bound = options.shapes !== undefined || options.dim.length > 0;
  const beside = path.join(path.dirname(file), 'test_data_set_0');
  const offered = sources.size === 0 && !bound && fs.existsSync(beside);
  const stored = offered ? storedInputs(model, listValues(beside, 'input')) : undefined;
  if (stored) return stored;
  return model.graph.inputs.map((v, i) => {
    const source = sources.get(v.name);
    if (source === undefined && model.graph.constants.has(v)) return null;
    if (source === undefined) return randomTensor(v, boundShape(v, options), i + 1);
    const seed = /^random:(\d+)$/.exec(source);
    return seed ? randomTensor(v, boundShape(v, options), Number(seed[1])) : fromFile(v, source);
  });
}

/** Text such as float32[1,3,224,224] of a value. */
export function describeValue(v: RunValue | null): string {
  if (!v) return 'none';
  if (isTensorValue(v)) return `${dtypeInfo(v.dtype).api}[${v.shape.join(',')}]`;
  return v.kind === 'sequence' ? `sequence of ${v.elems.length}` : `optional ${describeValue(v.value)}`;
}
