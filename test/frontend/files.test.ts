// External data: what a model may name, and what it may not reach. One test per known attack.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FileSource } from '../../src/1-frontend/onnx/files.ts';
import { ModelSchema, type TensorSchema } from '../../src/1-frontend/onnx/gen/onnx_pb.ts';
import { nodeFiles, readRegion } from '../../src/1-frontend/onnx/node-files.ts';
import { parseModel } from '../../src/compile.ts';
import { tensorValues } from '../../src/ir/tensor.ts';
import { readModel } from '../../src/node.ts';
import { refuse } from '../../src/support/errors.ts';
import { expectRefusal } from './support.ts';

type Tensor = MessageInitShape<typeof TensorSchema>;

const external = (entries: Record<string, string>, more: Tensor = {}): Tensor => ({
  name: 'w',
  dims: [2n],
  dataType: 1,
  dataLocation: 1,
  externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
  ...more,
});

type Site = (t: Tensor) => object;
const graph = (parts: object): object => ({ graph: { output: [], ...parts } });
const constant = (t: Tensor): object => ({
  opType: 'Constant',
  output: ['k'],
  attribute: [{ name: 'value', type: 4, t }],
});
const sparse = (t: Tensor): object => ({
  values: t,
  dims: [4n],
  indices: { dims: [2n], dataType: 7, int64Data: [0n, 1n] },
});

/** Every place of a model in which a tensor can stand. */
const SITES: readonly [string, Site][] = [
  ['initialiser', (t) => graph({ initializer: [t] })],
  ['sparse initialiser, values', (t) => graph({ sparseInitializer: [sparse(t)] })],
  [
    'sparse initialiser, indices',
    (t) =>
      graph({
        sparseInitializer: [
          {
            values: { name: 's', dims: [1n], dataType: 1, floatData: [1] },
            indices: { ...t, dims: [1n], dataType: 7 },
            dims: [4n],
          },
        ],
      }),
  ],
  ['Constant', (t) => graph({ node: [constant(t)] })],
  [
    'Constant, sparse',
    (t) =>
      graph({
        node: [
          {
            opType: 'Constant',
            output: ['k'],
            attribute: [{ name: 'sparse_value', type: 11, sparseTensor: sparse(t) }],
          },
        ],
      }),
  ],
  [
    'list of tensors',
    (t) => graph({ node: [{ opType: 'Constant', output: ['k'], attribute: [{ name: 'v', type: 9, tensors: [t] }] }] }),
  ],
  [
    'region',
    (t) =>
      graph({
        node: [
          {
            opType: 'Custom',
            output: ['k'],
            attribute: [{ name: 'then_branch', type: 5, g: { node: [constant(t)] } }],
          },
        ],
      }),
  ],
  [
    'initialiser of a region',
    (t) =>
      graph({
        node: [
          { opType: 'Custom', output: ['k'], attribute: [{ name: 'g', type: 10, graphs: [{ initializer: [t] }] }] },
        ],
      }),
  ],
  ['function', (t) => ({ graph: {}, functions: [{ name: 'f', domain: 'd', node: [constant(t)] }] })],
  [
    'default of a function attribute',
    (t) => ({ graph: {}, functions: [{ name: 'f', domain: 'd', attributeProto: [{ name: 'v', type: 4, t }] }] }),
  ],
];

const encode = (parts: object): Uint8Array =>
  toBinary(ModelSchema, create(ModelSchema, { irVersion: 8n, opsetImport: [{ domain: '', version: 13n }], ...parts }));
const initialised = (t: Tensor): Uint8Array => encode(graph({ initializer: [t] }));

let base: string;
let folder: string;
let files: FileSource;
const write = (name: string, data = new Float32Array([1, 2])): void =>
  fs.writeFileSync(path.join(folder, name), new Uint8Array(data.buffer));
const load = (entries: Record<string, string>, source: FileSource = files) =>
  parseModel(initialised(external(entries)), { files: source });
const values = (entries: Record<string, string>, source?: FileSource) =>
  [...load(entries, source).graph.constants.values()].flatMap(tensorValues);

beforeAll(() => {
  base = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-files-')));
  folder = path.join(base, 'model');
  fs.mkdirSync(path.join(folder, 'sub'), { recursive: true });
  write('w.bin');
  write('sub/w.bin');
  write('long.bin', new Float32Array([9, 1, 2, 9]));
  fs.writeFileSync(path.join(base, 'secret.bin'), new Uint8Array(8));
  files = nodeFiles(folder);
});
afterAll(() => fs.rmSync(base, { recursive: true, force: true }));

