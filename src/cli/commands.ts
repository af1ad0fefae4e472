// Every command, one line each, in the order of `--help`.
import type { Command } from 'commander';
import { testCommand } from './test.ts';

export const COMMANDS: readonly (() => Command)[] = [testCommand];
