// How people look inside a compilation: one observer that every stage goes through. DEBUG prints, CHECK
// verifies, --dump writes each stage as text, --stop-after ends after one. Passes themselves never print.
import { TilewrightError } from './support/errors.ts';

/** Names of the stages in order, as `--stop-after` takes them. */
export const STAGES = ['graph', 'tile', 'schedule', 'code'] as const;
export type Stage = (typeof STAGES)[number];

export interface Observer {
  /** 0 none, 1 verify, 2 round-trip print and parse, 3 interpret before and after scheduling. */
  readonly check: number;
  /** `text` gives the printed form; made only when somebody looks. */
  see(o: Readonly<{ stage: Stage; ms: number; text: () => string }>): void;
}

export const silent: Observer = { check: 0, see: () => {} };

/** Thrown after the stage that was asked for: unwinds to the command line. */
export class Stopped extends Error {
  readonly text: string;
  constructor(text: string) {
    super('stopped after a stage');
    this.text = text;
  }
}

export interface ObserverOptions {
  readonly debug: number;
  readonly check: number;
  readonly stopAfter?: Stage | undefined;
  /** Receives `NN-stage` and text. */
  readonly dump?: ((name: string, text: string) => void) | undefined;
  readonly print: (line: string) => void;
}

/** The DEBUG from which on the text of a stage is printed; times are printed from 1 on. */
const SHOW_TEXT: Readonly<Record<Stage, number>> = { graph: 5, tile: 3, schedule: 2, code: 4 };

export function createObserver(o: ObserverOptions): Observer {
  let count = 0;
  return {
    check: o.check,
    see: ({ stage, ms, text }) => {
      if (o.debug >= 1) o.print(`${stage.padEnd(32)} ${ms.toFixed(1).padStart(8)} ms`);
      if (o.debug >= SHOW_TEXT[stage]) o.print(text());
      o.dump?.(`${String(++count).padStart(2, '0')}-${stage}`, text());
      if (o.stopAfter === stage) throw new Stopped(text());
    },
  };
}

/** Reads DEBUG and CHECK; refuses values that are not small integers. */
export function levelFrom(text: string | undefined, name: string, highest: number): number {
  if (!text) return 0;
  const level = Number(text);
  if (Number.isInteger(level) && level >= 0 && level <= highest) return level;
  throw new TilewrightError('USAGE', `${name} must be 0 to ${highest}`);
}
