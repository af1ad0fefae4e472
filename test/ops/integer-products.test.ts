// Products of 8-bit integers are exact on every machine, whatever their shapes, signs and zero points: compared with
// plain loops (matrices) and with the interpreter, which runs operators as they are written (convolutions).
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { interpretTasks } from '../../src/3-tile/interpret.ts';
import { verifyTaskProgram } from '../../src/3-tile/verify.ts';
import { schedule } from '../../src/4-schedule/schedule.ts';
import { cTarget } from '../../src/5-codegen/targets/c/index.ts';
import { MATRIX_FEATURES } from '../../src/5-codegen/targets/c/matrix.ts';
import { loadNative } from '../../src/6-runtime/launch/native.ts';
import { Plan } from '../../src/6-runtime/plan.ts';
import { cpuFeatures } from '../../src/6-runtime/toolchain.ts';
import { type Backend, interpreterBackend, portableBackends, targetBackend } from '../../src/backends/backend.ts';
import { modelCompiler, parseModel } from '../../src/compile.ts';
import { cpuDevice, namedDevice } from '../../src/devices/device.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { DEFAULT_LIMITS } from '../../src/ir/limits.ts';
import { type TensorData, tensorOf, tensorValues } from '../../src/ir/tensor.ts';
import { lowering } from '../../src/lowering.ts';
import { silent } from '../../src/observe.ts';
import { mulberry32 } from '../../src/support/random.ts';
import { type GraphSpec, type NodeSpec, writeModel } from '../../src/web/write.ts';
import { noCompiler } from '../c/harness.ts';
import { attr, type Operand } from './a-support.ts';

const missing = noCompiler();
const BYTES = ['u8', 'i8'] as const;
const checked = { check: 2, see: () => {} };

/** The interpreter over what is scheduled for a device. */
function scheduled(device: string): Backend {
  const run = (program: Parameters<Backend['build']>[0]): ReturnType<Backend['build']> => {
    const tasks = schedule(program, { device: namedDevice(device)!, lower: lowering });
    verifyTaskProgram(tasks);
    const rest = { arenaBytes: 0, codeBytes: 0, kernels: tasks.kernels.length, dispose: () => {} };
    return Promise.resolve({ run: (feeds: readonly TensorData[]) => interpretTasks(tasks, feeds), ...rest });
  };
  return { ...interpreterBackend(silent), build: run };
}

/** C for this CPU without the features that start so. */
function native(...without: string[]): Backend {
  const features = new Set([...cpuFeatures()].filter((f) => !without.some((w) => f.startsWith(w))));
  const machine = { device: cpuDevice(features), target: cTarget, features };
  return targetBackend(machine, checked, (artifact) => loadNative(artifact, { features }));
}

/** C for matrix registers, which this machine need not have: they are emulated. */
function emulated(): Backend {
  const features = new Set([...cpuFeatures(), ...MATRIX_FEATURES]);
  const machine = { device: namedDevice('x86-avx512-amx')!, target: cTarget, features };
  const flags = ['-include', fileURLToPath(new URL('../c/amx-emulation.h', import.meta.url))];
  return targetBackend(machine, checked, (artifact) => loadNative(artifact, { features, flags, cache: null }));
}

const MACHINES: readonly (readonly [name: string, backend: () => Backend])[] = [
  ['the interpreter with fours of bytes', () => scheduled('x86-avx512-vnni')],
  ['the interpreter with matrices', () => scheduled('x86-avx512-amx')],
  ['the interpreter with pairs', () => scheduled('wasm-simd128')],
  ['wasm', () => portableBackends.wasm({ observer: checked })],
  ...(missing === null
    ? ([
        ['c', () => native()],
        ['c with matrices', () => emulated()],
        ['c without vnni', () => native('avx512_vnni')],
        ['c without avx512', () => native('avx512')],
      ] as const)
    : []),
];

type Result = Readonly<{ values: readonly (number | bigint)[] }>;

/** A graph of many nodes, so that compilers start once, with seeded operands. */
class Graphs {
  readonly nodes: NodeSpec[] = [];
  readonly feeds: [string, Operand][] = [];
  readonly known: [string, Operand][] = [];
  readonly outputs: string[] = [];
  private readonly next: () => number;

  constructor(seed: number) {
    this.next = mulberry32(seed);
  }

