// `npm run demo`: compiles the trained digit recogniser, shows what it recognises on twelve
// pictures, and measures its accuracy and speed on freshly drawn ones.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Session, Tensor } from '../../src/index.ts';
import { drawDigits, type Picture, SIDE, seededRandom } from './draw.ts';
import { asText, readPictures } from './pictures.ts';

const MODEL = fileURLToPath(new URL('./digits.onnx', import.meta.url));
const FRESH = 1000;
const BATCH = 100;
const COLUMNS = 3;

interface Guess {
  readonly digit: number;
  readonly probability: number;
}

/** What the session sees in each picture; one run for all of them. */
async function recognise(session: Session, pictures: readonly Picture[]): Promise<Guess[]> {
  const pixels = new Float32Array(pictures.length * SIDE * SIDE);
  for (const [i, picture] of pictures.entries()) pixels.set(picture.pixels, i * SIDE * SIDE);
  const shape = [pictures.length, 1, SIDE, SIDE];
  const { probabilities } = await session.run({ picture: new Tensor('float32', pixels, shape) });
  const all = probabilities.data as Float32Array;
  return pictures.map((_, i) => {
    const row = all.subarray(i * 10, (i + 1) * 10);
    const probability = Math.max(...row);
    return { digit: row.indexOf(probability), probability };
  });
}

/** Prints pictures side by side, each above what was recognised. */
function show(pictures: readonly Picture[], guesses: readonly Guess[]): void {
  for (let first = 0; first < pictures.length; first += COLUMNS) {
    const blocks = pictures.slice(first, first + COLUMNS).map((picture, i) => {
      const { digit, probability } = guesses[first + i];
      const verdict = digit === picture.digit ? '' : ` (drawn as ${picture.digit})`;
      const caption = `    ${digit}, ${(100 * probability).toFixed(1)} %${verdict}`;
      const lines = asText(picture.pixels);
      return [...lines, caption.padEnd(lines[0].length)];
    });
    for (let row = 0; row < blocks[0].length; row++) {
      console.log(
        blocks
          .map((block) => block[row])
          .join(' ')
          .trimEnd(),
      );
    }
  }
}

async function timed<T>(work: () => Promise<T>): Promise<[T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

async function medianMs(runs: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < runs; i++) times.push((await timed(work))[1]);
  return times.sort((a, b) => a - b)[runs >> 1];
}

const right = (pictures: readonly Picture[], guesses: readonly Guess[]): number =>
  guesses.filter((guess, i) => guess.digit === pictures[i].digit).length;

async function main(): Promise<void> {
  const bytes = readFileSync(MODEL);
  const [session, createMs] = await timed(() => Session.create(bytes));
  const pictures = readPictures();
  const [guesses, firstMs] = await timed(() => recognise(session, pictures));
  show(pictures, guesses);

  const random = seededRandom(99);
  const fresh = drawDigits(FRESH, random);
  let correct = 0;
  for (let first = 0; first < FRESH; first += BATCH) {
    const batch = fresh.slice(first, first + BATCH);
    correct += right(batch, await recognise(session, batch));
  }
  const one = await medianMs(200, () => recognise(session, fresh.slice(0, 1)));
  const many = await medianMs(20, () => recognise(session, fresh.slice(0, BATCH)));
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  console.log();
  console.log(`model         digits.onnx, ${Math.round(bytes.length / 1000)} kB`);
  console.log(`target        ${session.target}`);
  console.log(`load          ${ms(createMs)}`);
  console.log(`first run     ${ms(firstMs)}, with compiling for ${pictures.length} pictures at once`);
  console.log(`one picture   ${ms(one)} a run (median)`);
  console.log(`${BATCH} pictures  ${ms(many)} a run, ${ms(many / BATCH)} a picture`);
  console.log(`recognised    ${right(pictures, guesses)} of the ${pictures.length} pictures above`);
  console.log(`accuracy      ${((100 * correct) / FRESH).toFixed(1)} % of ${FRESH} fresh pictures`);
  await session.dispose();
}

await main();
