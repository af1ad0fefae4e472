// Construction for machines of workgroups: Roller's published tile, the four rules and all capacities for any shape, work
// for every unit where an operator is small, and what `explain --device` says.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CONVOLUTIONS, DEPTHWISE, ELEMENTWISE, POOLINGS, PRODUCTS, REDUCTIONS } from '../../bench/roller-operators.ts';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, type Expr, index, load, max, mul } from '../../src/3-tile/expr.ts';
import { sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { TileOp } from '../../src/3-tile/tile-op.ts';
import { groupsTime } from '../../src/4-schedule/cost.ts';
import { Binding, canonicalNest, Pool } from '../../src/4-schedule/nest.ts';
import { bankPadding, nextSize, roundUp } from '../../src/4-schedule/roller/align.ts';
import { type RTile, rollTiles } from '../../src/4-schedule/roller/grow.ts';
import { DEVICES, type Device, lanesOf, namedDevice } from '../../src/devices/device.ts';
import { argExtreme } from '../../src/ops/extremes.ts';

const MACHINES = DEVICES.filter((d) => d.workgroups);
const v100 = namedDevice('v100')!;

/** The only operator of a builder, canonical. */
function canonical(b: TileBuilder): TileOp {
  const op = b.steps[0] as TileOp;
  return canonicalNest(op, new Pool(), new Binding(new Pool())).op;
}

function product(m: number, k: number, n: number): TileOp {
  const b = new TileBuilder();
  const [x, w] = [newTensor('x', 'f32', [m, k], 'input'), newTensor('w', 'f32', [k, n], 'input')];
  b.reduce('f32', [m, n], [k], sum('f32'), ([i, j], [r]) => mul(load(x, [i, r]), load(w, [r, j])));
  return canonical(b);
}

function elementwise(shape: readonly number[]): TileOp {
  const b = new TileBuilder();
  const [x, y] = [newTensor('x', 'f32', shape, 'input'), newTensor('y', 'f32', shape, 'input')];
  b.map('f32', shape, (at) => max(load(x, at), load(y, at)));
  return canonical(b);
}

function reduced(shape: readonly number[], from: number): TileOp {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', shape, 'input');
  b.reduce('f32', shape.slice(0, from), shape.slice(from), sum('f32'), (at, k) => load(x, [...at, ...k]));
  return canonical(b);
}

interface Window {
  readonly input: readonly [n: number, c: number, h: number, w: number];
  /** 0: each channel by itself. */
  readonly outputs: number;
  readonly window: number;
  readonly stride: number;
}

/** A convolution without borders. */
function windowed({ input: [n, c, h, w], outputs, window, stride }: Window): TileOp {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [n, c, h, w], 'input');
  const filter = newTensor('w', 'f32', [outputs || c, outputs ? c : 1, window, window], 'input');
  const out = (e: number): number => Math.max(1, Math.floor((e - window) / stride) + 1);
  const at = (e: Expr, k: Expr): Expr => add(mul(e, index(stride)), k);
  const inner = outputs ? [c, window, window] : [window, window];
  b.reduce('f32', [n, outputs || c, out(h), out(w)], inner, sum('f32'), ([i, o, y, z], k) => {
    const [r, s] = k.slice(-2);
    const channel = outputs ? k[0] : o;
    return mul(load(x, [i, channel, at(y, r), at(z, s)]), load(filter, [o, outputs ? k[0] : index(0), r, s]));
  });
  return canonical(b);
}

const extentsOf = (op: TileOp): number[] => [...op.axes, ...(op.reduce?.axes ?? [])].map((a) => a.extent);
const times = (xs: readonly number[]): number => xs.reduce((a, b) => a * b, 1);

/** What every constructed tile must keep, whatever the operator. */
function checkTile(op: TileOp, t: RTile, device: Device): void {
  const { lanes, laneRegisters, registers, sharedBytes, partitions } = device.workgroups!;
  const [lane, group] = t.levels;
  const extents = extentsOf(op);
  expect(t.levels.length).toBe(device.levels.length);
  expect(t.lanes % (lanesOf(device, 'f32') * partitions)).toBe(0);
  expect(t.lanes).toBeLessThanOrEqual(lanes);
  expect(t.laneRegisters).toBeLessThanOrEqual(laneRegisters);
  expect(t.lanes * t.laneRegisters).toBeLessThanOrEqual(registers);
  expect(t.sharedBytes).toBeLessThanOrEqual(sharedBytes);
  expect(t.resident * t.sharedBytes).toBeLessThanOrEqual(device.levels[0].bytes);
  expect(t.storage.reduce((n, s) => n + s.bytes, 0)).toBeLessThanOrEqual(t.sharedBytes);
  for (const [level, sizes] of t.levels.entries()) {
    for (const [i, n] of sizes.entries()) expect(n % (t.levels[level - 1]?.[i] ?? 1)).toBe(0);
  }
  const spatial = op.axes.map((_, i) => Math.ceil(extents[i] / group[i]));
  expect(t.grid).toBe(times(spatial) * t.split);
  const reduceSteps = extents.map((n, i) => Math.ceil(n / group[i])).slice(op.axes.length);
  expect(t.split).toBeLessThanOrEqual(times(reduceSteps));
  expect(lane.slice(op.axes.length).every((n) => n === 1)).toBe(true);
  expect(t.ns).toBeGreaterThanOrEqual(device.launch);
  expect(['arithmetic', ...device.levels.map((l) => l.name)]).toContain(t.bound);
  // Rows that start `read` elements after one another in the banks meet no bank twice.
  const { banks, bankBytes } = device.levels[0];
  const around = ((banks ?? 1) * (bankBytes ?? 4)) / 4;
  for (const { lead, rows, padding } of t.storage) {
    if (banks === undefined || rows === 1) expect(padding).toBe(0);
    else expect(lane.map((n) => n % around)).toContain((lead + padding) % around);
  }
}