  /** From 0 below n. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  pick<T>(...choices: readonly T[]): T {
    return choices[this.below(choices.length)];
  }

  /** Bytes of the whole range, of its ends only, or all one end. */
  bytes(dtype: 'u8' | 'i8', shape: readonly number[]): Operand {
    const [lo, hi] = dtype === 'u8' ? [0, 255] : [-128, 127];
    const style = this.below(6);
    const one = (): number =>
      style === 0 ? hi : style === 1 ? lo : style === 2 ? this.pick(lo, hi) : lo + this.below(256);
    return [dtype, shape, Array.from({ length: shape.reduce((p, d) => p * d, 1) }, one)];
  }

  operand(value: Operand, constant: boolean): string {
    const name = `x${this.feeds.length + this.known.length}`;
    (constant ? this.known : this.feeds).push([name, value]);
    return name;
  }

  node(op: string, inputs: readonly string[], attrs: NodeSpec['attrs'] = {}): string {
    const y = `y${this.outputs.length}`;
    this.nodes.push({ op, inputs: [...inputs], outputs: [y], attrs });
    this.outputs.push(y);
    return y;
  }

  /** The node that makes output i, with the types of its operands; those of constants in brackets. */
  describe(i: number): string {
    const type = (name: string): string => {
      const at = ([n]: readonly [string, Operand]): boolean => n === name;
      const [fed, known] = [this.feeds.find(at), this.known.find(at)];
      return fed ? `${fed[1][0]} ${fed[1][1]}` : known ? `(${known[1][0]} ${known[1][1]})` : '-';
    };
    return `${this.nodes[i].op} of ${(this.nodes[i].inputs ?? []).map(type).join(', ')}`;
  }

  async run(backend: Backend): Promise<Result[]> {
    const inputs = this.feeds.map(([name, [dtype, shape]]) => ({ name, dtype, shape }));
    const initializers = this.known.map(([n, v]): [string, TensorData] => [n, tensorOf(...v)]);
    const outputs = this.outputs.map((name) => ({ name }));
    const graph: GraphSpec = { inputs, outputs, nodes: this.nodes, initializers };
    const model = parseModel(writeModel({ graph, opsets: [['', 20]] }));
    const types = this.feeds.map(([, [dtype, shape]]) => ({ kind: 'tensor' as const, dtype, shape }));
    const plan = new Plan(modelCompiler(model, backend, DEFAULT_LIMITS), types);
    const feeds = this.feeds.map(([, v]) => tensorOf(...v));
    const results = (await plan.run(feeds)) as TensorData[];
    plan.dispose();
    return results.map((t) => ({ values: tensorValues(t) }));
  }
}

interface Matrices {
  readonly a: Operand;
  readonly b: Operand;
  readonly za: Operand | null;
  readonly zb: Operand | null;
}

/** Σ (a - za)(b - zb), wrapping to 32 bits. */
function product({ a, b, za, zb }: Matrices): number[] {
  const [m, k] = a[1];
  const n = b[1][1];
  const zero = (z: Operand | null, i: number): number => (z ? Number(z[2][z[2].length === 1 ? 0 : i]) : 0);
  const out: number[] = [];
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let r = 0; r < k; r++) {
        const left = Number(a[2][i * k + r]) - zero(za, i);
        sum = (sum + Math.imul(left, Number(b[2][r * n + j]) - zero(zb, j))) | 0;
      }
      out.push(sum);
    }
  }
  return out;
}

function randomProduct(g: Graphs): Matrices {
  const [m, n, k] = [1 + g.below(g.pick(3, 30)), 1 + g.below(g.pick(3, 60)), 1 + g.below(70)];
  const [ta, tb] = [g.pick(...BYTES), g.pick(...BYTES)];
  const zero = (t: 'u8' | 'i8', lines: number): Operand | null =>
    g.pick(null, g.bytes(t, []), g.bytes(t, [lines]), [
      t,
      [lines],
      new Array<number>(lines).fill(t === 'u8' ? 128 : 0),
    ]);
  const made = { a: g.bytes(ta, [m, k]), b: g.bytes(tb, [k, n]), za: zero(ta, m), zb: zero(tb, n) };
  const known = g.pick('a', 'b', 'b', 'b', 'none');
  const input = (z: Operand | null, constant: boolean): string => (z ? g.operand(z, constant) : '');
  const names = [g.operand(made.a, known === 'a'), g.operand(made.b, known === 'b')];
  g.node('MatMulInteger', [...names, input(made.za, g.pick(true, false)), input(made.zb, g.pick(true, false))]);
  return made;
}

