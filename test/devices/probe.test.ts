// The probe: figures of this machine that are finite, sane and found quickly; kept in the cache and measured anew where
// an entry is none; and nothing of it in what is compiled by default.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ROOT } from '../../scripts/source.ts';
import { CompileCache } from '../../src/6-runtime/cache.ts';
import { nodeBackend, probedBackend } from '../../src/backends/node.ts';
import { DEVICES, type Device } from '../../src/devices/device.ts';
import { Session, Tensor } from '../../src/index.ts';
import { noCompiler } from '../c/harness.ts';

/** The probe takes 3 s at most on a machine that does nothing else. */
const LIMIT_MS = 10_000;
const TIMEOUT = 60_000;

const TARGETS = ['wasm', ...(noCompiler() ? [] : ['c'])];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'tilewright-probe-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

const deviceOf = async (target: string): Promise<Device> =>
  (await nodeBackend(target, { device: 'probed' })).machine!.device;

describe.each(TARGETS)('the probe of %s', (target) => {
  it('measures sane figures in seconds, over the described device', { timeout: TIMEOUT }, async () => {
    vi.stubEnv('TILEWRIGHT_CACHE', 'off');
    const described = await nodeBackend(target);
    const started = performance.now();
    const { machine } = await probedBackend(described);
    expect(performance.now() - started).toBeLessThan(LIMIT_MS);
    const [found, before] = [machine!.device, described.machine!.device];
    expect(DEVICES).toContain(before);
    expect(DEVICES).not.toContain(found);
    const { name, vectorBytes, vectorRegisters, fma, units, barrier, scopes } = before;
    expect(found).toMatchObject({ name, vectorBytes, vectorRegisters, fma, units, barrier, scopes });
    expect(found.clock).toBeGreaterThan(0.5);
    expect(found.clock).toBeLessThan(8);
    expect(found.latency).toBeGreaterThanOrEqual(1);
    expect(found.latency).toBeLessThan(30);
    expect(found.launch).toBeGreaterThan(0);
    expect(found.launch).toBeLessThan(1000);
    const near = found.levels[0];
    // A vector a cycle within a factor, and no unit reads more than 4.
    expect(near.bandwidth).toBeGreaterThan((found.clock * Math.max(4, vectorBytes)) / 16);
    expect(near.bandwidth).toBeLessThan(found.clock * Math.max(4, vectorBytes) * 4);
    expect(found.levels.at(-1)!.latency).toBeGreaterThan(near.latency!);
    for (const { rate, dtype, into } of found.peaks) {
      // Dot products and matrices are as described.
      if (into) continue;
      const lanes = Math.max(1, vectorBytes / (dtype === 'f64' ? 8 : 4));
      expect(rate / (lanes * found.clock)).toBeGreaterThan(0.1);
      expect(rate / (lanes * found.clock)).toBeLessThan(9);
    }
  });

  it('says what was measured and what was not', { timeout: TIMEOUT }, async () => {
    vi.stubEnv('TILEWRIGHT_CACHE', directory);
    const { provenance } = await deviceOf(target);
    expect(provenance['peaks']).toMatch(/^measured by tilewright devices --probe, \d{4}-\d\d-\d\d$/);
    expect(provenance['levels']).toBe(provenance['peaks']);
    expect(provenance['vectorRegisters']).not.toMatch(/^measured/);
  });
});

describe('figures in the cache', () => {
  const entries = (): { key: string }[] =>
    readdirSync(directory)
      .filter((f) => f.endsWith('.json'))
      .map((f) => JSON.parse(readFileSync(join(directory, f), 'utf8')) as { key: string });

  it('are taken from there, until something else is there or they are asked for anew', {
    timeout: TIMEOUT,
  }, async () => {
    vi.stubEnv('TILEWRIGHT_CACHE', directory);
    const first = await deviceOf('wasm');
    expect(await deviceOf('wasm')).toEqual(first);
    const cache = new CompileCache(directory);
    const { key } = entries().find((e) => e.key.includes('"wasm-'))!;
    for (const garbage of ['', JSON.stringify({ ...first, levels: [] })]) {
      cache.store(key, new TextEncoder().encode(garbage), 'device');
      const found = await deviceOf('wasm');
      expect(found.levels.length).toBeGreaterThan(1);
      expect(found).not.toEqual(first);
      expect(await deviceOf('wasm')).toEqual(found);
    }
    const anew = (await probedBackend(await nodeBackend('wasm'), true)).machine!.device;
    expect(anew).not.toEqual(first);
    expect(await deviceOf('wasm')).toEqual(anew);
  });

  it('are kept nowhere when the cache is off', { timeout: TIMEOUT }, async () => {
    vi.stubEnv('TILEWRIGHT_CACHE', 'off');
    const before = readdirSync(directory).length;
    expect(await deviceOf('wasm')).not.toEqual(await deviceOf('wasm'));
    expect(readdirSync(directory).length).toBe(before);
  });
});

it('serves sessions that ask for it, with the same results within rounding', { timeout: TIMEOUT }, async () => {
  vi.stubEnv('TILEWRIGHT_CACHE', directory);
  const picture = new Tensor('float32', new Float32Array(28 * 28).fill(0.5), [1, 1, 28, 28]);
  const scores = async (device: 'described' | 'probed'): Promise<number[]> => {
    const session = await Session.create(join(ROOT, 'examples/digits/digits.onnx'), { device });
    const { probabilities } = await session.run({ picture });
    await session.release();
    return Array.from(probabilities.data as Float32Array);
  };
  const [described, probed] = [await scores('described'), await scores('probed')];
  for (const [i, p] of probed.entries()) expect(Math.abs(p - described[i])).toBeLessThan(1e-5);
});

it('leaves alone what has no machine', async () => {
  expect((await nodeBackend('interpreter', { device: 'probed' })).machine).toBeNull();
});