/** Elements of 4 bytes that fill whole transactions of two levels next to each other. */
const transaction = ({ levels }: Device): number => Math.max(levels[0].transaction, levels[1].transaction) / 4;

const extent = fc.oneof(fc.constantFrom(1, 2, 3, 5, 7, 13, 31, 127, 509, 1009), fc.integer({ min: 1, max: 4096 }));
const machine = fc.constantFrom(...MACHINES);

describe('the rules of alignment', () => {
  it('pad rows of four in four banks by one', () => {
    expect(bankPadding(4, 1, 4, 1)).toBe(1);
    expect(bankPadding(64, 4, 32, 1)).toBe(4);
  });

  it('take sizes that divide first, then twice as much within the tolerance, then the axis', () => {
    expect(nextSize(28, 4, 1, 1, 0)).toBe(7);
    expect(nextSize(28, 14, 1, 1, 0)).toBe(28);
    expect(nextSize(28, 28, 1, 1, 1)).toBe(null);
    expect(nextSize(1009, 8, 8, 8, 0.2)).toBe(16);
    expect(nextSize(1009, 8, 8, 8, 0)).toBe(null);
    expect(nextSize(3, 0, 32, 1, 0)).toBe(3);
  });

  it('come after axes are joined where every tensor allows it', () => {
    expect(extentsOf(elementwise([17, 11, 3]))).toEqual([561]);
  });
});

describe('construction', () => {
  // Roller's tutorial: 4096³ on a V100, 13.17 ms measured.
  it('gives the published tile of a large product', () => {
    const [first] = rollTiles(product(4096, 4096, 4096), v100);
    expect(first.levels.slice(0, 2)).toEqual([
      [8, 4, 1],
      [128, 64, 32],
    ]);
    expect([first.lanes, first.grid, first.split]).toEqual([256, 2048, 1]);
    expect(first.storage.map((s) => s.padding).sort()).toEqual([1, 4]);
    expect(first.bound).toBe('arithmetic');
    expect(first.ns / 13.17e6).toBeGreaterThan(0.75);
    expect(first.ns / 13.17e6).toBeLessThan(1.25);
  });

  it('keeps every capacity and rule for products of any shape, and gives the same again', () => {
    fc.assert(
      fc.property(extent, extent, extent, machine, (m, k, n, device) => {
        const op = product(m, k, n);
        const all = rollTiles(op, device);
        expect(all.length).toBeGreaterThan(0);
        const [extents, last] = [extentsOf(op), op.axes.length - 1];
        const aligned = (t: RTile, axis: number, unit: number): boolean => {
          const [inside, size] = [t.levels[0][axis], t.levels[1][axis]];
          return size % unit === 0 || size === roundUp(extents[axis], inside);
        };
        for (const t of all) {
          checkTile(op, t, device);
          // The left operand has rows along the reduction, the result along the last axis; the right may be packed.
          if (k > 1) expect(aligned(t, last + 1, transaction(device))).toBe(true);
          if (m > 1 && n > 1) expect(aligned(t, last, device.levels[1].transaction / 4)).toBe(true);
        }
        expect(all.map((t) => t.ns)).toEqual(all.map((t) => t.ns).sort((a, b) => a - b));
        expect(rollTiles(op, device)).toEqual(all);
      }),
      { numRuns: 50, seed: 1 },
    );
  });

  it('keeps every capacity and rule for other operators', () => {
    const small = fc.integer({ min: 1, max: 40 });
    const input = fc.tuple(fc.constantFrom(1, 8, 128), small, small, small);
    const window = fc.record({
      input,
      outputs: fc.constantFrom(0, 1, 17, 64),
      window: fc.constantFrom(1, 3, 5),
      stride: fc.constantFrom(1, 2),
    });
    const op = fc.oneof(
      window.filter((w) => w.input[2] >= w.window && w.input[3] >= w.window).map(windowed),
      input.map(elementwise),
      fc.tuple(input, fc.integer({ min: 0, max: 3 })).map(([shape, from]) => reduced(shape, from)),
    );
    fc.assert(
      fc.property(op, machine, (o, device) => {
        const all = rollTiles(o, device);
        expect(all.length).toBeGreaterThan(0);
        for (const t of all) checkTile(o, t, device);
      }),
      { numRuns: 100, seed: 2 },
    );
  });

  it('goes on past the workgroup while the farthest memory is what holds it up', () => {
    const op = product(65536, 1024, 2);
    const [{ levels, bound }] = rollTiles(op, v100);
    expect(bound).toBe('memory');
    expect(times(levels[2].slice(0, 2))).toBeGreaterThan(times(levels[1].slice(0, 2)));
  });

  it('gives small operators to all units, with parts of the reduction where points are too few', () => {
    const [few] = rollTiles(product(64, 4096, 64), v100);
    expect(few.split).toBeGreaterThan(1);
    expect(few.grid).toBeGreaterThan(v100.units / 2);
    const [some] = rollTiles(elementwise([16384]), v100);
    expect(some.grid).toBeGreaterThanOrEqual(v100.units);
  });

  it('does not divide reductions whose parts cannot be joined', () => {
    const b = new TileBuilder();
    const x = newTensor('x', 'f32', [64, 4096], 'input');
    const monoid = { ...argExtreme('f32', 'max', false), merge: null };
    b.reduce('f32', [64], [4096], monoid, ([i], [k]) => [load(x, [i, k]), k] as never);
    for (const t of rollTiles(canonical(b), v100)) expect(t.split).toBe(1);
  });

  it('is for machines of workgroups', () => {
    expect(() => rollTiles(product(8, 8, 8), namedDevice('x86-avx512')!)).toThrow('has no workgroups');
  });

  it('takes some milliseconds for the operators of Roller’s evaluation', () => {
    const window = (c: number, h: number, w: number, outputs: number, size: number, stride: number) =>
      windowed({ input: [128, c, h, w], outputs, window: size, stride });
    const ops = [
      ...PRODUCTS.map(([m, k, n]) => product(m, k, n)),
      ...CONVOLUTIONS.map(([c, h, w, k, size, stride]) => window(c, h, w, k, size, stride)),
      ...DEPTHWISE.map(([c, h, w, size, stride]) => window(c, h, w, 0, size, stride)),
      ...POOLINGS.map(([c, h, w, size, stride]) => window(c, h, w, 0, size, stride)),
      ...ELEMENTWISE.map(elementwise),
      ...REDUCTIONS.map((shape) => reduced(shape, shape.length === 4 ? 2 : shape.length - 1)),
    ];
    expect(ops.length).toBe(119);
    const taken = ops.map((op) => {
      const started = performance.now();
      for (const t of rollTiles(op, v100)) checkTile(op, t, v100);
      return performance.now() - started;
    });
    expect(taken.sort((a, b) => a - b)[59]).toBeLessThan(100);
  });
});

