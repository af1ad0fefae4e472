// How people look inside a compilation: one observer that every stage goes through. The command line makes one of DEBUG,
// CHECK, --dump and --stop-after. Passes themselves never print.

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
