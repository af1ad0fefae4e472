// The descriptions of devices: every figure there, sane and with a source; the right one chosen for a CPU; and what
// the loader refuses.
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../scripts/source.ts';
import { cpuDevice, DEVICES, deviceFrom, lacking, namedDevice, webAssemblyDevice } from '../../src/devices/device.ts';
import { DTYPES } from '../../src/ir/dtype.ts';

const FOLDER = join(ROOT, 'src/devices');

describe.each(DEVICES.map((d) => [d.name, d] as const))('the description of %s', (name, device) => {
  it('is a file of its name with known fields only', () => {
    const known = new Set(
      (
        'name features note vectorBytes vectorRegisters fma dot loadsEarly widens scales prefetches latency arithmeticPorts ' +
        'loadPorts clock levels peaks workgroups units launch barrier scopes provenance'
      ).split(' '),
    );
    expect(JSON.parse(fs.readFileSync(join(FOLDER, `${name}.json`), 'utf8'))).toEqual(device);
    expect(Object.keys(device).filter((field) => !known.has(field))).toEqual([]);
  });

  it('has levels with rising capacity and falling bandwidth', () => {
    expect(device.levels.length).toBeGreaterThan(1);
    for (const [i, level] of device.levels.slice(1).entries()) {
      expect(level.bytes).toBeGreaterThan(device.levels[i].bytes);
      expect(level.bandwidth).toBeLessThanOrEqual(device.levels[i].bandwidth);
      if (level.latency !== undefined) expect(level.latency).toBeGreaterThan(device.levels[i].latency ?? 0);
    }
  });

  it('says where every figure comes from, and names no level that it lacks', () => {
    const { provenance, levels } = device;
    const figures = Object.entries(device).filter(([, v]) => typeof v === 'number' || (typeof v === 'object' && v));
    const unsourced = figures.map(([field]) => field).filter((f) => !(f in provenance));
    expect(unsourced.sort()).toEqual(['features', 'provenance', 'scopes'].filter((f) => f in device));
    const levelsNamed = Object.keys(provenance).flatMap((key) => /^levels\.([^.]+)/.exec(key)?.[1] ?? []);
    expect(levelsNamed.filter((n) => !levels.some((l) => l.name === n))).toEqual([]);
    for (const source of Object.values(provenance)) expect(source.length).toBeGreaterThan(7);
  });

  it('has words, types and peaks that go together', () => {
    expect(['none', 'vectors', 'all']).toContain(device.fma);
    for (const scope of device.scopes) expect(['lane', 'workgroup', 'grid', 'dispatch']).toContain(scope);
    const rate = (form: string): number => device.peaks.find((p) => p.dtype === 'f32' && p.form === form)?.rate ?? 0;
    expect(Math.max(rate('fma'), rate('mul-add'))).toBeGreaterThan(0);
    for (const p of device.peaks) {
      expect(['mul-add', 'fma', 'dot', 'matrix']).toContain(p.form);
      expect(DTYPES).toContain(p.dtype);
      if (p.into) expect(DTYPES).toContain(p.into);
    }
    // What issues per cycle bounds the multiply-adds in vector registers; published peaks differ by a few per cent.
    const lanes = Math.max(1, device.vectorBytes / 4);
    if (rate('fma') > 0) {
      const most = 2 * lanes * device.arithmeticPorts * device.clock;
      expect(rate('fma') / most).toBeGreaterThan(0.4);
      expect(rate('fma') / most).toBeLessThan(1.3);
    }
  });
});

it('has every description in the folder', () => {
  const files = fs.readdirSync(FOLDER).filter((f) => f.endsWith('.json'));
  expect(files.map((f) => f.replace('.json', '')).sort()).toEqual(DEVICES.map((d) => d.name).sort());
});

it('chooses the widest description that the features of a CPU allow', () => {
  const avx2 = ['sse4_1', 'avx2', 'fma'];
  const avx512 = [...avx2, 'avx512f', 'avx512vl', 'avx512bw', 'avx512dq'];
  const chosen = (...features: string[]): string => cpuDevice(new Set(features)).name;
  expect(chosen()).toBe('scalar');
  expect(chosen('sse4_1')).toBe('x86-sse');
  expect(chosen(...avx2)).toBe('x86-avx2');
  expect(chosen(...avx512)).toBe('x86-avx512');
  expect(chosen(...avx512, 'avx512_vnni')).toBe('x86-avx512-vnni');
  expect(chosen(...avx512, 'avx512_vnni', 'clzero')).toBe('x86-zen4');
  const amx = ['amx_tile', 'amx_int8', 'amx_bf16'];
  expect(chosen(...avx512, 'avx512_vnni', 'avx512_bf16', ...amx)).toBe('x86-avx512-amx');
  expect(chosen('asimd', 'fma')).toBe('arm-neon');
  expect(lacking(namedDevice('x86-avx2')!, new Set(['avx2']))).toEqual(['fma']);
  expect(webAssemblyDevice(true).fma).toBe('vectors');
  expect(webAssemblyDevice().fma).toBe('none');
  expect(namedDevice('none')).toBeUndefined();
});

it('refuses what cannot be used', () => {
  const good = namedDevice('x86-avx2')!;
  const refused = (changes: object): void => {
    expect(() => deviceFrom({ ...good, ...changes })).toThrow();
  };
  refused({ clock: Number.NaN });
  refused({ clock: '3' });
  refused({ latency: null });
  refused({ levels: good.levels.toReversed() });
  refused({ levels: good.levels.slice(0, 1) });
  refused({ levels: undefined });
  refused({ peaks: [{ dtype: 'f32', form: 'fma' }] });
  refused({ provenance: { ...good.provenance, levels: undefined } });
  expect(() => deviceFrom(null)).toThrow();
  expect(deviceFrom(good)).toBe(good);
});
