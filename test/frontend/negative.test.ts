// Graphs that both ONNX's checker and other runtimes refuse: the frontend, the specialiser or the lowering
// refuses every one of them, with a typed error that says where.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type FeedType, specialise } from '../../src/2-graph/specialise.ts';
import { foldNode, toTiles } from '../../src/3-tile/from-graph.ts';
import { parseModel } from '../../src/compile.ts';
import type { ValueType } from '../../src/ir/graph.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { operatorRegistry } from '../../src/ops/registry.ts';
import { DATA, refusal } from './support.ts';

const FOLDER = path.join(DATA ?? '', 'graphs-negative');
/** Stands for every open extent. */
const EXTENT = 2;

/** A feed of the declared type, with unknown contents. */
function feed(type: ValueType | undefined): FeedType {
  if (type?.kind === 'tensor') {
    const shape = (type.shape ?? []).map((d) => (typeof d === 'number' ? d : EXTENT));
    return { kind: 'tensor', dtype: type.dtype, shape };
  }
  return type?.kind === 'sequence' ? { kind: 'sequence', elems: [], dtype: 'f32' } : { kind: 'optional', value: null };
}

/** Compiles as far as the tile graphs, where nothing of the model is left to refuse. */
function compile(file: string): void {
  const model = parseModel(new Uint8Array(fs.readFileSync(file)));
  const { inputs, constants } = model.graph;
  const feeds = inputs.map((v) => (constants.has(v) ? null : feed(v.type)));
  const { segments } = specialise(model, feeds, {
    registry: operatorRegistry(),
    limits: DEFAULT_LIMITS,
    fold: foldNode,
    answers: [],
  });
  for (const segment of segments) toTiles(segment);
}

describe.skipIf(!DATA)('graphs-negative (skipped without the test material, see TILEWRIGHT_DATA)', () => {
  const names = DATA ? fs.readdirSync(FOLDER).sort() : [];

  it.each(names)('%s', (name) => {
    const error = refusal(() => compile(path.join(FOLDER, name, 'model.onnx')));
    expect(error.code).not.toBe('INTERNAL');
    expect(Object.values(error.place).some((part) => part !== undefined && part !== '')).toBe(true);
  });
});
