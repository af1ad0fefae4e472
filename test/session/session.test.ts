// Sessions: feeds and results as users of onnxruntime-common know them, specialisation per shape,
// data-dependent extents, concurrent runs, and refusals that say what to do.
import { describe, expect, it } from 'vitest';
import { Session, Tensor, TilewrightError } from '../../src/index.ts';
import { symbol } from '../../src/ir/dim.ts';
import { newValue, tensorType } from '../../src/ir/graph.ts';
import { tensorOf } from '../../src/ir/tensor.ts';
import { writeModel } from '../../src/web/write.ts';
import { attr } from '../attr.ts';
import { functionInit } from '../frontend/support.ts';
import { bytesOf, input, node } from './models.ts';

const TARGETS = ['wasm', 'interpreter'] as const;

function addModel(): Uint8Array {
  const x = input('x', 'f32', [symbol('N'), 2]);
  const y = input('y', 'f32', [2]);
  const z = newValue('z', tensorType('f32', [symbol('N'), 2]));
  return bytesOf([x, y], [z], [node('Add', [x, y], [z])], [[y, tensorOf('f32', [2], [10, 20])]]);
}

function nonZeroModel(): Uint8Array {
  const x = input('x', 'f32', [symbol('N')]);
  const [indices, picked] = [newValue('indices'), newValue('picked', tensorType('f32'))];
  const flat = newValue('flat');
  const shape = newValue('shape', tensorType('i64', [1]));
  return bytesOf(
    [x],
    [picked],
    [node('NonZero', [x], [indices]), node('Reshape', [indices, shape], [flat]), node('Gather', [x, flat], [picked])],
    [[shape, tensorOf('i64', [1], [-1n])]],
  );
}

/** Calls a function whose branches read its attribute `by` and its second input, which the call may leave out. */
function functionModel(attrs: object, inputs: readonly string[]): Uint8Array {
  const side = (name: string, by: string) => ({
    outputs: [{ name }],
    nodes: [{ op: 'Gemm', inputs: ['a', 'w', 'bias'], outputs: [name], attrs: { alpha: attr.ref(by) } }],
  });
  const branches = { then_branch: attr.graph(side('t', 'by')), else_branch: attr.graph(side('e', 'other')) };
  const scaled = {
    domain: 'local',
    name: 'Scaled',
    inputs: ['a', 'w', 'c', 'bias'],
    outputs: ['b'],
    attrNames: ['by'],
    attrDefaults: { other: attr.float(100) },
    nodes: [{ op: 'If', inputs: ['c'], outputs: ['b'], attrs: branches }],
  };
  const graph = {
    inputs: [
      { name: 'x', dtype: 'f32', shape: [1, 1] } as const,
      { name: 'one', dtype: 'f32', shape: [1, 1] } as const,
      { name: 'c', dtype: 'bool', shape: [] } as const,
    ],
    outputs: [{ name: 'y' }],
    nodes: [{ op: 'Scaled', domain: 'local', inputs, outputs: ['y'], attrs: { ...attrs } }],
  };
  const domains = [
    ['', 28],
    ['local', 1],
  ] as const;
  return writeModel({ graph, opsets: domains }, { functions: [functionInit(scaled)] });
}

async function refusal(run: () => Promise<unknown>): Promise<TilewrightError> {
  try {
    await run();
  } catch (error) {
    expect(error).toBeInstanceOf(TilewrightError);
    return error as TilewrightError;
  }
  throw new Error('nothing was refused');
}

