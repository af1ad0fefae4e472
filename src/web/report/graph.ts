// The graph of a program as SVG. In: the report of one segment. Out: a box per call with its operators and where what
// they pass on stays, in order of the program, and a wire per tensor between calls. Links lead to the kernels' details.

import { BOX_WIDTH, type FlowNode, layOut, type Wire } from './layout.ts';
import { escaped, fitted, sized } from './markup.ts';
import type { CallReport, KernelReport, ProgramReport } from './program.ts';
import { tilesText } from './why.ts';

const HEAD = 26;
const MEMBER = 36;
const LINK = 22;
const PAD = 8;
/** Operators of one box; the details have all. */
const SHOWN = 10;
/** Width of a character of the graph's font. */
const CHAR = 6.7;
const COLOURS = 6;
const INSIDE = BOX_WIDTH - 2 * PAD;

type Member = NonNullable<KernelReport['why']>['members'][number];

interface Drawn extends FlowNode {
  /** Its markup, relative to its corner. */
  readonly draw: string;
}

const text = (x: number, y: number, kind: string, said: string, width: number): string =>
  `<text x="${x}" y="${y}"${kind ? ` class="${kind}"` : ''}>${escaped(fitted(said, Math.floor(width / CHAR)))}</text>`;

/** What a member stores, if another member of its kernel takes it over, and where it is until then. */
function linkOf({ members, inside, level }: NonNullable<KernelReport['why']>, i: number): string {
  const kept = inside[members[i].inside];
  return kept ? `${kept.shape.join('×') || '1'} · ${sized(kept.bytes)} in ${level}` : `${members[i].writes} in memory`;
}

function memberOf(m: Member, y: number): string {
  const { name } = m;
  const parts = name.split('+').length;
  const how = [tilesText(m), ...(parts > 1 ? [`${parts} joined in registers`] : [])];
  return [
    `<rect class="m" x="${PAD}" y="${y}" width="${INSIDE}" height="${MEMBER}" rx="4"/>`,
    text(PAD + 8, y + 15, '', name, INSIDE - 16),
    text(PAD + 8, y + 29, 'q', how.join(' · '), INSIDE - 16),
  ].join('');
}

/** The operators of a kernel below each other. */
function membersOf({ why, kernel }: KernelReport): { draw: string; height: number } {
  if (!why) {
    const name = kernel.replace(/^k\d+ /, '');
    const rect = `<rect class="m" x="${PAD}" y="${HEAD}" width="${INSIDE}" height="${MEMBER}" rx="4"/>`;
    const how = text(PAD + 8, HEAD + 29, 'q', 'loops of its own, no tiles', INSIDE - 16);
    return { draw: rect + text(PAD + 8, HEAD + 15, '', name, INSIDE - 16) + how, height: HEAD + MEMBER + PAD };
  }
  const shown = why.members.slice(0, SHOWN);
  let y = HEAD;
  const parts = shown.map((m, i) => {
    const own = memberOf(m, y);
    y += MEMBER;
    if (i === shown.length - 1) return own;
    const link = `<path class="l" d="M${PAD + 14} ${y}v${LINK}"/>${text(PAD + 24, y + 15, 'k', linkOf(why, i), INSIDE - 30)}`;
    y += LINK;
    return own + link;
  });
  const left = why.members.length - shown.length;
  if (left > 0) parts.push(text(PAD + 8, (y += 16), 'q', `${left} more: see the details`, INSIDE));
  return { draw: parts.join(''), height: y + PAD };
}

type Bodies = ReadonlyMap<KernelReport, { draw: string; height: number }>;

function callNode(call: CallReport, i: number, { kernels }: ProgramReport, bodies: Bodies, id: string) {
  const kernel = kernels[call.kernel];
  const { draw, height } = bodies.get(kernel)!;
  const moved = kernel.why ? sized(kernel.why.bytes.together) : '';
  const label = `call ${i + 1}: ${kernel.kernel}`;
  const head = [
    `<rect class="b" width="${BOX_WIDTH}" height="${height}" rx="7"/>`,
    text(PAD, 17, 'h', [i + 1, `k${call.kernel}`, call.within.join(' ')].filter((x) => x !== '').join(' · '), 170),
    moved && `<text x="${BOX_WIDTH - PAD}" y="17" class="r">moves ${moved}</text>`,
  ];
  const title = `<title>${escaped(label)}</title>`;
  const link = `<a href="#${id}k${call.kernel}" aria-label="${escaped(label)}">${title}${head.join('')}${draw}</a>`;
  return { height, draw: link, part: 'call' as const };
}