function randomConvolution(g: Graphs): void {
  const group = g.pick(1, 1, 1, 2);
  const [c, m] = [g.pick(1, 2, 3, 4, 8, 13), g.pick(1, 5, 16)];
  const [h, w, kh, kw] = [5 + g.below(6), 5 + g.below(12), g.pick(1, 3), g.pick(1, 2, 3)];
  const [tx, tw] = [g.pick(...BYTES), g.pick(...BYTES)];
  const attrs = {
    group: attr.int(group),
    strides: attr.ints([g.pick(1, 2), 1]),
    pads: attr.ints([g.pick(0, 1), 0, 1, g.pick(0, 2)]),
  };
  const x = g.operand(g.bytes(tx, [g.pick(1, 2), c * group, h, w]), false);
  const weight = g.operand(g.bytes(tw, [m * group, c, kh, kw]), g.pick(true, true, false));
  const zeros = [g.bytes(tx, []), g.pick(g.bytes(tw, []), g.bytes(tw, [m * group]), [tw, [], [0]] as Operand)];
  g.node('ConvInteger', [x, weight, ...zeros.map((z) => g.operand(z, g.pick(true, false)))], attrs);
}

/** A quantised network of convolutions, whose tensors between operators are free to change their layout. */
function chain(g: Graphs): void {
  const scalar = (dtype: DType, value: number): string => g.operand([dtype, [], [value]], true);
  let x = g.operand(g.bytes('u8', [1, 3, 12, 12]), false);
  let parameters = [scalar('f32', 0.02), scalar('u8', 7)];
  for (const [c, m, k, stride] of [
    [3, 16, 3, 1],
    [16, 8, 1, 1],
    [8, 20, 3, 2],
    [20, 6, 3, 1],
  ]) {
    const tw = g.pick(...BYTES);
    const w = g.operand(g.bytes(tw, [m, c, k, k]), true);
    const next = [scalar('f32', 2), scalar('u8', 120)];
    const zero = g.operand(g.pick(g.bytes(tw, []), [tw, [], [tw === 'u8' ? 128 : 0]] as Operand), true);
    const inputs = [x, ...parameters, w, scalar('f32', 0.3), zero, ...next];
    const bias = g.operand(['i32', [m], Array.from({ length: m }, () => g.below(2000) - 1000)], true);
    const pad = (k - 1) / 2;
    const pads = attr.ints([pad, pad, pad, pad]);
    x = g.node('QLinearConv', [...inputs, bias], { pads, strides: attr.ints([stride, stride]) });
    parameters = next;
  }
}

const equal = (got: Result, want: readonly (number | bigint)[], what: string): void => {
  const at = want.findIndex((v, i) => got.values[i] !== v);
  expect(at, `${what}: element ${at} is ${got.values[at]}, not ${want[at]}`).toBe(-1);
};

const oracle = interpreterBackend(silent);

// Every machine meets other cases.
describe.each(MACHINES)('on %s', (name, machine) => {
  const first = 10 * MACHINES.findIndex(([n]) => n === name);

  it.each([first + 1, first + 2])('matrix products of bytes are exact, seed %i', async (seed) => {
    const g = new Graphs(seed);
    const all = Array.from({ length: 30 }, () => randomProduct(g));
    const got = await g.run(machine());
    for (const [i, m] of all.entries()) equal(got[i], product(m), g.describe(i));
  });

  it.each([first + 1, first + 2])('convolutions of bytes are exact, seed %i', async (seed) => {
    const g = new Graphs(seed);
    for (let i = 0; i < 12; i++) randomConvolution(g);
    const [got, want] = [await g.run(machine()), await g.run(oracle)];
    for (const [i, w] of want.entries()) equal(got[i], w.values, g.describe(i));
  });

  it.each([first + 1])('chains of quantised convolutions are exact, seed %i', async (seed) => {
    const g = new Graphs(seed);
    chain(g);
    const [got, want] = [await g.run(machine()), await g.run(oracle)];
    for (const [i, w] of want.entries()) equal(got[i], w.values, g.describe(i));
  });

  it('sums wrap to 32 bits', async () => {
    const g = new Graphs(1);
    const k = 70_001;
    const full = (dtype: 'u8' | 'i8', shape: readonly number[], v: number): Operand => [
      dtype,
      shape,
      new Array<number>(shape[0] * shape[1]).fill(v),
    ];
    const made = { a: full('u8', [2, k], 255), b: full('i8', [k, 3], -128), za: null, zb: null };
    g.node('MatMulInteger', [g.operand(made.a, false), g.operand(made.b, true)]);
    const [got] = await g.run(machine());
    expect(product(made)[0]).toBeGreaterThan(0);
    equal(got, product(made), 'wrapping');
  });
});

it.skipIf(missing === null)(`C is not tested: ${missing}`, () => {});
