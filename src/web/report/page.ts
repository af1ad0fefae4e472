// The report of a program as one page. In: what was compiled and the reports of its segments. Out: HTML with its style
// and its graphs inside: nothing is loaded and no script runs, so it can be kept, sent and opened anywhere.
import { barTable, kernelDetails } from './details.ts';
import { graphSvg } from './graph.ts';
import { cycles, escaped, grouped, sized } from './markup.ts';
import { type ProgramReport, type Sums, sumsOf } from './program.ts';
import { STYLE } from './style.ts';

/** What the page is about, as shown in its head. */
export interface Subject {
  readonly model: string;
  readonly target: string;
  readonly device: string;
}

function change({ together, apart }: Sums, say: (n: number) => string): string {
  if (apart === 0 || together === apart) return 'as much as apart';
  const percent = (100 * Math.abs(together - apart)) / apart;
  return `${percent.toFixed(percent < 10 ? 1 : 0)} % ${together < apart ? 'less' : 'more'} than ${say(apart)} apart`;
}

function figures(report: ProgramReport): string {
  const { kernels, calls, arenaBytes, constantBytes } = report;
  const bytes = sumsOf(report, 'bytes');
  const time = sumsOf(report, 'cycles');
  const cards = [
    ['kernels', grouped(kernels.length), `${grouped(calls)} calls`],
    ['moved', sized(bytes.together), change(bytes, sized)],
    ['estimated cycles', cycles(time.together), change(time, cycles)],
    ['arena', sized(arenaBytes), `${grouped(arenaBytes)} bytes`],
    ['constants', sized(constantBytes), `${grouped(constantBytes)} bytes`],
  ];
  const card = ([name, said, more]: string[]): string =>
    `<div><dt>${name}</dt><dd>${said}<small>${more}</small></dd></div>`;
  return `<dl class="figures">${cards.map(card).join('')}</dl>`;
}

/** A part that scrolls on its own, with the keyboard as well. */
const block = (title: string, body: string): string =>
  `<details open><summary><h3>${title}</h3></summary><div class="scroll" role="region" aria-label="${title}" tabindex="0">${body}</div></details>`;

function segment(report: ProgramReport, i: number, count: number): string {
  const id = count > 1 ? `s${i + 1}` : '';
  const key =
    '<p class="key"><i></i>together: this kernel<i class="o"></i>apart: a kernel for each of its operators</p>';
  return [
    count > 1 ? `<h2>Segment ${i + 1} of ${count}</h2>` : '',
    figures(report),
    block('Graph of kernels', graphSvg(report, id)),
    block('Traffic and cycles', key + barTable(report, id)),
    `<h2>Kernels</h2>\n${kernelDetails(report, id)}`,
  ].join('\n');
}

/** The page, complete; equal reports give equal text. */
export function reportHtml({ model, target, device }: Subject, reports: readonly ProgramReport[]): string {
  const name = escaped(model);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${name}: kernels</title>
<style>
${STYLE}
</style>
</head>
<body>
<main>
<h1>${name}</h1>
<p>Compiled for ${escaped(target)} on ${escaped(device)}</p>
${reports.map((r, i) => segment(r, i, reports.length)).join('\n')}
</main>
</body>
</html>
`;
}
