// Mutated model files end in a typed refusal or are accepted, within time and memory: a process of its own, so that what
// other tests keep in memory does not count.
import * as path from 'node:path';
import { describe, expect, it } from 'vitest';
import { fuzzFiles, modelSeeds } from '../../scripts/fuzz-files.ts';
import { DATA } from './support.ts';

describe.skipIf(!DATA)('published models', () => {
  it('mutated files are refused with a typed error or accepted, in time', async () => {
    const failures: string[] = [];
    const result = await fuzzFiles({
      count: 3000,
      seed: 20,
      seeds: modelSeeds(path.join(DATA!, 'onnx-backend/node'), 4096),
      onFailure: (why) => failures.push(why),
    });
    expect(failures).toEqual([]);
    expect(result.accepted).toBeGreaterThan(100);
    expect(result.refused.get('INVALID_MODEL')).toBeGreaterThan(100);
  });
});