function edgeNode({ name, type, bytes }: ProgramReport['tensors'][number], part: 'input' | 'output') {
  const height = 40;
  const draw = [
    `<title>${escaped(name)}</title><rect class="e" width="${BOX_WIDTH}" height="${height}" rx="20"/>`,
    text(20, 17, 'h', `${part === 'input' ? 'input' : 'result'} ${name}`, BOX_WIDTH - 40),
    text(20, 31, 'q', `${type} · ${sized(bytes)}`, BOX_WIDTH - 40),
  ];
  return { height, draw: draw.join(''), part };
}

/** Positions of calls per tensor; -1 is whoever calls the program. */
function writersOf({ tensors, order }: ProgramReport): readonly ReadonlySet<number>[] {
  const writers = tensors.map(({ role }) => new Set(role === 'input' ? [-1] : []));
  for (const [i, { writes }] of order.entries()) for (const t of writes) writers[t].add(i);
  return writers;
}

/** What a call takes from others: what it stores itself only if another stored some of it before. */
function takenBy({ reads, writes }: CallReport, i: number, writers: readonly ReadonlySet<number>[]): number[] {
  const own = new Set(writes);
  return reads.filter((t) => [...writers[t]].some((w) => (own.has(t) ? w < i : true)));
}

/** Per tensor that passes from node to node, the first and the last call that take it; results are taken at the end. */
function takersOf(
  { tensors, order }: ProgramReport,
  writers: readonly ReadonlySet<number>[],
  taken: readonly (readonly number[])[],
): ReadonlyMap<number, { first: number; last: number }> {
  const found = new Map<number, { first: number; last: number }>();
  const add = (t: number, i: number): unknown => found.set(t, { first: found.get(t)?.first ?? i, last: i });
  for (const [i, ts] of taken.entries()) for (const t of ts) add(t, i);
  for (const [t, { role }] of tensors.entries()) if (role === 'output' && writers[t].size > 0) add(t, order.length);
  return found;
}

/** Inputs, calls and results, with the tensors that pass between them. */
function nodesOf(report: ProgramReport, id: string): Drawn[] {
  const { tensors, order, kernels } = report;
  const writers = writersOf(report);
  const taken = order.map((call, i) => takenBy(call, i, writers));
  const takers = takersOf(report, writers, taken);
  const bodies: Bodies = new Map(kernels.map((k) => [k, membersOf(k)]));
  const edges = (part: 'input' | 'output'): Drawn[] =>
    tensors.flatMap((tensor, t) => {
      if (tensor.role !== part) return [];
      const own = [t].filter((x) => takers.has(x));
      return [{ ...edgeNode(tensor, part), reads: part === 'output' ? own : [], writes: part === 'input' ? own : [] }];
    });
  const calls = order.map((call, i): Drawn => {
    const again = call.within.includes('loop');
    const writes = call.writes.filter((t) => {
      const { first, last } = takers.get(t) ?? { first: i, last: i };
      return last > i || (again && first < i);
    });
    return { ...callNode(call, i, report, bodies, id), reads: taken[i], writes };
  });
  return [...edges('input'), ...calls, ...edges('output')];
}

function wireOf({ tensor, line, heads, labels }: Wire, i: number, { tensors }: ProgramReport): string {
  const { name, type, bytes } = tensors[tensor];
  const size = ` · ${sized(bytes)}`;
  const said = (room: number): string => fitted(type, Math.floor(room / CHAR) - size.length) + size;
  const marks = labels.map(({ x, y, room }) => text(x, y, '', said(room), room)).join('');
  const title = `<title>${escaped(name)}: ${escaped(type + size)}</title>`;
  return `<g class="w w${i % COLOURS}">${title}<path d="${line}"/><path class="a" d="${heads}"/>${marks}</g>`;
}

/** The graph; `id` goes before the names of kernels that links lead to. */
export function graphSvg(report: ProgramReport, id: string): string {
  const nodes = nodesOf(report, id);
  const { width, height, boxes, wires } = layOut(nodes);
  const drawn = nodes.map(({ draw }, i) => `<g transform="translate(${boxes[i].x} ${boxes[i].y})">${draw}</g>`);
  const label = `${report.calls} calls of ${report.kernels.length} kernels in order, and the tensors between them`;
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  const lines = wires.map((w, i) => wireOf(w, i, report));
  return `<svg role="group" aria-label="${label}" ${size}>\n${[...lines, ...drawn].join('\n')}\n</svg>`;
}
