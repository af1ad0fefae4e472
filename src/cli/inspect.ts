// `tilewright inspect MODEL`: what a model takes, gives and needs; exits with 1 where something is not supported.
import type { Command } from 'commander';
import { readModel } from '../node.ts';
import { inspect, inspectText } from '../web/report/inspect.ts';
import { modelCommand, report } from './options.ts';

export function inspectCommand(): Command {
  return modelCommand('inspect', 'inputs, outputs, operators, and what is unsupported and why', ['json'])
    .option('--values', 'also the inferred type of every value')
    .action((file: string, options: { values?: boolean; json?: boolean }) => {
      const found = inspect(readModel(file), options.values ?? false);
      report(found, options, () => console.log(inspectText(found)));
      process.exitCode = found.operators.every((o) => o.supported) ? 0 : 1;
    });
}
