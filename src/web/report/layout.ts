// Where the graph of a program is drawn. In: what each node reads and writes, in order of the program, and how high it
// is. Out: boxes in rows, each below those that it reads, and a wire per tensor: from boxes that store it, through a
// lane beside the boxes where it passes rows, to boxes that load it. Wires of different tensors share no segment
// while lanes suffice, and none crosses a box.

export interface FlowNode {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  readonly height: number;
  /** Inputs, calls and results do not share rows. */
  readonly part: 'input' | 'call' | 'output';
}

export interface Box {
  readonly row: number;
  readonly x: number;
  readonly y: number;
}

export interface Wire {
  readonly tensor: number;
  readonly line: string;
  /** Heads of arrows. */
  readonly heads: string;
  /** Where what is said of the tensor stands, and how wide it may be; once per box that stores it. */
  readonly labels: readonly { x: number; y: number; room: number }[];
}

export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  readonly wires: readonly Wire[];
}

export const BOX_WIDTH = 290;
const COLUMNS = 3;
const PITCH = BOX_WIDTH + 44;
/** From the left of a box to its first port. */
const PORT = 92;
const OUT_STEP = 10;
const IN_STEP = 12;
const LABEL_LINE = 15;
/** From a box's last port for results to what is said of them. */
const LABEL_GAP = 7;
const LABEL_ROOM = PITCH - PORT - LABEL_GAP - 16;
const TRACK = 7;
const LANE = 8;
/** Tensors that pass rows at one time; those beyond share the last lane. */
const LANES = 48;
const MARGIN = 16;

interface End {
  readonly gap: number;
  readonly x: number;
  readonly node: number;
  readonly out: boolean;
  /** Among the results of its node, and how far the last of them is. */
  readonly place: number;
  readonly rest: number;
}

const range = (xs: readonly number[]): [number, number] =>
  xs.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity] as [number, number]);

const tenth = (x: number): number => Math.round(10 * x) / 10;

type Ends = ReadonlyMap<number, readonly End[]>;

/** In order of the program: the row of the node before, or one below everything that it reads. */
function rowsOf(nodes: readonly FlowNode[]): { row: number; column: number }[] {
  const below = new Map<number, number>();
  const placed: { row: number; column: number }[] = [];
  let row = 0;
  let column = -1;
  for (const [i, node] of nodes.entries()) {
    const needed = node.reads.reduce((r, t) => Math.max(r, below.get(t) ?? 0), 0);
    const full = column + 1 === COLUMNS || (i > 0 && nodes[i - 1].part !== node.part);
    const next = Math.max(needed, full ? row + 1 : row);
    column = next === row ? column + 1 : 0;
    row = next;
    placed.push({ row, column });
    for (const t of node.writes) below.set(t, Math.max(below.get(t) ?? 0, row + 1));
  }
  return placed;
}

/** Ports below and above boxes. One tensor comes straight down from the box right above; others keep left of it. */
function endsOf(nodes: readonly FlowNode[], at: readonly { row: number; column: number }[]): Ends {
  const ends = new Map<number, End[]>();
  const add = (t: number, end: End): unknown => ends.get(t)?.push(end) ?? ends.set(t, [end]);
  const key = (row: number, column: number): number => row * COLUMNS + column;
  const readers = new Map(at.map(({ row, column }, i) => [key(row, column), new Set(nodes[i].reads)]));
  const straight = new Map<number, number>();
  const left = (column: number): number => column * PITCH + PORT;
  for (const [node, { writes }] of nodes.entries()) {
    const { row, column } = at[node];
    const below = writes.find((t) => readers.get(key(row + 1, column))?.has(t));
    if (below !== undefined) straight.set(key(row + 1, column), below);
    const step = Math.min(OUT_STEP, PORT / writes.length);
    const order = below === undefined ? writes : [below, ...writes.filter((t) => t !== below)];
    for (const [place, t] of order.entries()) {
      const rest = tenth(step * (writes.length - 1 - place));
      add(t, { gap: row, x: tenth(left(column) + step * place), node, out: true, place, rest });
    }
  }
  for (const [node, { reads }] of nodes.entries()) {
    const { row, column } = at[node];
    const above = straight.get(key(row, column));
    const others = reads.filter((t) => t !== above);
    const step = Math.min(IN_STEP, (PORT - 12) / others.length);
    const shift = new Map(others.map((t, i) => [t, step * (i + 1)]));
    for (const t of reads) {
      add(t, { gap: row - 1, x: tenth(left(column) - (shift.get(t) ?? 0)), node, out: false, place: 0, rest: 0 });
    }
  }
  return ends;
}

const isStraight = (ends: readonly End[]): boolean =>
  ends.length === 2 && ends.every((e) => e.gap === ends[0].gap && e.x === ends[0].x);

/** Lanes of tensors that pass rows: 0 is next to the boxes. */
function lanesOf(ends: Ends): Map<number, number> {
  const spans = [...ends].map(([t, es]) => {
    const [from, to] = range(es.map((e) => e.gap));
    return { t, from, to };
  });
  const free: number[] = [];
  const lanes = new Map<number, number>();
  for (const { t, from, to } of spans.filter((s) => s.to > s.from).sort((a, b) => a.from - b.from || a.to - b.to)) {
    const found = free.findIndex((end) => end < from);
    const lane = found >= 0 ? found : Math.min(free.length, LANES - 1);
    lanes.set(t, lane);
    free[lane] = Math.max(to, free[lane] ?? to);
  }
  return lanes;
}

