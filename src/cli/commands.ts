// Every command, one line each, in the order of `--help`.
import type { Command } from 'commander';
import { inspectCommand } from './inspect.ts';
import { runCommand } from './run.ts';
import { testCommand } from './test.ts';
import { verifyCommand } from './verify.ts';

export const COMMANDS: readonly (() => Command)[] = [runCommand, testCommand, verifyCommand, inspectCommand];