describe('a model that is a file', () => {
  it('of more than small pages suit is what its bytes are', () => {
    const weights = Float32Array.from({ length: 2 ** 21 }, (_, i) => i % 1000);
    const raw = new Uint8Array(weights.buffer);
    const bytes = initialised({ name: 'w', dims: [BigInt(weights.length)], dataType: 1, rawData: raw });
    const file = path.join(base, 'large.onnx');
    fs.writeFileSync(file, bytes);
    const [read] = readModel(file).graph.constants.values();
    expect(Buffer.compare(read.bytes, raw)).toBe(0);
    expectRefusal(() => readModel(file, { limits: { modelBytes: bytes.length - 1 } }), 'LIMIT_EXCEEDED');
  });

  it('that is shorter than it was is refused', () => {
    const fd = fs.openSync(path.join(folder, 'w.bin'), 'r');
    const ended = (): never => refuse('USAGE', 'shorter');
    expectRefusal(() => readRegion(fd, 0, 9, ended), 'USAGE', /shorter/);
    fs.closeSync(fd);
  });
});

describe('external data', () => {
  it('is read from beside the model and below', () => {
    expect(values({ location: 'w.bin' })).toEqual([1, 2]);
    expect(values({ location: './sub//w.bin' })).toEqual([1, 2]);
    expect(values({ location: 'long.bin', offset: '4', length: '8' })).toEqual([1, 2]);
  });

  it('is read from memory where there are no files', () => {
    const bytes = new Uint8Array(new Float32Array([3, 4]).buffer);
    const source: FileSource = { readExternal: (_, offset, length) => bytes.subarray(offset, offset + length) };
    expect(values({ location: 'sub/w.bin' }, source)).toEqual([3, 4]);
  });

  it('may be absent for empty tensors only', () => {
    expectRefusal(() => load({ location: 'none.bin' }), 'EXTERNAL_DATA', /missing/);
    expectRefusal(() => load({}), 'EXTERNAL_DATA', /no location/);
  });

  it('names the tensor and the file', () => {
    expectRefusal(() => load({ location: '../w.bin' }), 'EXTERNAL_DATA', /\.\.\/w\.bin/);
    expectRefusal(() => load({ location: 'w.bin', length: '4' }), 'EXTERNAL_DATA', /tensor "w"/);
  });
});

