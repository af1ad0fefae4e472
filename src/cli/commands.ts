// Every command, one line each, in the order of `--help`.
import type { Command } from 'commander';
import { benchCommand } from './bench.ts';
import { compileCommand } from './compile.ts';
import { devicesCommand } from './devices.ts';
import { explainCommand } from './explain.ts';
import { inspectCommand } from './inspect.ts';
import { runCommand } from './run.ts';
import { testCommand } from './test.ts';
import { verifyCommand } from './verify.ts';

export const COMMANDS: readonly (() => Command)[] = [
  compileCommand,
  runCommand,
  testCommand,
  verifyCommand,
  benchCommand,
  inspectCommand,
  explainCommand,
  devicesCommand,
];
