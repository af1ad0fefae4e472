// ONNX Scan since 9: a body run over slices of its scan inputs, carrying states. It stays a loop of
// the program when the body's types are the same in every iteration, else it is unrolled.
import type { Graph } from '../ir/graph.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';

interface Plan {
  readonly body: Graph;
  readonly states: readonly StaticTensor[];
  readonly scanned: readonly StaticTensor[];
  readonly axes: readonly number[];
  readonly reversed: readonly boolean[];
  readonly length: number;
  /** Per stacked output. */
  readonly outputAxes: readonly number[];
  readonly outputReversed: readonly boolean[];
}

function perItem(c: ExpandContext, name: string, count: number): number[] {
  const given = c.ints(name) ?? new Array<number>(count).fill(0);
  if (given.length !== count) c.fail(`${name} has ${given.length} values, expected ${count}`);
  return given;
}

function directions(c: ExpandContext, name: string, count: number): boolean[] {
  return perItem(c, name, count).map((d) => {
    if (d !== 0 && d !== 1) c.fail(`${name} contains ${d}, expected 0 or 1`);
    return d === 1;
  });
}

function axisOf(c: ExpandContext, axis: number, rank: number): number {
  const a = axis < 0 ? axis + rank : axis;
  if (a < 0 || a >= rank) c.fail(`scan axis ${axis} is out of range for rank ${rank}`);
  return a;
}

function plan(c: ExpandContext): Plan {
  const body = c.graph('body');
  const count = c.int('num_scan_inputs', 0);
  const stateCount = c.numInputs - count;
  if (count < 1 || stateCount < 0) c.fail(`num_scan_inputs is ${count} of ${c.numInputs} inputs`);
  if (body.inputs.length !== c.numInputs || body.outputs.length < stateCount) {
    c.fail(`the body has ${body.inputs.length} inputs and ${body.outputs.length} outputs for ${c.numInputs} inputs`);
  }
  const stackCount = body.outputs.length - stateCount;
  if (c.numOutputs > body.outputs.length) c.fail(`the body gives ${body.outputs.length} results, not ${c.numOutputs}`);
  const scanned = Array.from({ length: count }, (_, i) => c.tensor(stateCount + i));
  const axes = perItem(c, 'scan_input_axes', count).map((a, i) => axisOf(c, a, scanned[i].shape.length));
  const lengths = scanned.map((t, i) => t.shape[axes[i]]);
  if (lengths.some((n) => n !== lengths[0])) c.fail(`scan inputs have lengths ${lengths.join(', ')}`);
  return {
    body,
    scanned,
    axes,
    length: lengths[0],
    states: Array.from({ length: stateCount }, (_, i) => c.tensor(i)),
    reversed: directions(c, 'scan_input_directions', count),
    outputAxes: perItem(c, 'scan_output_axes', stackCount),
    outputReversed: directions(c, 'scan_output_directions', stackCount),
  };
}

/** One run of the body: next states, then results to stack. */
function iterate(c: ExpandContext, p: Plan, i: StaticTensor, states: readonly StaticTensor[]): StaticTensor[] {
  const rows = p.scanned.map((t, k) =>
    c.one('TakeRow', [t, i], { axis: p.axes[k], reverse: p.reversed[k] }, 'tilewright'),
  );
  return c
    .inline(p.body, [...states, ...rows])
    .map((v) => (v.kind === 'tensor' ? v : c.fail(`the body gives a ${v.kind}`, undefined, 'UNSUPPORTED_TYPE')));
}

/** Moves the stacking axis from the front to where the model wants it. */
function place(c: ExpandContext, t: StaticTensor, axis: number): StaticTensor {
  const rank = t.shape.length;
  const to = axisOf(c, axis, rank);
  if (to === 0) return t;
  const rest = Array.from({ length: rank - 1 }, (_, i) => i + 1);
  return c.one('Transpose', [t], { perm: [...rest.slice(0, to), 0, ...rest.slice(to)] });
}

function inProgram(c: ExpandContext, p: Plan): readonly StaticTensor[] | null {
  const count = p.states.length;
  const loop = c.tryLoop({
    trip: p.length,
    cond: null,
    carried: p.states,
    body: (i, states) => {
      const out = iterate(c, p, i, states);
      const stacked = out.slice(count).map((each, k) => ({ each, reverse: p.outputReversed[k] }));
      return { carried: out.slice(0, count), stacked };
    },
  });
  return loop && [...loop.carried, ...loop.stacked.map((t, k) => place(c, t, p.outputAxes[k]))];
}

function unrolled(c: ExpandContext, p: Plan): readonly StaticTensor[] {
  const count = p.states.length;
  if (p.length === 0) return c.fail('a scan of length 0 has results of unknown extents');
  const stacks: StaticTensor[][] = p.outputAxes.map(() => []);
  let states = p.states;
  for (let i = 0; i < p.length; i++) {
    c.countUnrolled();
    c.hold([...states, ...stacks.flat()]);
    const out = iterate(c, p, c.constant('i64', [], [BigInt(i)]), states);
    states = out.slice(0, count);
    for (const [k, t] of out.slice(count).entries()) stacks[k].push(t);
  }
  const axes = c.constant('i64', [1], [0n]);
  return [
    ...states,
    ...stacks.map((s, k) => {
      const ordered = p.outputReversed[k] ? s.toReversed() : s;
      const whole = c.one(
        'Concat',
        ordered.map((t) => c.one('Unsqueeze', [t, axes])),
        { axis: 0 },
      );
      return place(c, whole, p.outputAxes[k]);
    }),
  ];
}

export const Scan = op({
  name: 'Scan',
  inputs: [1, Infinity],
  outputs: [1, Infinity],
  since: 9,
  expand: (c) => {
    const p = plan(c);
    return inProgram(c, p) ?? unrolled(c, p);
  },
});
