// The arithmetic peak of one lane on a target, measured beside the kernels it judges: a loop of
// independent multiply-adds in vector registers, written in the compiler's own statements so that it
// takes the same way to machine code.
import {
  add,
  constant,
  type Expr,
  fma,
  index,
  type Local,
  load,
  localExpr,
  makeExpr,
  mul,
  newLocal,
} from '../src/3-tile/expr.ts';
import type { TaskProgram } from '../src/3-tile/task.ts';
import { newTensor } from '../src/3-tile/tensor.ts';
import type { Stmt } from '../src/3-tile/tile-op.ts';
import { makeArtifact } from '../src/6-runtime/artifact.ts';
import { loadNative } from '../src/6-runtime/launch/native.ts';
import { instantiate } from '../src/6-runtime/launch/wasm.ts';
import type { Machine } from '../src/compile.ts';
import { lanesOf } from '../src/devices/device.ts';
import { tensorOf } from '../src/ir/tensor.ts';

const ITERATIONS = 100_000;
const ACCUMULATORS = 12;

function peakProgram(lanes: number, fused: boolean): TaskProgram {
  const input = newTensor('x', 'f32', [2], 'input');
  const output = newTensor('y', 'f32', [lanes], 'output');
  const splat = (e: Expr): Expr => (lanes > 1 ? makeExpr('splat', 'f32', [e], null, lanes) : e);
  const local = (name: string): Local => newLocal(name, 'f32', lanes);
  const [a, b] = [local('a'), local('b')];
  const accs = Array.from({ length: ACCUMULATORS }, (_, i) => local(`acc${i}`));
  const step = (x: Expr): Expr => {
    const [p, q] = [localExpr(a), localExpr(b)];
    return fused ? fma(x, p, q) : add(mul(x, p), q);
  };
  const body: Stmt[] = [
    { kind: 'set', local: a, value: splat(load(input, [index(0)])) },
    { kind: 'set', local: b, value: splat(load(input, [index(1)])) },
    ...accs.map((local, i): Stmt => ({ kind: 'set', local, value: splat(constant('f32', i)) })),
    {
      kind: 'for',
      index: newLocal('i', 'i32'),
      from: index(0),
      to: index(ITERATIONS),
      step: 1,
      body: accs.map((local): Stmt => ({ kind: 'set', local, value: step(localExpr(local)) })),
    },
    { kind: 'store', tensor: output, at: [index(0)], value: accs.map((l) => localExpr(l)).reduce((x, y) => add(x, y)) },
  ];
  const kernel = { id: 0, name: 'peak', params: [input, output], body };
  const places = new Map([
    [input, { space: 'arena' as const, offset: 0, bytes: 8 }],
    [output, { space: 'arena' as const, offset: 64, bytes: 4 * lanes }],
  ]);
  return {
    kernels: [kernel],
    lanes: [[{ kind: 'run', kernel, args: [input, output] }]],
    plan: { constantBytes: 0, arenaBytes: 192, places },
    inputs: [input],
    outputs: [output],
    constants: [],
    checks: [],
  };
}

/** Runs the loop once and gives GFLOP/s; the loader is made once. */
export async function peakMeter(machine: Machine): Promise<() => number> {
  const lanes = lanesOf(machine.device, 'f32');
  const program = peakProgram(lanes, machine.device.fma !== 'none');
  const code = await machine.target.emit(program, { features: machine.features });
  const artifact = makeArtifact(program, code);
  const loaded = await (machine.target.name === 'wasm' ? instantiate(artifact) : loadNative(artifact));
  const feeds = [tensorOf('f32', [2], [0.999, 0.001])];
  return () => {
    const started = performance.now();
    loaded.run(feeds);
    return (2 * lanes * ACCUMULATORS * ITERATIONS) / (performance.now() - started) / 1e6;
  };
}
