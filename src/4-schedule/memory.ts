// The memory plan: a place for every tensor before anything runs. In: tasks, inputs, outputs and checks. Out: offsets
// in the arena by best fit over lifetimes, and in the constant segment with equal contents stored once. Lifetimes are
// intervals over the tasks in order; whatever enters, leaves or is carried round a loop lives through the whole loop.
import { type Expr, isLoad } from '../3-tile/expr.ts';
import { walkExpr } from '../3-tile/rewrite.ts';
import { type Kernel, type MemoryPlan, type Placement, stmtExprs, type Task, walkStmts } from '../3-tile/task.ts';
import { owner, type TileTensor } from '../3-tile/tensor.ts';
import { bytesOf } from '../ir/tensor.ts';
import { entryOf } from '../support/collections.ts';
import { invariant } from '../support/errors.ts';
import { fnv1a } from '../support/hash.ts';

export const ALIGNMENT = 64;

const align = (n: number): number => Math.ceil(n / ALIGNMENT) * ALIGNMENT;

/** A tensor is in use from `from` to `to`, both included, in task positions. */
export interface Lifetime {
  from: number;
  to: number;
}

interface Use {
  readonly at: number;
  /** Stored without being loaded. */
  readonly write: boolean;
  /** The branch sides around it, outermost first. */
  readonly sides: readonly number[];
}

/** `sides`: how many branch sides enclose the loop. */
type LoopSpan = Readonly<Lifetime & { sides: number }>;

/** Formals that a kernel stores and never loads. */
function storedOnly(kernel: Kernel): ReadonlySet<TileTensor> {
  const stored = new Set<TileTensor>();
  const roots: Expr[] = [];
  walkStmts(kernel.body, (s) => {
    if (s.kind === 'store' || s.kind === 'contract') stored.add(s.tensor);
    roots.push(...stmtExprs(s));
  });
  for (const e of walkExpr(...roots)) if (isLoad(e)) stored.delete(e.arg);
  return stored;
}

/** Walks the tasks in order and notes every use of every owner, and every loop's extent. */
class Walk {
  readonly uses = new Map<TileTensor, Use[]>();
  readonly loops: LoopSpan[] = [];
  private readonly filled = new Map<Kernel, ReadonlySet<TileTensor>>();
  position = 0;
  private side = 0;

  note(t: TileTensor, write: boolean, sides: readonly number[]): void {
    entryOf(this.uses, owner(t), (): Use[] => []).push({ at: this.position, write, sides });
  }

  tasks(tasks: readonly Task[], sides: readonly number[]): void {
    for (const task of tasks) this.task(task, sides);
  }

  /** Notes what is still read after the last task. */
  finish(kept: readonly TileTensor[]): void {
    this.position++;
    for (const t of kept) if (this.uses.has(owner(t))) this.note(t, false, []);
  }

  private task(task: Task, sides: readonly number[]): void {
    this.position++;
    if (task.kind === 'run') {
      const fills = entryOf(this.filled, task.kernel, () => storedOnly(task.kernel));
      for (const [i, t] of task.args.entries()) this.note(t, fills.has(task.kernel.params[i]), sides);
      return;
    }
    if (task.kind === 'branch') {
      this.note(task.cond, false, sides);
      this.tasks(task.then, [...sides, ++this.side]);
      this.tasks(task.else, [...sides, ++this.side]);
      this.position++;
      return;
    }
    const from = this.position;
    this.note(task.counter, true, sides);
    for (const t of [task.trip, task.cond]) if (t) this.note(t, false, sides);
    this.tasks(task.tasks, sides);
    this.position++;
    for (const t of [task.trip, task.cond, task.counter]) if (t) this.note(t, false, sides);
    this.loops.push({ from, to: this.position, sides: sides.length });
  }
}

/** Whether a tensor used in the loop keeps a value across iterations or across its border. */
function crosses(uses: readonly Use[], loop: LoopSpan): boolean {
  const inside = uses.filter((u) => u.at >= loop.from && u.at <= loop.to);
  if (inside.length === 0) return false;
  if (inside.length < uses.length || !inside[0].write) return true;
  // A first write inside a branch may not happen: then every use must be on the same side.
  const side = inside[0].sides[loop.sides];
  return side !== undefined && inside.some((u) => u.sides[loop.sides] !== side);
}

/** Lifetimes of all owners, in order of first use. */
export function lifetimes(
  tasks: readonly Task[],
  inputs: readonly TileTensor[],
  kept: readonly TileTensor[],
): Map<TileTensor, Lifetime> {
  const walk = new Walk();
  for (const t of inputs) walk.note(t, true, []);
  walk.tasks(tasks, []);
  walk.finish(kept);
  const last = walk.position + 1;
  const lives = new Map<TileTensor, Lifetime>();
  for (const [t, uses] of walk.uses) {
    const life = { from: uses[0].at, to: uses[uses.length - 1].at };
    for (const loop of walk.loops) {
      if (!crosses(uses, loop)) continue;
      life.from = Math.min(life.from, loop.from);
      life.to = Math.max(life.to, loop.to);
    }
    lives.set(t, life);
  }
  for (const t of kept) {
    const life = lives.get(owner(t));
    if (life) life.to = last;
    else lives.set(owner(t), { from: 0, to: last });
  }
  return lives;
}

