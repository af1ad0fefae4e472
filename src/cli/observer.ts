// The observer that DEBUG, CHECK, --stop-after and --dump ask for.
import fs from 'node:fs';
import path from 'node:path';
import { createObserver, levelFrom, type Observer, STAGES, type Stage, silent } from '../observe.ts';
import { TilewrightError } from '../support/errors.ts';

export function observerFrom(options: { stopAfter?: string; dump?: string }): Observer {
  const debug = levelFrom(process.env['DEBUG'], 'DEBUG', 6);
  const check = levelFrom(process.env['CHECK'], 'CHECK', 3);
  const { stopAfter, dump } = options;
  if (stopAfter !== undefined && !(STAGES as readonly string[]).includes(stopAfter)) {
    throw new TilewrightError(
      'USAGE',
      `--stop-after ${stopAfter} is not a stage`,
      {},
      `Stages are: ${STAGES.join(', ')}.`,
    );
  }
  if (debug === 0 && check === 0 && stopAfter === undefined && dump === undefined) return silent;
  if (dump !== undefined) fs.mkdirSync(dump, { recursive: true });
  return createObserver({
    debug,
    check,
    stopAfter: stopAfter as Stage | undefined,
    dump:
      dump === undefined
        ? undefined
        : (name, text) => {
            fs.writeFileSync(path.join(dump, `${name}.tile`), text);
          },
    print: (line) => {
      console.error(line);
    },
  });
}
