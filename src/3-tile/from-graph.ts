// Static graph → tile program: every node's operator emits its steps; loops and branches become steps over nested
// lists. In: a segment. Out: a TileProgram whose inputs and outputs are in the segment's order.
import { outputsOf } from '../2-graph/liveness.ts';
import type { StaticBranch, StaticGraph, StaticLoop, StaticNode } from '../2-graph/static.ts';
import { type StaticTensor, sameType } from '../2-graph/static.ts';
import { elementCount, type TensorData, tensorOf } from '../ir/tensor.ts';
import { invariant, withPlace } from '../support/errors.ts';
import { type Indices, TileBuilder } from './builder.ts';
import { and, cast, constant, type Expr, index, load, sub } from './expr.ts';
import { interpret } from './interpret.ts';
import { LowerContext, type Lowering } from './lower-context.ts';
import { newTensor, owner, type TileTensor } from './tensor.ts';
import type { Carried, TileProgram } from './tile-op.ts';

type OpNode = Extract<StaticNode, { kind: 'op' }>;

class GraphLowering {
  private readonly tensors = new Map<StaticTensor, TileTensor>();

  /** Gives `tile` back. */
  bind(t: StaticTensor, tile: TileTensor): TileTensor {
    this.tensors.set(t, tile);
    return tile;
  }

  tensor(t: StaticTensor, b: TileBuilder): TileTensor {
    if (t.constant) return b.constant(t.constant);
    const found = this.tensors.get(t);
    invariant(found, `tensor ${t.id} is read before it is defined`);
    return found;
  }

  nodes(nodes: readonly StaticNode[], b: TileBuilder): void {
    for (const n of nodes) {
      if (n.kind === 'op') this.op(n, b);
      else if (n.kind === 'loop') this.loop(n, b);
      else this.branch(n, b);
    }
  }

  private op(node: OpNode, b: TileBuilder): void {
    const { operator, name } = node;
    b.place = { node: name, op: operator.name };
    const lower = operator.lower as Lowering | undefined;
    invariant(lower, `${operator.name} has no lowering`);
    const inputs = node.inputs.map((t) => t && this.tensor(t, b));
    const results = withPlace({ node: name, op: operator.name }, () => lower(new LowerContext(node, inputs, b)));
    for (const [i, t] of node.outputs.entries()) {
      if (!t) continue;
      const r = results[i];
      const what = `${operator.name}: output ${i} is [${r?.shape}] ${r?.dtype}, inferred [${t.shape}] ${t.dtype}`;
      invariant(r && sameType(r, t), what);
      this.bind(t, r);
    }
  }

  private loop(node: StaticLoop, b: TileBuilder): void {
    b.place = { node: node.name, op: 'loop' };
    const counter = this.bind(node.iteration, b.alloc('i64', [], 'iteration'));
    const { carried: carries, stacked } = node;
    const states = carries.map((c) => this.bind(c.state, b.alloc(c.state.dtype, c.state.shape, 'state')));
    const stacks = stacked.map((s) => b.alloc(s.result.dtype, s.result.shape, 'stack'));
    const inner = b.nested();
    this.nodes(node.body, inner);
    for (const [i, s] of stacked.entries())
      this.stack(inner, stacks[i], this.tensor(s.each, inner), counter, s.reverse);
    const { trip: count } = node;
    const fixed = (n: number): TileTensor => b.constant(tensorOf('i64', [], [BigInt(n)]));
    const trip = typeof count === 'number' ? fixed(count) : count && this.tensor(count, b);
    const joined = ({ init, next }: Record<'init' | 'next', StaticTensor>, state: TileTensor): Carried => {
      return { init: this.tensor(init, b), state, next: this.tensor(next, inner) };
    };
    const cond = node.cond && joined(node.cond, b.alloc('bool', [], 'cond'));
    const carried = [...carries.map((c, i) => joined(c, states[i])), ...checksOfLoop(b, inner)];
    b.loop({ trip: trip && b.view(trip, []), cond, counter, carried, steps: inner.steps });
    for (const [i, c] of carries.entries()) this.bind(c.result, states[i]);
    for (const [i, s] of stacked.entries()) this.bind(s.result, stacks[i]);
  }

