// The siblings of each stage's result: how it is printed, read back, verified and interpreted. DEBUG, CHECK, --dump and
// --stop-after work through this table alone.
import { interpret, interpretTasks } from './3-tile/interpret.ts';
import type { TaskProgram } from './3-tile/task.ts';
import type { TileProgram } from './3-tile/tile-op.ts';
import { verifyProgram, verifyTaskProgram } from './3-tile/verify.ts';
import { isFloat } from './ir/dtype.ts';
import { FORMATS } from './ir/float.ts';
import { elementCount, emptyTensor, type TensorData, tensorOf, tensorValues } from './ir/tensor.ts';
import type { Observer, Stage } from './observe.ts';
import { invariant } from './support/errors.ts';
import { mulberry32 } from './support/random.ts';
import { printCode } from './web/text/code.ts';
import { printGraph } from './web/text/graph.ts';
import { parseProgram, parseTaskProgram } from './web/text/parse.ts';
import { printProgram, printTaskProgram } from './web/text/print.ts';

type Siblings<T> = Readonly<{ print: (t: T) => string; verify?: (t: T) => void; parse?: (text: string) => T }>;
const siblings = <T>(of: Siblings<T>): Siblings<T> => of;

/** Large constants read back as zeros (`emptyTensor`): the text that is compared does not show contents. */
export const SIBLINGS = {
  graph: siblings({ print: printGraph }),
  tile: siblings({ print: printProgram, verify: verifyProgram, parse: (s) => parseProgram(s, emptyTensor) }),
  schedule: siblings({
    print: printTaskProgram,
    verify: verifyTaskProgram,
    parse: (s) => parseTaskProgram(s, emptyTensor),
  }),
  code: siblings({ print: printCode }),
};

/** Runs one stage: times it, checks its result as far as CHECK asks, and shows it to the observer. */
export function runStage<T>(observer: Observer, stage: Stage, siblings: Siblings<T>, run: () => T): T {
  const started = performance.now();
  const result = run();
  const ms = performance.now() - started;
  if (observer.check >= 1) siblings.verify?.(result);
  if (observer.check >= 2 && siblings.parse) {
    const text = siblings.print(result);
    invariant(siblings.print(siblings.parse(text)) === text, `the text of stage ${stage} does not read back`);
  }
  observer.see({ stage, ms, text: () => siblings.print(result) });
  return result;
}

/** Random contents for a program's inputs. */
function randomFeeds(p: TileProgram): TensorData[] {
  const next = mulberry32(1);
  return p.inputs.map(({ dtype, shape }) => {
    const one = (): number => (isFloat(dtype) ? 2 * next() - 1 : 1);
    return tensorOf(dtype, shape, Array.from({ length: elementCount(shape) }, one));
  });
}

/** CHECK=3: the scheduled program means what the tile program means, on random data. */
export function checkMeaning(before: TileProgram, after: TaskProgram): void {
  const feeds = randomFeeds(before);
  const [want, got] = [interpret(before, feeds), interpretTasks(after, feeds)];
  want.forEach((t, k) => {
    const step = 1e-4 + 2 ** -(FORMATS[t.dtype]?.mantissa ?? 24);
    const [a, b] = [tensorValues(got[k]).map(Number), tensorValues(t).map(Number)];
    const scale = b.reduce((m, x) => (Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m), 1);
    const i = b.findIndex((x, j) => !Object.is(x, a[j]) && x !== a[j] && !(Math.abs(x - a[j]) <= step * scale));
    invariant(i < 0, `scheduling changes output ${k}[${i}] from ${b[i]} to ${a[i]}`);
  });
}
