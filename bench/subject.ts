// The models that benchmarks measure: networks that are built here, and the third-party structures and models of
// TILEWRIGHT_DATA. In: a group and a name. Out: the model read from a folder of its own, and what it is fed.
import fs from 'node:fs';
import path from 'node:path';
import type { RunValue } from '../src/6-runtime/plan.ts';
import { toTensorData } from '../src/6-runtime/tensor.ts';
import { readIndex, type IndexEntry as Tolerances } from '../src/cli/cases.ts';
import { gatherInputs } from '../src/cli/inputs.ts';
import type { Model } from '../src/ir/graph.ts';
import { readModel } from '../src/node.ts';
import { DATA } from '../test/conformance/data.ts';
import { type IndexEntry, materialise } from './material.ts';
import { NETWORKS, type Network } from './networks/index.ts';

export interface Named {
  readonly group: string;
  readonly name: string;
  /** An empty folder for the model's files. */
  readonly dir: string;
  /** The folder of the material, with INDEX.json; built models need none. */
  readonly data?: string;
}

export interface Subject {
  readonly file: string;
  readonly model: Model;
  readonly feeds: readonly (RunValue | null)[];
  readonly index: Tolerances | undefined;
}

/** Writes the model's files and reads them. Throws where the material does not have it. */
export function subject({ group, name, dir, data }: Named): Subject {
  const make = (NETWORKS as Readonly<Record<string, Readonly<Record<string, () => Network>>>>)[group]?.[name];
  if (make) {
    const network = make();
    const file = path.join(dir, 'model.onnx');
    fs.writeFileSync(file, network.model.toBytes());
    const model = readModel(file);
    const feeds = model.graph.inputs.map((v) => toTensorData(network.feeds[v.name]));
    return { file, model, feeds, index: undefined };
  }
  const index = path.join(data!, 'INDEX.json');
  const entries = JSON.parse(fs.readFileSync(index, 'utf8')) as IndexEntry[];
  const entry = entries.find((e) => e.coll === group && e.name === name);
  if (!entry) throw new Error('INDEX.json does not have the model');
  const file = materialise(path.join(data!, group, name), entry, dir);
  const model = readModel(file);
  const feeds = gatherInputs(model, file, { input: [], dim: [] });
  return { file, model, feeds, index: readIndex(index)(name) };
}

/** Group and name of every model, in the order of the report. */
export function available(): readonly (readonly [group: string, name: string])[] {
  const built = Object.entries(NETWORKS).flatMap(([g, all]) => Object.keys(all).map((name) => [g, name] as const));
  const found = ['structures', 'models'].flatMap((group) => {
    const folder = DATA && path.join(DATA, group);
    const names = folder && fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
    return names.map((name) => [group, name] as const);
  });
  return [...built, ...found];
}