describe.each(TARGETS)('on %s', (target) => {
  it('runs with named feeds and uses the default of an initialiser', async () => {
    const session = await Session.create(addModel(), { target });
    expect(session.inputNames).toEqual(['x']);
    expect(session.outputNames).toEqual(['z']);
    const { z } = await session.run({ x: new Tensor('float32', [1, 2, 3, 4], [2, 2]) });
    expect(z.dims).toEqual([2, 2]);
    expect([...(z.data as Float32Array)]).toEqual([11, 22, 13, 24]);
    const other = await session.run({
      x: new Tensor('float32', [1, 2], [1, 2]),
      y: new Tensor('float32', [0, 1], [2]),
    });
    expect([...(other['z'].data as Float32Array)]).toEqual([1, 3]);
    await session.release();
  });

  it('reads data-dependent extents and keeps what it compiled', async () => {
    const session = await Session.create(nonZeroModel(), { target });
    const run = async (xs: number[]): Promise<number[]> => {
      const { picked } = await session.run({ x: new Tensor('float32', xs, [xs.length]) });
      return [...(picked.data as Float32Array)];
    };
    expect(await run([0, 5, 0, 7])).toEqual([5, 7]);
    expect(await run([0, 0, 0, 0])).toEqual([]);
    const { segments } = session.stats;
    expect(await run([1, 0, 2, 0])).toEqual([1, 2]);
    expect(session.stats.segments).toBe(segments);
  });

  it('gives sequences to those who ask for all kinds of values', async () => {
    const x = input('x', 'f32', [2]);
    const s = newValue('s', { kind: 'sequence', elem: tensorType('f32', [2]) });
    const session = await Session.create(bytesOf([x], [s], [node('SequenceConstruct', [x, x], [s])]), { target });
    const feeds = { x: new Tensor('float32', [1, 2], [2]) };
    const { s: list } = await session.runValues(feeds);
    expect((list as Tensor[]).map((t) => [...t.data])).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect((await refusal(() => session.run(feeds))).code).toBe('UNSUPPORTED_TYPE');
  });

  it('binds attributes and omitted inputs of a function in its regions too', async () => {
    const run = async (attrs: object, inputs: readonly string[], c: boolean): Promise<number> => {
      const session = await Session.create(functionModel(attrs, inputs), { target });
      const one = (v: number): Tensor => new Tensor('float32', [v], [1, 1]);
      const { y } = await session.run({ x: one(3), one: one(1), c: new Tensor('bool', [c ? 1 : 0], []) });
      return (y.data as Float32Array)[0];
    };
    expect(await run({ by: attr.float(2) }, ['x', 'one', 'c'], true)).toBe(6);
    expect(await run({}, ['x', 'one', 'c', 'one'], true)).toBe(4);
    expect(await run({ by: attr.float(2) }, ['x', 'one', 'c', ''], false)).toBe(300);
  });

  it('answers concurrent runs in order', async () => {
    const session = await Session.create(addModel(), { target });
    const runs = Array.from({ length: 8 }, (_, i) => session.run({ x: new Tensor('float32', [i, i], [1, 2]) }));
    const sums = (await Promise.all(runs)).map((r) => (r['z'].data as Float32Array)[0]);
    expect(sums).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
  });
});

describe('refusals', () => {
  it('names an unknown input and lists the known ones', async () => {
    const session = await Session.create(addModel());
    const error = await refusal(() => session.run({ q: new Tensor('float32', [1], [1]) }));
    expect(error.code).toBe('INVALID_INPUT');
    expect(error.message).toContain('x');
  });

  it('refuses a wrong type, a wrong shape and a missing input', async () => {
    const session = await Session.create(addModel());
    expect((await refusal(() => session.run({ x: new Tensor('int32', [1, 2], [1, 2]) }))).message).toContain('float32');
    expect((await refusal(() => session.run({ x: new Tensor('float32', [1, 2, 3], [1, 3]) }))).place.shape).toEqual([
      1, 3,
    ]);
    expect((await refusal(() => session.run({}))).code).toBe('INVALID_INPUT');
  });

  it('refuses to run after release', async () => {
    const session = await Session.create(addModel());
    await session.release();
    expect((await refusal(() => session.run({ x: new Tensor('float32', [1, 2], [1, 2]) }))).code).toBe('USAGE');
  });

  it('refuses indices out of range at run time, and runs again afterwards', async () => {
    const x = input('x', 'f32', [3]);
    const i = input('i', 'i64', [2]);
    const y = newValue('y', tensorType('f32', [2]));
    const session = await Session.create(bytesOf([x, i], [y], [node('Gather', [x, i], [y])]));
    const feed = (at: bigint): Promise<unknown> =>
      session.run({ x: new Tensor('float32', [1, 2, 3], [3]), i: new Tensor('int64', [0n, at], [2]) });
    const error = await refusal(() => feed(7n));
    expect(error.code).toBe('RUNTIME_CHECK');
    expect(error.place.op).toBe('Gather');
    await feed(2n);
  });

  it('keeps hostile names out of everything but data', async () => {
    const name = '__proto__';
    const x = input(name, 'f32', [1]);
    const y = newValue('constructor', tensorType('f32', [1]));
    const session = await Session.create(bytesOf([x], [y], [node('Relu', [x], [y])]));
    const feeds = Object.fromEntries([[name, new Tensor('float32', [-1], [1])]]);
    const results = await session.run(feeds);
    expect([...(results['constructor'].data as Float32Array)]).toEqual([0]);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
  });
});

describe('tensors', () => {
  it('checks that type, data and dims agree', () => {
    expect(() => new Tensor('float32', [1, 2, 3], [2])).toThrow(TilewrightError);
    expect(() => new Tensor('float33', [1], [1])).toThrow(TilewrightError);
    expect(() => new Tensor('float32', new Int32Array(2), [2])).toThrow(TilewrightError);
    expect(new Tensor('int64', [1, 2], [2]).data).toEqual(new BigInt64Array([1n, 2n]));
    expect(new Tensor('float32', new Float32Array(6), [2, 3]).reshape([6]).dims).toEqual([6]);
  });
});
