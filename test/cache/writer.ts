// One process of the cache race: stores and finds a few keys in a directory shared with others, and
// says "ok" when everything that it found was whole and right.
import { readFileSync } from 'node:fs';
import { CompileCache } from '../../src/6-runtime/cache.ts';

const [directory, seedText] = process.argv.slice(2);
const cache = new CompileCache(directory, { maxBytes: 400_000 });
const content = (key: number, variant: number): Uint8Array => {
  const data = new Uint8Array(20_000 + key * 1000).fill(key);
  data[0] = variant;
  return data;
};

function verify(path: string, key: number): void {
  let data: Uint8Array;
  try {
    data = readFileSync(path);
  } catch {
    return; // Evicted by another process after it was verified: the loader then builds anew.
  }
  const whole = data.length === 20_000 + key * 1000 && data.subarray(1).every((b) => b === key);
  if (!whole) throw new Error(`entry ${key} is damaged`);
}

let state = Number(seedText);
for (let i = 0; i < 60; i++) {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  const key = (state >>> 16) % 12;
  const found = cache.find(`key ${key}`);
  if (found) verify(found.path, key);
  // Compilers may differ from run to run: two variants of each artefact are in the race.
  if (!found || i % 5 === 0) cache.store(`key ${key}`, content(key, state & 1), 'so');
}
console.log('ok');
