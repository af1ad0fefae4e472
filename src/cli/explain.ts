// `tilewright explain MODEL`: the program that a model becomes: segments, kernels, how often each is called, what it
// reads and writes, and the memory plan; for each kernel why it is so. As text, as JSON, or as a page.
import fs from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { toTiles } from '../3-tile/from-graph.ts';
import { nodeBackend } from '../backends/node.ts';
import { modelCompiler } from '../compile.ts';
import { DEFAULT_LIMITS } from '../ir/limits.ts';
import { readModel } from '../node.ts';
import { TilewrightError } from '../support/errors.ts';
import { reportHtml } from '../web/report/page.ts';
import { explained, type ProgramReport } from '../web/report/program.ts';
import { planned, plannedText } from '../web/report/rtiles.ts';
import { reportText } from '../web/report/text.ts';
import { describedDevice } from './devices.ts';
import { tensorTypes } from './inputs.ts';
import { modelCommand, type Options, report, usage } from './options.ts';

export function explainCommand(): Command {
  const about = 'the kernels a model becomes, what they move, and the memory plan';
  return modelCommand('explain', about, ['target', 'measure', 'shapes', 'dim', 'json'])
    .option('--html <file>', 'write them as a page with the graph of kernels')
    .option('--device <name>', 'plan for this description; for v100 and the like, tiles per level of memory')
    .action(async (file: string, options: Options & { html?: string; device?: string }) => {
      const model = readModel(file);
      const backend = await nodeBackend(options.target, options);
      const machine = backend.machine ?? usage(`target ${options.target} has no kernels`, 'Use wasm or c.');
      const device = options.device === undefined ? machine.device : describedDevice(options.device);
      const compiler = modelCompiler(model, backend, DEFAULT_LIMITS);
      const { segments, pending } = compiler.specialise(tensorTypes(model, options), []);
      if (pending) console.error('the rest depends on a value that is known only at run time');
      if (device !== machine.device && machine.measure) {
        usage(`${device.name} is described only, and --measure needs the device`, 'Leave out --measure or --device.');
      }
      if (device.workgroups) {
        if (options.html !== undefined) usage(`no page is made of plans for ${device.name}`, 'Leave out --html.');
        const plans = segments.map((g) => planned(toTiles(g), device));
        return report(plans, options, () => console.log(plans.map((p) => plannedText(p)).join('\n')));
      }
      const reports: ProgramReport[] = [];
      for (const g of segments.map(toTiles)) reports.push(explained(g, device, await machine.measure?.(g, machine)));
      const title = (i: number): string => (reports.length > 1 ? `segment ${i + 1} of ${reports.length}\n` : '');
      if (options.html !== undefined) {
        const name = path.normalize(file).split(path.sep).slice(-2).join('/');
        write(options.html, reportHtml({ model: name, target: options.target, device: device.name }, reports));
        if (!options.json) return;
      }
      report(reports, options, () => {
        for (const [i, r] of reports.entries()) console.log(title(i) + reportText(r));
      });
    });
}

function write(file: string, text: string): void {
  try {
    fs.writeFileSync(file, text);
  } catch (error) {
    throw new TilewrightError('USAGE', `cannot write the page: ${(error as Error).message}`, { file });
  }
}