  private stack(b: TileBuilder, target: TileTensor, each: TileTensor, counter: TileTensor, reverse: boolean): void {
    const i = cast('i32', load(counter, []));
    const row = reverse ? sub(index(target.shape[0] - 1), i) : i;
    const at = (ix: Indices): Indices => [row, ...ix];
    b.write(target, each.shape, at, (ix) => load(each, ix));
  }

  private branch(node: StaticBranch, b: TileBuilder): void {
    b.place = { node: node.name, op: 'branch' };
    const outputs = node.outputs.map((t) => b.alloc(t.dtype, t.shape, 'branch'));
    const side = (s: StaticBranch['then']): TileBuilder => {
      const inner = b.nested();
      this.nodes(s.nodes, inner);
      inner.place = b.place;
      for (const [i, t] of s.results.entries()) inner.copy(this.tensor(t, inner), outputs[i]);
      return inner;
    };
    const cond = b.view(this.tensor(node.cond, b), []);
    const [yes, no] = [side(node.then), side(node.else)];
    checksOfSide(b, yes, no);
    checksOfSide(b, no, yes);
    b.branch({ cond, then: yes.steps, else: no.steps });
    for (const [i, t] of node.outputs.entries()) this.bind(t, outputs[i]);
  }
}

const truth = (): Expr => constant('bool', true);

/** Checks of a loop's body hold when they hold in every iteration: they are carried as conjunctions. */
function checksOfLoop(b: TileBuilder, body: TileBuilder): Carried[] {
  return body.checks.map((check) => {
    const state = b.alloc('bool', [], 'check');
    const ok = body.view(check.ok, []);
    const next = body.map('bool', [], () => and(load(state, []), load(ok, [])));
    b.checks.push({ ...check, ok: state });
    return { init: b.map('bool', [], truth), state, next };
  });
}

/** Checks of one side of a branch hold when the other side runs. */
function checksOfSide(b: TileBuilder, side: TileBuilder, other: TileBuilder): void {
  for (const check of side.checks) {
    const result = b.alloc('bool', [], 'check');
    side.copy(check.ok, result);
    other.write(result, [], (ix) => ix, truth);
    b.checks.push({ ...check, ok: result });
  }
}

/** Lowers a segment. Outputs own their bytes: inputs and constants that pass through are copied, and second views. */
export function toTiles(graph: StaticGraph): TileProgram {
  const lowering = new GraphLowering();
  const b = new TileBuilder();
  const inputs = graph.inputs.map((t) => lowering.bind(t, newTensor(t.name, t.dtype, t.shape, 'input')));
  lowering.nodes(graph.nodes, b);
  b.place = { node: '', op: 'output' };
  const outputs = graph.outputs.map((t) => {
    const tile = lowering.tensor(t, b);
    if (tile.role === 'temp' && owner(tile) === tile) {
      tile.role = 'output';
      return tile;
    }
    const out = newTensor(t.name, t.dtype, t.shape, 'output');
    const whole = owner(tile);
    const same = whole.dtype === t.dtype && elementCount(whole.shape) === elementCount(t.shape);
    if (whole.role === 'temp' && same) whole.base = out;
    else b.copy(tile, out);
    return out;
  });
  return { inputs, outputs, steps: b.steps, checks: b.checks };
}

/** Points of all loop nests above which a node is left to the program: about a second of interpretation. */
const FOLD_POINTS = 2 ** 22;

/** Points of the loop nests of a program. */
function points(program: TileProgram): number {
  return program.steps.reduce((sum, step) => {
    if (step.kind !== 'op') return sum;
    const axes = [...step.axes, ...(step.reduce?.axes ?? [])];
    return sum + axes.reduce((n, a) => n * a.extent, 1);
  }, 0);
}

/** Runs one node on constant inputs with the interpreter: constant folding. Null: too much work. */
export function foldNode(node: OpNode): readonly TensorData[] | null {
  const outputs = outputsOf(node);
  const program = toTiles({ inputs: [], outputs, nodes: [node] });
  if (points(program) > FOLD_POINTS) return null;
  const results = interpret(program, []);
  return node.outputs.map((t) => (t ? results[outputs.indexOf(t)] : results[0]));
}
