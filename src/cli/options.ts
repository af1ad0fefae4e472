// What several commands share: options, the observer that DEBUG, CHECK, --stop-after and --dump ask for, refusals.
import fs from 'node:fs';
import path from 'node:path';
import { Command, Option } from 'commander';
import { type Observer, STAGES, type Stage, Stopped } from '../observe.ts';
import { TilewrightError } from '../support/errors.ts';

/** Values of the options below; a command has those that it lists. */
export interface Options {
  readonly target: string;
  readonly input: readonly string[];
  /** `name:1x3x224x224,…` */
  readonly shapes?: string;
  /** `batch=1`, repeatable. */
  readonly dim: readonly string[];
  readonly threads: string;
  readonly device: 'described' | 'probed';
  readonly measure: number;
  readonly against?: string;
  readonly rtol: string;
  readonly atol: string;
  readonly stopAfter?: string;
  readonly dump?: string;
  readonly json?: boolean;
  readonly winograd?: boolean;
  readonly revectorize?: boolean;
}

const collect = (value: string, all: readonly string[]): string[] => [...all, value];
const repeated = (flags: string, about: string): Option => new Option(flags, about).argParser(collect).default([]);

/** Programs have one lane: more is refused, not ignored. */
const oneLane = (n: string): string => (n === '1' ? n : usage('programs run on one lane', 'Use --threads 1.'));

/** The shared options; commands may change their defaults. */
export const SHARED: Readonly<Record<keyof Options, () => Option>> = {
  target: () => new Option('--target <target>', 'wasm, c or interpreter').default('wasm'),
  input: () => repeated('--input <name=source>', 'FILE.npy, FILE.pb or random:SEED; repeatable'),
  shapes: () => new Option('--shapes <shapes>', 'extents of inputs: name:1x3x224x224,…'),
  dim: () => repeated('--dim <name=n>', 'value of a symbolic extent; repeatable'),
  threads: () => new Option('--threads <n>', 'lanes to run on: 1 today').argParser(oneLane).default('1'),
  device: () =>
    new Option('--device <figures>', 'choose schedules by the figures of this kind of machine, or as measured here')
      .choices(['described', 'probed'])
      .default('described'),
  measure: () =>
    new Option('--measure <n>', 'ways and tiles of a kernel to time, at most').argParser(Number).default(0),
  against: () => new Option('--against <peers>', 'onnxruntime-node, onnxruntime-web; separated by commas'),
  rtol: () => new Option('--rtol <number>', 'relative tolerance').default('1e-3'),
  atol: () => new Option('--atol <number>', 'absolute tolerance').default('1e-5'),
  stopAfter: () => new Option('--stop-after <stage>', 'print graph, tile, schedule or code and end'),
  dump: () => new Option('--dump <dir>', 'write every stage as text'),
  json: () => new Option('--json', 'print as JSON'),
  revectorize: () =>
    new Option('--revectorize', 'wasm: ask V8 (Node 24 and newer) for vectors of 256 bits; experimental'),
  winograd: () => new Option('--no-winograd', 'round 3×3 convolutions as plain sums; slower'),
};

/** Those of commands that compile and let people look at it. */
export const COMPILING = ['target', 'device', 'measure', 'threads', 'winograd', 'stopAfter', 'dump'] as const;

/** A command over one model file, with these of the shared options. */
export function modelCommand(name: string, description: string, shared: readonly (keyof Options)[]): Command {
  const command = new Command(name).description(description).argument('<model>', 'ONNX file');
  for (const option of shared) command.addOption(SHARED[option]());
  return command;
}

/** Prints what a command found: as JSON where asked, else as it is told to people. */
export function report<T>(found: T, { json }: { json?: boolean }, tell: (found: T) => void): void {
  if (json) console.log(JSON.stringify(found));
  else tell(found);
}

/** Refuses a wrong call of a command. */
export function usage(what: string, hint: string, value?: string): never {
  throw new TilewrightError('USAGE', what, { value }, hint);
}

/** The DEBUG from which on the text of a stage is printed; times are printed from 1 on. */
const SHOW_TEXT: Readonly<Record<Stage, number>> = { graph: 5, tile: 3, schedule: 2, code: 4 };

/** The observer that the environment and these options ask for: texts go to the error output and to files. */
export function observerFrom({ stopAfter, dump }: Pick<Options, 'stopAfter' | 'dump'>): Observer {
  const debug = levelFrom(process.env['DEBUG'], 'DEBUG', 6);
  const check = levelFrom(process.env['CHECK'], 'CHECK', 3);
  if (stopAfter !== undefined && !(STAGES as readonly string[]).includes(stopAfter)) {
    usage(`--stop-after ${stopAfter} is not a stage`, `Stages are: ${STAGES.join(', ')}.`);
  }
  if (dump !== undefined) fs.mkdirSync(dump, { recursive: true });
  let count = 0;
  return {
    check,
    see: ({ stage, ms, text }) => {
      const name = `${String(++count).padStart(2, '0')}-${stage}.tile`;
      if (debug >= 1) console.error(`${stage.padEnd(32)} ${ms.toFixed(1).padStart(8)} ms`);
      if (debug >= SHOW_TEXT[stage]) console.error(text());
      if (dump !== undefined) fs.writeFileSync(path.join(dump, name), text());
      if (stopAfter === stage) throw new Stopped(text());
    },
  };
}

/** Reads DEBUG and CHECK; refuses values that are not small integers. */
function levelFrom(text: string | undefined, name: string, highest: number): number {
  if (!text) return 0;
  const level = Number(text);
  if (Number.isInteger(level) && level >= 0 && level <= highest) return level;
  throw new TilewrightError('USAGE', `${name} must be 0 to ${highest}`);
}
