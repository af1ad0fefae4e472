// The page of `explain --html` says what the report says, is well-formed, loads nothing, runs nothing whatever the
// names in a model are, comes out the same every time, and stays small and quick for hundreds of kernels.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TileBuilder } from '../../src/3-tile/builder.ts';
import { add, constant, div, exp, load, mul, sub } from '../../src/3-tile/expr.ts';
import { maximum, sum } from '../../src/3-tile/monoids.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { TileProgram } from '../../src/3-tile/tile-op.ts';
import { namedDevice } from '../../src/devices/device.ts';
import { fitted, sized } from '../../src/web/report/markup.ts';
import { reportHtml } from '../../src/web/report/page.ts';
import { explained, type KernelReport, type ProgramReport, sumsOf } from '../../src/web/report/program.ts';
import { reportText } from '../../src/web/report/text.ts';

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const DIGITS = fileURLToPath(new URL('../../examples/digits/digits.onnx', import.meta.url));
const SUBJECT = { model: 'm.onnx', target: 'wasm', device: 'a machine' };
const HOSTILE = `</script></title></style></svg><img src=x onerror="alert('1')">\u202e\u0000\u001b[31m&amp;`;

/** Softmax of the rows of a product, all of whose names are the same. */
function program(name: string): TileProgram {
  const b = new TileBuilder();
  const x = newTensor(name, 'f32', [512, 64], 'input');
  const y = newTensor(name, 'f32', [64, 256], 'input');
  b.place = { node: name, op: name };
  const product = b.reduce('f32', [512, 256], [64], sum('f32'), ([i, j], [k]) => mul(load(x, [i, k]), load(y, [k, j])));
  const most = b.reduce('f32', [512], [256], maximum('f32'), ([i], [k]) => load(product, [i, k]));
  const powers = b.map('f32', [512, 256], ([i, j]) => exp(sub(load(product, [i, j]), load(most, [i]))));
  const total = b.reduce('f32', [512], [256], sum('f32'), ([i], [k]) => load(powers, [i, k]));
  const result = b.map('f32', [512, 256], ([i, j]) => div(load(powers, [i, j]), load(total, [i])));
  result.role = 'output';
  return { inputs: [x, y], outputs: [result], steps: b.steps, checks: [] };
}

const reported = (name: string): ProgramReport => explained(program(name), namedDevice('x86-avx512')!);

/** A program of so many kernels, each over the results of up to seven before it. */
function synthetic(count: number): ProgramReport {
  const { why } = reported('Op').kernels[0];
  const kernels = Array.from({ length: count }, (_, i): KernelReport => {
    const kernel = `k${i} Conv+Relu`;
    return { kernel, calls: 1, statements: 20, reads: ['f32[1,64,56,56]'], writes: ['f32[1,64,56,56]'], bytes: 9, why };
  });
  const tensors = Array.from({ length: count + 1 }, (_, i) => {
    const role = i === 0 ? 'input' : i === count ? 'output' : 'temp';
    return { name: `t${i}`, type: 'f32[1,64,56,56]', bytes: 802_816, role } as const;
  });
  const order = kernels.map((_, i) => {
    const reads = Array.from({ length: Math.min(i + 1, 1 + (i % 7)) }, (_, j) => i - j * j).filter((t) => t >= 0);
    return { kernel: i, within: [], reads, writes: [i + 1] };
  });
  return { kernels, calls: count, arenaBytes: 1, constantBytes: 2, tensors, order };
}

const EMPTY = /^(!DOCTYPE|meta|rect|path)$/;