describe('the time of workgroups', () => {
  const work = { instructions: 1e6, independent: 1e4, bytes: [0, 0, 1e3], resident: 8 };
  const at = (groups: number, w = work): number => groupsTime(groups, w, v100).ns - v100.launch;

  it('counts the last, partial round', () => {
    expect(at(81)).toBeCloseTo(2 * at(80), 6);
    expect(at(1)).toBe(at(80));
  });

  it('is that of the arithmetic or of a level of memory', () => {
    expect(groupsTime(1, work, v100).bound).toBe('arithmetic');
    expect(groupsTime(1, { ...work, bytes: [0, 1e7, 1e5] }, v100).bound).toBe('L2');
  });

  it('grows where too little is under way, or nothing else is there to overlap with', () => {
    expect(at(1, { ...work, independent: 64 })).toBeGreaterThan(3 * at(1));
    expect(at(1, { ...work, resident: 1 })).toBeGreaterThan(at(1));
  });
});

describe('explain --device', () => {
  const explain = (...args: string[]) =>
    spawnSync(
      process.execPath,
      ['--import', 'tsx', 'src/cli/main.ts', 'explain', 'examples/digits/digits.onnx', ...args],
      { encoding: 'utf8' },
    );

  it('prints rTiles for a machine of workgroups', () => {
    const { status, stdout } = explain('--device', 'v100');
    expect(status).toBe(0);
    expect(stdout).toMatch(/bound by \w+ +registers [\dx]+, shared [\dx]+, L2 [\dx]+/);
    expect(stdout).toMatch(/128 lanes, \d+ bytes shared, \d+ registers per lane; grid \d+, \d+ per unit, [\d.]+ waves/);
    expect(stdout).toMatch(/kernels, \d+ calls, [\d.]+ us predicted, none measured/);
  });

  it('prints kernels for a CPU that is not at hand', () => {
    const { status, stdout } = explain('--device', 'arm-neon');
    expect(status).toBe(0);
    expect(stdout).toContain('M cycles');
  });

  it('refuses names that are not described, and pages of plans', () => {
    const unknown = explain('--device', 'v1000');
    expect(unknown.status).toBe(2);
    expect(unknown.stderr).toMatch(/^USAGE: no device v1000 is described[\s\S]*v100, mi50, a100/);
    const page = explain('--device', 'v100', '--html', 'page.html');
    expect(page.status).toBe(2);
    expect(page.stderr).toMatch(/^USAGE: no page is made of plans/);
  });
});
