// The published test material: every valid file is read, and containers come back as they were stored.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/source.ts';
import type { FileSource } from '../../src/1-frontend/onnx/files.ts';
import { OptionalSchema, SequenceSchema } from '../../src/1-frontend/onnx/gen/onnx_pb.ts';
import { nodeFiles } from '../../src/1-frontend/onnx/node-files.ts';
import { parseValue } from '../../src/1-frontend/onnx/value.ts';
import { parseModel } from '../../src/compile.ts';
import { TilewrightError } from '../../src/support/errors.ts';
import { DATA, expectRefusal } from './support.ts';

function modelFiles(collection: string): string[] {
  const entries = fs.readdirSync(path.join(DATA!, collection), { recursive: true, withFileTypes: true });
  return entries
    .filter((e) => e.isFile() && e.name.endsWith('.onnx'))
    .map((e) => path.join(e.parentPath, e.name))
    .sort();
}

const zeros: FileSource = { readExternal: (_location, _offset, length) => new Uint8Array(length) };

function load(file: string): void {
  const files = file.includes('structures') ? zeros : nodeFiles(path.dirname(file));
  parseModel(new Uint8Array(fs.readFileSync(file)), { files });
}

describe.skipIf(!DATA)('published models', () => {
  const collections = ['onnx-backend', 'models', 'structures', 'graphs-positive', 'nnsmith'];
  /** Valid for the framework that made it, but it mixes element types where ONNX does not allow it. */
  const invalid = ['nnsmith-0278'];
  it.each(collections)('%s: every file is read', (collection) => {
    for (const file of modelFiles(collection)) {
      if (!invalid.some((name) => file.includes(name))) load(file);
    }
  });
});

it('the script for mutated files says in a line what it lacks', () => {
  const args = ['--import', 'tsx', 'scripts/fuzz-files.ts', '--data', 'test/nowhere'];
  const { status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  expect(stderr).toMatch(/^no model files .* in test\/nowhere: .*\n$/);
  expect(status).toBe(2);
});

describe('containers', () => {
  const tensor = { name: 't', dims: [1n], dataType: 1, floatData: [7] };

  it('sequences of tensors, of sequences, and empty ones', () => {
    const inner = { elemType: 1, tensorValues: [tensor, tensor] };
    const outer = create(SequenceSchema, { name: 's', elemType: 3, sequenceValues: [inner, { elemType: 1 }] });
    const { name, value } = parseValue(toBinary(SequenceSchema, outer), 'sequence');
    expect(name).toBe('s');
    const inners = [
      { kind: 'sequence', elems: [{ shape: [1] }, { shape: [1] }] },
      { kind: 'sequence', elems: [] },
    ];
    expect(value).toMatchObject({ kind: 'sequence', elems: inners });
  });

  it('optionals, full, empty, and of sequences', () => {
    const of = (init: object) => parseValue(toBinary(OptionalSchema, create(OptionalSchema, init)), 'optional').value;
    expect(of({})).toEqual({ kind: 'optional', value: null });
    const bytes = new Uint8Array([0, 0, 0xe0, 0x40]);
    expect(of({ elemType: 1, tensorValue: tensor })).toMatchObject({ kind: 'optional', value: { bytes } });
    const list = { elemType: 1, tensorValues: [tensor] };
    expect(of({ elemType: 3, sequenceValue: list })).toMatchObject({ kind: 'optional', value: { kind: 'sequence' } });
  });

  it('maps, unknown kinds and depth are refused', () => {
    const of = (init: object) => parseValue(toBinary(SequenceSchema, create(SequenceSchema, init)), 'sequence');
    expectRefusal(() => of({ elemType: 4 }), 'UNSUPPORTED_TYPE', /maps/);
    expectRefusal(() => of({ elemType: 9 }), 'INVALID_MODEL');
    let nested: object = { elemType: 1 };
    for (let i = 0; i < 70; i++) nested = { elemType: 3, sequenceValues: [nested] };
    expectRefusal(() => of(nested), 'LIMIT_EXCEEDED', /nesting/);
    expect(() => parseValue(new Uint8Array(0), 'tensor')).toThrow(TilewrightError);
  });
});