interface Block {
  readonly tensor: TileTensor;
  readonly life: Lifetime;
  readonly bytes: number;
  offset: number;
}

/** The smallest gap between the placed blocks (sorted by offset) that holds `bytes`. */
function bestFit(placed: readonly Block[], bytes: number, life: Lifetime): number {
  let best = -1;
  let bestGap = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const b of placed) {
    if (b.life.from > life.to || life.from > b.life.to) continue;
    const gap = b.offset - end;
    if (gap >= bytes && gap < bestGap) {
      best = end;
      bestGap = gap;
    }
    end = Math.max(end, b.offset + align(b.bytes));
  }
  return best >= 0 ? best : end;
}

/** Blocks beyond which placing by size would take too long. */
const MAX_BY_SIZE = 5000;

/** Each in the smallest gap that is free all its life: the largest blocks first, very many in order of first use. */
function placeBlocks(blocks: readonly Block[]): void {
  const many = blocks.length > MAX_BY_SIZE;
  let placed: Block[] = [];
  for (const block of [...blocks].sort((a, b) => (many ? a.life.from - b.life.from : b.bytes - a.bytes))) {
    if (many) placed = placed.filter((b) => b.life.to >= block.life.from);
    block.offset = bestFit(placed, block.bytes, block.life);
    const at = placed.findIndex((b) => b.offset > block.offset);
    placed.splice(at < 0 ? placed.length : at, 0, block);
  }
}

/** Gives every tensor without data its offset; returns the arena's size. */
function placeArena(lives: ReadonlyMap<TileTensor, Lifetime>, places: Map<TileTensor, Placement>): number {
  const blocks: Block[] = [];
  for (const [tensor, life] of lives) {
    if (!tensor.data) blocks.push({ tensor, life, bytes: bytesOf(tensor), offset: 0 });
  }
  placeBlocks(blocks.filter((b) => b.bytes > 0));
  let size = 0;
  for (const { tensor, offset, bytes } of blocks) {
    if (bytes > 0) size = Math.max(size, offset + align(bytes));
    places.set(tensor, { space: 'arena', offset, bytes });
  }
  return size;
}

/** Of arrays of one length. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; a !== b && i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Bytes at the start that tell most constants of one length apart. */
const HEAD = 4096;

/** Finds constants of equal contents, in time that grows with their bytes; what is made on demand equals nothing else. */
export class Contents {
  private readonly found = new Map<TileTensor, TileTensor>();
  /** The first of a length and a start. */
  private readonly heads = new Map<string, TileTensor>();
  /** Others, by their digest too. */
  private readonly others = new Map<string, TileTensor[]>();

  /** The first constant with the same bytes that was asked for. */
  first(t: TileTensor): TileTensor {
    return t.data!.deferred ? t : entryOf(this.found, t, () => this.search(t));
  }

  private search(t: TileTensor): TileTensor {
    const { bytes } = t.data!;
    const same = (s: TileTensor): boolean => sameBytes(s.data!.bytes, bytes);
    const key = `${bytes.length} ${fnv1a(bytes.subarray(0, HEAD))}`;
    const head = entryOf(this.heads, key, () => t);
    if (same(head)) return head;
    const alike = entryOf(this.others, `${key} ${fnv1a(bytes)}`, (): TileTensor[] => []);
    const equal = alike.find(same);
    if (!equal) alike.push(t);
    return equal ?? t;
  }
}

/** Places constants one after another, equal contents once; returns the segment's size. */
function placeConstants(constants: readonly TileTensor[], places: Map<TileTensor, Placement>): number {
  const contents = new Contents();
  let size = 0;
  for (const t of constants) {
    const bytes = bytesOf(t);
    const place = places.get(contents.first(t)) ?? { space: 'constants', offset: size, bytes };
    if (place.offset === size) size += align(bytes);
    places.set(t, place);
  }
  return size;
}

/** Places everything that the tasks use; `kept` tensors (results, checks) stay to the end. */
export function planMemory(tasks: readonly Task[], inputs: readonly TileTensor[], kept: readonly TileTensor[]) {
  const lives = lifetimes(tasks, inputs, kept);
  const places = new Map<TileTensor, Placement>();
  const constants = [...lives.keys()].filter((t) => t.data);
  const constantBytes = placeConstants(constants, places);
  const arenaBytes = placeArena(lives, places);
  for (const t of [...inputs, ...kept]) invariant(places.has(owner(t)), `${t.name} has no place`);
  const plan: MemoryPlan = { constantBytes, arenaBytes, places };
  return { plan, constants };
}