/** Per gap between rows the tensors with a horizontal track there, top to bottom: what leaves, passes, arrives. */
function tracksOf(ends: Ends): Map<number, number[]> {
  const kinds = new Map<number, Map<number, number>>();
  for (const [t, es] of ends) {
    if (isStraight(es)) continue;
    for (const { gap, out } of es) {
      const kind = kinds.get(gap) ?? new Map<number, number>();
      kinds.set(gap, kind.set(t, (kind.get(t) ?? 0) | (out ? 1 : 2)));
    }
  }
  const rank = [0, 0, 2, 1];
  const sorted = (m: Map<number, number>): number[] =>
    [...m].sort(([t, a], [u, b]) => rank[a] - rank[b] || t - u).map(([t]) => t);
  return new Map([...kinds].map(([gap, m]) => [gap, sorted(m)]));
}

interface Gap {
  readonly top: number;
  readonly tracks: number;
  readonly bottom: number;
}

/** Heights of gaps and rows, from the gap above row 0 on: `gaps.get(r)` lies below row r. */
function gapsOf(nodes: readonly FlowNode[], rows: readonly number[], tracks: ReadonlyMap<number, number[]>) {
  const last = rows.at(-1) ?? -1;
  const tall = new Array<number>(last + 1).fill(0);
  const lines = new Array<number>(last + 1).fill(0);
  for (const [i, { height, writes }] of nodes.entries()) {
    tall[rows[i]] = Math.max(tall[rows[i]], height);
    lines[rows[i]] = Math.max(lines[rows[i]], writes.length);
  }
  const gaps = new Map<number, Gap>();
  let y = MARGIN;
  for (let row = -1; row <= last; row++) {
    const top = y + (tall[row] ?? 0);
    const from = top + LABEL_LINE * (lines[row] ?? 0) + 8;
    const bottom = from + TRACK * (tracks.get(row)?.length ?? 0) + 10;
    gaps.set(row, { top, tracks: from, bottom });
    y = bottom;
  }
  return { gaps, height: y + MARGIN };
}

/** The layout of nodes; equal input, equal layout. */
export function layOut(nodes: readonly FlowNode[]): Layout {
  const at = rowsOf(nodes);
  const ends = endsOf(nodes, at);
  const lanes = lanesOf(ends);
  const tracks = tracksOf(ends);
  const rows = at.map((a) => a.row);
  const { gaps, height } = gapsOf(nodes, rows, tracks);
  const used = range([-1, ...lanes.values()])[1] + 1;
  const left = MARGIN + LANE * used + (used > 0 ? 12 : 0);
  const columns = at.reduce((n, a) => Math.max(n, a.column + 1), 1);
  const boxes = at.map(({ row, column }) => ({ row, x: left + column * PITCH, y: gaps.get(row - 1)!.bottom }));
  const bottom = (node: number): number => boxes[node].y + nodes[node].height;
  const wires = [...ends].map(([tensor, es]): Wire => {
    const lane = lanes.get(tensor);
    const track = (gap: number): number | null => {
      const i = tracks.get(gap)?.indexOf(tensor) ?? -1;
      return i < 0 ? null : gaps.get(gap)!.tracks + TRACK * i;
    };
    const lined = linesOf(es, {
      left,
      laneX: lane === undefined ? null : left - 16 - LANE * lane,
      track,
      bottom,
      gaps,
    });
    const labels = es
      .filter((e) => e.out)
      .map(({ node, x, place, rest }) => ({
        x: left + x + rest + LABEL_GAP,
        y: gaps.get(at[node].row)!.top + LABEL_LINE * (place + 1) - 1,
        room: LABEL_ROOM - rest - (x % PITCH) + PORT,
      }));
    return { tensor, ...lined, labels };
  });
  return { width: left + columns * PITCH + MARGIN, height, boxes, wires };
}

interface Places {
  readonly left: number;
  readonly laneX: number | null;
  readonly track: (gap: number) => number | null;
  readonly bottom: (node: number) => number;
  readonly gaps: ReadonlyMap<number, Gap>;
}

/** Up and down from each end to the track of its gap, along the tracks, and along the lane that joins them. */
function linesOf(ends: readonly End[], { left, laneX, track, bottom, gaps }: Places): { line: string; heads: string } {
  const parts: string[] = [];
  const heads: string[] = [];
  const turns: number[] = [];
  for (const gap of new Set(ends.map((e) => e.gap))) {
    const own = ends.filter((e) => e.gap === gap);
    const y = track(gap);
    const low = gaps.get(gap)!.bottom;
    for (const { node, x, out } of own) {
      if (out) parts.push(`M${left + x} ${bottom(node)}V${y ?? low}`);
      else if (y !== null) parts.push(`M${left + x} ${y}V${low}`);
      if (!out) heads.push(`M${left + x} ${low}l-4-7h8z`);
    }
    if (y === null) continue;
    const xs = [...own.map((e) => left + e.x), ...(laneX === null ? [] : [laneX])];
    const [from, to] = range(xs);
    if (from < to) parts.push(`M${from} ${y}H${to}`);
    turns.push(y);
  }
  if (laneX !== null) parts.push(`M${laneX} ${range(turns).join('V')}`);
  return { line: parts.join(''), heads: heads.join('') };
}
