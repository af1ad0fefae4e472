// Vectors of 256 bits on request: where V8 pairs vectors, results stay what they are; elsewhere the request is refused.
import { describe, expect, it } from 'vitest';
import { Session, Tensor } from '../../src/index.ts';
import { ModelBuilder } from '../../src/web/build.ts';

const KNOWN = Number.parseInt(process.versions.node, 10) >= 24;

function product(): Uint8Array {
  const m = new ModelBuilder();
  m.output(m.node('MatMul', [m.input('x', 'float32', [37, 64]), m.random([64, 80])], {}, { name: 'y' }));
  return m.toBytes();
}

const feeds = {
  x: new Tensor(
    'float32',
    Float32Array.from({ length: 37 * 64 }, (_, i) => (i % 11) - 5),
    [37, 64],
  ),
};

async function resultOf(options: Parameters<typeof Session.create>[1]): Promise<readonly number[]> {
  const session = await Session.create(product(), options);
  const { y } = await session.run(feeds);
  await session.release();
  return [...(y.data as Float32Array)];
}

describe('revectorize', () => {
  it.runIf(KNOWN)('changes no result', async () => {
    expect(await resultOf({ revectorize: true })).toEqual(await resultOf({}));
  });

  it.skipIf(KNOWN)('is refused by a V8 that does not know it', async () => {
    await expect(resultOf({ revectorize: true })).rejects.toMatchObject({ code: 'TARGET_UNAVAILABLE' });
  });

  it('is refused for targets without such vectors', async () => {
    await expect(resultOf({ revectorize: true, target: 'interpreter' })).rejects.toMatchObject({ code: 'USAGE' });
  });
});