describe('threats to files', () => {
  const outside = [
    '../secret.bin',
    '..',
    '../model/w.bin',
    '/etc/passwd',
    '//etc/passwd',
    'C:/secret',
    'c:w.bin',
    'file:///etc/passwd',
    'http://host/w.bin',
    '\\\\host\\share',
    '..\\secret.bin',
    'w.bin\u0000.txt',
    'a\nb',
    '',
    '.',
    './',
    'x'.repeat(5000),
  ];
  it.each(outside)('threat 1: location %j', (location) => {
    expectRefusal(() => load({ location }), 'EXTERNAL_DATA');
  });

  it.each(['sub/../../secret.bin', './../secret.bin', 'sub/./../w.bin', 'sub/..'])(
    'threat 2: equivalent form %s',
    (location) => {
      expectRefusal(() => load({ location }), 'EXTERNAL_DATA', /leaves the folder/);
    },
  );

  it('threat 3: symbolic link in a parent component', () => {
    fs.symlinkSync(base, path.join(folder, 'up'));
    expectRefusal(() => load({ location: 'up/secret.bin' }), 'EXTERNAL_DATA', /symbolic link/);
    fs.symlinkSync('sub', path.join(folder, 'inner'));
    expectRefusal(() => load({ location: 'inner/w.bin' }), 'EXTERNAL_DATA', /symbolic link/);
  });

  it('threat 4: final symbolic link, hard link, and what is not a file', () => {
    fs.symlinkSync('../secret.bin', path.join(folder, 'link.bin'));
    expectRefusal(() => load({ location: 'link.bin' }), 'EXTERNAL_DATA', /symbolic link/);
    fs.symlinkSync('nowhere', path.join(folder, 'dangling.bin'));
    expectRefusal(() => load({ location: 'dangling.bin' }), 'EXTERNAL_DATA', /leads nowhere/);
    fs.symlinkSync('circle', path.join(folder, 'circle'));
    expectRefusal(() => load({ location: 'circle' }), 'EXTERNAL_DATA', /leads nowhere/);
    expectRefusal(() => load({ location: 'circle/w.bin' }), 'EXTERNAL_DATA', /leads nowhere/);
    fs.linkSync(path.join(base, 'secret.bin'), path.join(folder, 'hard.bin'));
    expectRefusal(() => load({ location: 'hard.bin' }), 'EXTERNAL_DATA', /hard link/);
    expectRefusal(() => load({ location: 'sub' }), 'EXTERNAL_DATA', /regular file/);
    expectRefusal(() => load({ location: 'w.bin/x' }), 'EXTERNAL_DATA', /not a folder/);
    execFileSync('mkfifo', [path.join(folder, 'pipe.bin')]);
    expectRefusal(() => load({ location: 'pipe.bin' }), 'EXTERNAL_DATA', /regular file/);
  });

  const lengths: [string, Record<string, string>][] = [
    ['negative length', { length: '-8' }],
    ['petabyte length', { length: '1125899906842624' }],
    ['length beyond 64 bits', { length: '99999999999999999999999999' }],
    ['length in hexadecimal', { length: '0x8' }],
    ['fractional length', { length: '8.0' }],
    ['length that is too long for the shape', { length: '12' }],
    ['offset at the end', { offset: '8' }],
    ['negative offset', { offset: '-4' }],
    ['offset that wraps', { offset: '999999999999999' }],
  ];
  it.each(lengths)('threat 6: %s', (_, entries) => {
    expectRefusal(() => load({ location: 'w.bin', ...entries }), 'EXTERNAL_DATA');
  });

  it('threat 6: a huge shape does not allocate before the file is measured', () => {
    const t = external({ location: 'w.bin' }, { dims: [2n ** 29n] });
    const started = performance.now();
    expectRefusal(() => parseModel(initialised(t), { files }), 'EXTERNAL_DATA', /8 bytes/);
    expect(performance.now() - started).toBeLessThan(100);
  });

  it('threat 6: keys are data, not members', () => {
    const keys = { __proto__x: '1', constructor: '2', basepath: '/etc', checksum: 'x' };
    expect(values({ location: 'w.bin', ...keys })).toEqual([1, 2]);
    const doubled = external(
      {},
      {
        externalData: [
          { key: 'location', value: 'w.bin' },
          { key: 'location', value: 'long.bin' },
        ],
      },
    );
    expectRefusal(() => parseModel(initialised(doubled), { files }), 'EXTERNAL_DATA', /two entries/);
  });

  it.each(SITES)('threats 7 and 8: %s, without a folder and leaving it', (_, site) => {
    const bytes = (location: string) => encode(site(external({ location })));
    expectRefusal(() => parseModel(bytes('w.bin')), 'EXTERNAL_DATA', /no folder/);
    expectRefusal(() => parseModel(bytes('../secret.bin'), { files }), 'EXTERNAL_DATA', /leaves/);
  });

  it('threat 9: a location that another runtime takes for an address', () => {
    for (const location of ['*/_ORT_MEM_ADDR_/*', '/_ORT_MEM_ADDR_/']) {
      expectRefusal(() => load({ location, offset: '0', length: '8' }), 'EXTERNAL_DATA');
    }
  });

  it('threat 10: caches of links work when their target folder is allowed', () => {
    const blobs = path.join(base, 'blobs');
    fs.mkdirSync(blobs);
    fs.writeFileSync(path.join(blobs, 'abc'), new Uint8Array(new Float32Array([5, 6]).buffer));
    fs.symlinkSync('../blobs/abc', path.join(folder, 'cached.bin'));
    expectRefusal(() => load({ location: 'cached.bin' }), 'EXTERNAL_DATA', /allowSymlinks/);
    const source = nodeFiles(folder, { allowSymlinks: [blobs] });
    expect(values({ location: 'cached.bin' }, source)).toEqual([5, 6]);
    expectRefusal(() => load({ location: 'link.bin' }, source), 'EXTERNAL_DATA', /symbolic link/);
  });

  it('threat 23: a file that changes while the model is read', () => {
    write('moving.bin', new Float32Array([1, 2, 3, 4]));
    const source = nodeFiles(folder);
    source.readExternal('moving.bin', 0, 8);
    fs.rmSync(path.join(folder, 'moving.bin'));
    write('moving.bin', new Float32Array([1, 2, 3, 4, 5]));
    expectRefusal(() => source.readExternal('moving.bin', 8, 8), 'EXTERNAL_DATA', /changed/);
  });

  it('strings, inline data and sources that lie', () => {
    const t = external({ location: 'w.bin' }, { dataType: 8 });
    expectRefusal(() => parseModel(initialised(t), { files }), 'EXTERNAL_DATA', /strings/);
    const both = external({ location: 'w.bin' }, { floatData: [1, 2] });
    expectRefusal(() => parseModel(initialised(both), { files }), 'EXTERNAL_DATA', /both/);
    const short = { readExternal: () => new Uint8Array(4) };
    expectRefusal(() => load({ location: 'w.bin' }, short), 'EXTERNAL_DATA', /gave 4 bytes/);
  });

  it('a folder that does not exist is the caller’s mistake', () => {
    expectRefusal(() => nodeFiles(path.join(base, 'none')), 'USAGE');
  });
});
