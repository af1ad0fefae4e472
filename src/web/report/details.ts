// Bars and details of the kernels of a program as markup. In: the report of one segment. Out: a table with what each
// kernel moves and is expected to take, together and apart, and a block per kernel with all that is known of it.

import { cycles, escaped, grouped, joined, sized } from './markup.ts';
import type { KernelReport, ProgramReport, Sums } from './program.ts';
import { candidateText, shapeText } from './text.ts';
import { tilesText } from './why.ts';

type Why = NonNullable<KernelReport['why']>;

const code = (text: string): string => `<code>${escaped(text)}</code>`;

/** Two bars, together above apart, on a scale that all rows share. */
function bars({ together, apart }: Sums, most: number, say: (n: number) => string): string {
  const bar = (n: number, kind: string, what: string): string => {
    const width = ((100 * n) / (most || 1)).toFixed(2);
    return `<div class="bar${kind}"><i style="width:${width}%"></i><span>${say(n)} ${what}</span></div>`;
  };
  return bar(together, '', 'together') + bar(apart, ' o', 'apart');
}

const times = ({ together, apart }: Sums, n: number): Sums => ({ together: n * together, apart: n * apart });

/** A row per kernel, all its calls taken together. */
export function barTable({ kernels }: ProgramReport, id: string): string {
  const most = { bytes: 0, cycles: 0 };
  for (const { why, calls } of kernels) {
    if (!why) continue;
    most.bytes = Math.max(most.bytes, calls * why.bytes.together, calls * why.bytes.apart);
    most.cycles = Math.max(most.cycles, calls * why.cycles.together, calls * why.cycles.apart);
  }
  const row = ({ kernel, calls, why }: KernelReport, i: number): string => {
    const cells = why
      ? `<td class="v">${bars(times(why.bytes, calls), most.bytes, sized)}</td><td class="v">${bars(times(why.cycles, calls), most.cycles, cycles)}</td>`
      : '<td class="v">not estimated</td><td class="v">not estimated</td>';
    return `<tr><td><a href="#${id}k${i}">${joined(kernel)}</a></td><td class="n">${calls}</td>${cells}</tr>`;
  };
  const head = ['kernel', 'calls', 'bytes moved by all calls', 'estimated cycles of all calls'];
  const titles = head.map((t) => `<th scope="col">${t}</th>`).join('');
  return `<table><thead><tr>${titles}</tr></thead><tbody>\n${kernels.map(row).join('\n')}\n</tbody></table>`;
}

const list = (items: readonly string[], kind = 'ul'): string =>
  items.length > 0 ? `<${kind}>${items.map((i) => `<li>${i}</li>`).join('')}</${kind}>` : 'none';

function insideOf({ inside, level }: Why): string {
  const total = inside.reduce((n, t) => n + t.bytes, 0);
  const items = inside.map((t) => `${escaped(t.tensor)}: ${code(t.shape.join('×') || '1')}, ${sized(t.bytes)}`);
  return level === null ? 'nothing' : `${sized(total)} in ${escaped(level)}${list(items)}`;
}

/** Register tiles as said in the text, equal ones once, and below each those that rank first. */
function registersOf({ tiles }: Why): string[] {
  const told = tiles.map((t) => {
    const tried = t.candidates.map((c) => `${code(shapeText(c))}: ${candidateText(c)}${c.taken ? ', taken' : ''}`);
    return `${joined(t.member)}: ${code(shapeText(t))}${list(tried)}`;
  });
  return [...new Set(told)];
}

/** Ways to join the operators that rank first. */
const joinsOf = ({ joins }: Why): string =>
  list(joins.map((j) => `${code(j.way)}: ${candidateText(j)}${j.taken ? ', taken' : ''}`));

function nextOf({ next }: Why): string {
  if (!next) return 'no kernel of tiles follows';
  const { together, apart, name } = next;
  const why =
    together === null ? 'cannot share tiles' : `${grouped(together)} cycles together, ${grouped(apart)} apart`;
  return `${joined(name)}: ${why}`;
}

const pair = ({ together, apart }: Sums, say: (n: number) => string): string =>
  `${say(together)} together, ${say(apart)} by the same operators apart`;

function whyRows(why: Why): [string, string][] {
  const loops = why.loops.map(({ extent, step }) => code(`${extent} by ${step}`));
  const members = why.members.map((m) => `${joined(m.name)}: ${tilesText(m, code(m.writes))}`);
  return [
    ['operators', list(members, 'ol')],
    ['loops over tiles', loops.length > 0 ? loops.join(', ') : 'none: not cut'],
    ['register tiles', list(registersOf(why))],
    ['stays inside', insideOf(why)],
    ['bytes moved by a call', pair(why.bytes, (n) => `${grouped(n)} bytes`)],
    ['estimated cycles', pair(why.cycles, grouped)],
    ['operators per kernel', joinsOf(why)],
    ['next, left out', nextOf(why)],
  ];
}

/** Everything about one kernel; links to it open it. */
function detail(k: KernelReport, i: number, id: string): string {
  const rows: [string, string][] = [
    ['reads', list(k.reads.map(code))],
    ['writes', list(k.writes.map(code))],
    ...(k.why ? whyRows(k.why) : []),
    ['arguments of all calls', `${grouped(k.bytes)} bytes`],
    ['statements', String(k.statements)],
  ];
  const items = rows.map(([name, said]) => `<dt>${name}</dt><dd>${said}</dd>`).join('\n');
  const head = `<summary><h3>${joined(k.kernel)}</h3><span class="sum">${k.calls} call${k.calls === 1 ? '' : 's'}</span></summary>`;
  return `<details class="kernel">${head}<div class="body" id="${id}k${i}"><dl>\n${items}\n</dl></div></details>`;
}

/** A block per kernel, in order. */
export const kernelDetails = ({ kernels }: ProgramReport, id: string): string =>
  kernels.map((k, i) => detail(k, i, id)).join('\n');