const TAG = /<(\/?)([!a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<>]*")?|\s*\/)*)\s*>/g;

/** The names of elements in order of their start; fails where one is not closed in order, or handles events. */
function elements(html: string): string[] {
  const open: string[] = [];
  const all: string[] = [];
  const tags = [...html.matchAll(TAG)];
  expect(tags.length).toBe(count(html, '<'));
  for (const [, end, name, attributes] of tags) {
    if (end) expect(open.pop()).toBe(name);
    else if (!EMPTY.test(name)) open.push(name);
    if (!end) all.push(name);
    expect(attributes.replace(/"[^"]*"/g, '')).not.toMatch(/\bon\w/);
  }
  expect(open).toEqual([]);
  return all;
}

const count = (html: string, part: string): number => html.split(part).length - 1;

/** How many arrows there are. */
const heads = (html: string): number =>
  [...html.matchAll(/class="a" d="([^"]*)"/g)].reduce((n, [, d]) => n + count(d, 'M'), 0);

describe('the page of a report', () => {
  it('has every kernel, every call and the bytes of the report', () => {
    const r = reported('Softmax');
    const html = reportHtml(SUBJECT, [r]);
    elements(html);
    expect(count(html, '<svg')).toBe(1);
    expect(r.order.length).toBe(r.calls);
    expect(count(html, 'aria-label="call ')).toBe(r.calls);
    expect(html).toContain(`<dd>${sized(sumsOf(r, 'bytes').together)}<`);
    for (const [i, k] of r.kernels.entries()) {
      expect(count(html, `id="k${i}"`)).toBe(1);
      expect(count(html, `href="#k${i}"`)).toBe(1 + k.calls);
      expect(html).toContain(`moves ${sized(k.why!.bytes.together)}<`);
      expect(html).toContain(`${k.why!.bytes.apart.toLocaleString('en')} bytes by the same operators apart`);
      for (const t of k.why!.inside) expect(html).toContain(`${sized(t.bytes)} in ${k.why!.level}`);
      for (const m of k.why!.members) expect(html).toContain(`${m.name}: ${m.tiles} tile`);
      for (const m of k.why!.members) expect(html).toContain(`<code>${m.writes}</code>`);
    }
  });

  it('draws the tensors that pass between calls, and no others', () => {
    const r = synthetic(3);
    const html = reportHtml(SUBJECT, [r]);
    expect(count(html, '<g class="w ')).toBe(4);
    expect(count(html, ' · 784 KiB</text>')).toBe(4 + 2);
    const alone = { ...r, order: r.order.map((c) => ({ ...c, reads: c.writes })) };
    expect(count(reportHtml(SUBJECT, [alone]), '<g class="w ')).toBe(1);
  });

  it('draws what a loop carries back', () => {
    const r = synthetic(3);
    const order = r.order.map((c, i) => ({ ...c, within: ['loop'] as const, reads: i === 0 ? [0, 3] : c.reads }));
    const html = reportHtml(SUBJECT, [{ ...r, order }]);
    elements(html);
    expect(count(html, '<g class="w ')).toBe(4);
    expect(heads(html)).toBe(heads(reportHtml(SUBJECT, [r])) + 1);
  });

  it('draws parts of a tensor to who uses all of it, and nothing back to who uses it last', () => {
    const r = synthetic(3);
    const parts = [1, 1, 1].map((t, i) => ({ kernel: i, within: [], reads: i === 2 ? [0, t] : [0], writes: [t] }));
    const html = reportHtml(SUBJECT, [{ ...r, order: parts }]);
    expect(count(html, '<g class="w ')).toBe(2);
    expect(heads(html)).toBe(3 + 1);
    expect(count(html, ' · 784 KiB</text>')).toBe(1 + 2 + 2);
  });

  it('keeps segments apart', () => {
    const html = reportHtml(SUBJECT, [synthetic(2), synthetic(1)]);
    elements(html);
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map((m) => m[1]);
    expect(ids).toEqual(['s1k0', 's1k1', 's2k0']);
    for (const [, to] of html.matchAll(/href="#([^"]*)"/g)) expect(ids).toContain(to);
  });

  it('loads and runs nothing, whatever names are', () => {
    const usual = reportHtml(SUBJECT, [reported('Softmax')]);
    const html = reportHtml({ ...SUBJECT, model: HOSTILE }, [reported(HOSTILE)]);
    expect(elements(html)).toEqual(elements(usual));
    for (const text of [usual, html]) {
      expect(text).not.toMatch(/<script|<img|<link|<iframe|<foreignObject|javascript:|https?:|url\(|@import/i);
      expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e]/u);
    }
    expect(html).toContain('&lt;/script&gt;');
    expect(elements(reportHtml(SUBJECT, [reported('x" onload="alert(1)')]))).toEqual(elements(usual));
  });

  it('is the same every time', () => {
    expect(reportHtml(SUBJECT, [reported('a')])).toBe(reportHtml(SUBJECT, [reported('a')]));
  });

  it('stays small and quick for 700 kernels', () => {
    const r = synthetic(700);
    const started = performance.now();
    const html = reportHtml(SUBJECT, [r]);
    expect(performance.now() - started).toBeLessThan(3000);
    expect(html.length).toBeLessThan(2e6);
    elements(html);
  });

  it('has a place for programs without kernels and for wide names', () => {
    elements(reportHtml(SUBJECT, [synthetic(0)]));
    expect(fitted('ab', 2)).toBe('ab');
    expect(fitted('abcdef', 4)).toBe('abc…');
    expect(fitted('漢字漢字', 5)).toBe('漢字…');
  });
});

/** x doubled, then so often added to what a loop carries. */
function looped(): TileProgram {
  const b = new TileBuilder();
  const x = newTensor('x', 'f32', [64], 'input');
  const state = b.alloc('f32', [64], 'state');
  const init = b.map('f32', [64], (ix) => mul(load(x, ix), constant('f32', 2)));
  const body = b.nested();
  const next = body.map('f32', [64], (ix) => add(load(state, ix), load(x, ix)));
  const trip = newTensor('trip', 'i64', [], 'input');
  const counter = newTensor('i', 'i64', [], 'temp');
  b.loop({ trip, cond: null, counter, carried: [{ init, state, next }], steps: body.steps });
  const result = b.map('f32', [64], (ix) => mul(load(state, ix), load(x, ix)));
  result.role = 'output';
  return { inputs: [x, trip], outputs: [result], steps: b.steps, checks: [] };
}

describe('the report', () => {
  it('has calls in the order of the program, with the loops around them', () => {
    const r = explained(looped(), namedDevice('x86-avx512')!);
    const inside = r.order.map((c) => c.within.join());
    expect(inside).toContain('loop');
    expect(inside.at(0)).toBe('');
    expect(inside.at(-1)).toBe('');
    expect(inside.join(' ').trim()).toMatch(/^loop( loop)*$/);
    const html = reportHtml(SUBJECT, [r]);
    elements(html);
    expect(count(html, '· loop</text>')).toBe(inside.filter((w) => w === 'loop').length);
  });

  it('names a tensor with a filled border once', () => {
    const run = tilewright('explain', DIGITS, '--json');
    const [{ kernels }] = JSON.parse(run.stdout) as ProgramReport[];
    for (const k of kernels.filter((k) => k.kernel.includes('pad'))) {
      const writes = k.why!.members.map((m) => m.writes);
      expect(writes).toEqual([...new Set(writes)]);
    }
  });

  it('reads as text', () => {
    const r = reported('Softmax');
    expect(reportText(r)).toContain(`${r.kernels.length} kernels, ${r.calls} calls, `);
  });
});

function tilewright(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['--import', 'tsx', CLI, ...args], { encoding: 'utf8' });
}

describe('explain --html', () => {
  let dir = '';
  beforeAll(() => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-report-'));
  });
  afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

  it('writes a page', () => {
    const file = path.join(dir, 'page.html');
    const run = tilewright('explain', DIGITS, '--html', file);
    expect(run.status).toBe(0);
    expect(run.stdout).toBe('');
    expect(elements(fs.readFileSync(file, 'utf8'))).toContain('svg');
  });

  it('says when it cannot', () => {
    const run = tilewright('explain', DIGITS, '--html', path.join(dir, 'missing', 'page.html'));
    expect(run.status).toBe(2);
    expect(run.stderr).toMatch(/cannot write the page/);
    expect(run.stderr).not.toMatch(/:\d+:\d+/);
  });
});
