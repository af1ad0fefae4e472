#!/usr/bin/env node
// The command line: one file per command, all shells over the public API. Exit codes: 0 success, 1 the command ran and
// found failures, 2 wrong usage or a refusal.
import { Command } from 'commander';
import { Stopped } from '../observe.ts';
import { TilewrightError } from '../support/errors.ts';
import { version } from '../version.ts';
import { COMMANDS } from './commands.ts';

const program = new Command('tilewright');
program
  .description('Compiles an ONNX model into one small program for the hardware at hand.')
  .version(version)
  .showHelpAfterError()
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));
for (const command of COMMANDS)
  program.addCommand(command().exitOverride((e) => process.exit(e.exitCode === 0 ? 0 : 2)));

// A reader that has seen enough, such as `head`, is no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof Stopped) console.log(error.text);
  else {
    console.error(error instanceof TilewrightError ? error.message : error);
    process.exitCode = 2;
  }
}
