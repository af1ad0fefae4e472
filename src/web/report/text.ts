// The report of a program as text for a terminal. In: the report of one segment. Out: a line per kernel with what it
// reads and writes, why it is so below it, and the sums. Here, and not in the command, as it is a function of the data.
import { type ProgramReport, sumsOf } from './program.ts';
import { type Candidate, type KernelWhy, tilesText } from './why.ts';

const MiB = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`;
const million = (cycles: number): string => `${(cycles / 1e6).toFixed(3)} M cycles`;

/** A register tile: what of each loop it covers, and its lanes. */
export function shapeText({ loops, lanes }: Pick<Candidate, 'loops' | 'lanes'>): string {
  const own = loops.map(({ axis, extent, step }) => `${axis} ${extent}${step > 1 ? ` by ${step}` : ''}`).join(', ');
  return `${own}${lanes ? `; ${lanes.count} lanes along ${lanes.axis}` : ''}`;
}

/** What an alternative costs, as predicted and as measured: a register tile in its kernel, a way to join operators. */
export const candidateText = ({ cycles, ms }: Pick<Candidate, 'cycles' | 'ms'>): string =>
  `${Math.round(cycles)} cycles${ms === null ? '' : `, ${(1000 * ms).toFixed(1)} µs`}`;

/** Members with their register tiles, what stays inside, and what the next kernel would have cost in this one. */
function detail({ members, loops, inside, level, tiles, bytes, cycles, joins, next }: KernelWhy): string[] {
  const joined = members.length > 1;
  const stepped = loops.map(({ extent, step }) => `${extent} by ${step}`).join(', ');
  const head = joined
    ? [`tiles: ${stepped}; inside ${level ?? 'nothing'}: ${MiB(inside.reduce((n, t) => n + t.bytes, 0))}`]
    : [];
  const gain = [
    `moves ${MiB(bytes.together)}, apart ${MiB(bytes.apart)}`,
    `${million(cycles.together)}, apart ${million(cycles.apart)}`,
  ];
  const registers = tiles.flatMap((t) => [
    `registers: ${shapeText(t)}`,
    ...t.candidates.map((c) => `${c.taken ? '*' : ' '} ${candidateText(c)}: ${shapeText(c)}`),
  ]);
  const tried = joins.map((j) => `${j.taken ? '*' : ' '} ${candidateText(j)}: ${j.way}`);
  const left =
    next?.together == null ? 'cannot share tiles' : `together ${million(next.together)}, apart ${million(next.apart)}`;
  return [
    ...(joined ? members.map((m) => `${m.name}: ${tilesText(m, m.writes)}`) : []),
    ...head,
    gain.join('; '),
    ...(tried.length > 0 ? ['operators per kernel:', ...tried] : []),
    ...new Set(registers),
    ...(next ? [`without ${next.name}: ${left}`] : []),
  ];
}

/** The report of one segment, without a line break at its end. */
export function reportText(report: ProgramReport): string {
  const { kernels, calls, arenaBytes, constantBytes } = report;
  const lines = kernels.map((k) => {
    const head = `${String(k.calls).padStart(5)} x ${k.kernel.padEnd(28)} ${MiB(k.bytes).padStart(13)}`;
    const below = k.why ? detail(k.why).map((l) => `          ${l}\n`) : [];
    return `${head}  ${k.reads.join(' ')} -> ${k.writes.join(' ')}\n${below.join('')}`;
  });
  const { together, apart } = sumsOf(report, 'bytes');
  const moved = `${MiB(together)} moved, ${MiB(apart)} by the same operators apart`;
  const memory = `arena ${arenaBytes} bytes, constants ${constantBytes} bytes`;
  return `${lines.join('')}${kernels.length} kernels, ${calls} calls, ${moved}, ${memory}`;
}
