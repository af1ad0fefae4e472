// Ahead-of-time packages: written by the command line, run by plain Node and by Chromium under a
// strict content security policy, equal to the session's results, and small.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Session, Tensor } from '../../src/index.ts';
import { convModel } from './conv-model.ts';

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
const BROWSER = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) =>
  fs.existsSync(p),
);

const { bytes, parameters } = convModel();
const pixels = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i));
let dir = '';
let expected: number[] = [];

function compile(target: string): string {
  const out = path.join(dir, target);
  const args = ['--import', 'tsx', CLI, 'compile', path.join(dir, 'model.onnx'), '-o', out, '--target', target];
  const run = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  expect(run.stderr.replace(/.*ExperimentalWarning.*|.*trace-warnings.*/g, '').trim()).toBe('');
  expect(run.status).toBe(0);
  return out;
}

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'tilewright-package-'));
  fs.writeFileSync(path.join(dir, 'model.onnx'), bytes);
  const session = await Session.create(bytes);
  const { scores } = await session.run({ image: new Tensor('float32', pixels, [1, 3, 32, 32]) });
  expected = [...(scores.data as Float32Array)];
});
afterAll(() => {
  fs.rmSync(dir, { recursive: true, force: true });
});

/** A session may fuse multiply and add where the host can; packages do not. */
function expectScores(scores: readonly number[]): void {
  expect(scores.length).toBe(expected.length);
  for (const [i, x] of expected.entries())
    expect(Math.abs(scores[i] - x)).toBeLessThan(1e-5 * Math.max(1, Math.abs(x)));
}

interface Loaded {
  run(inputs: Record<string, unknown>): Record<string, { data: Float32Array; dims: number[] }>;
}

describe('the wasm package', () => {
  it('runs in Node, is small, and refuses wrong inputs', async () => {
    expect(parameters).toBeGreaterThan(0.7e6);
    const out = compile('wasm');
    const code = ['model.wasm', 'index.js'].map(
      (f) => gzipSync(fs.readFileSync(path.join(out, f)), { level: 9 }).length,
    );
    expect(code.reduce((a, b) => a + b)).toBeLessThan(100_000);
    const { load } = (await import(pathToFileURL(path.join(out, 'index.js')).href)) as { load: () => Promise<Loaded> };
    const model = await load();
    expectScores([...model.run({ image: pixels })['scores'].data]);
    expect(() => model.run({ image: new Float32Array(3) })).toThrow(RangeError);
    expect(() => model.run({})).toThrow(TypeError);
    expect(fs.readFileSync(path.join(out, 'index.d.ts'), 'utf8')).toContain('"image": Float32Array');
  });

  it('gives the same bytes every time', () => {
    const files = (out: string): string[] =>
      fs
        .readdirSync(out)
        .sort()
        .map((f) => fs.readFileSync(path.join(out, f)).toString('base64'));
    expect(files(compile('wasm'))).toEqual(files(compile('wasm')));
  });

  it.skipIf(!BROWSER)('runs in Chromium under a strict content security policy', async () => {
    const out = compile('wasm');
    fs.writeFileSync(path.join(out, 'index.html'), '<!doctype html><script type="module" src="./page.js"></script>');
    fs.writeFileSync(
      path.join(out, 'page.js'),
      `import { load } from './index.js';
const model = await load();
const pixels = Float32Array.from({ length: ${pixels.length} }, (_, i) => Math.sin(i));
document.documentElement.dataset.done = JSON.stringify([...model.run({ image: pixels }).scores.data]);`,
    );
    const { server, url } = await serve(out);
    const browser = await chromium.launch({
      executablePath: BROWSER!,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (e) => complaints.push(String(e)));
      page.on('console', (m) => {
        if (m.type() === 'error' && !m.text().includes('favicon')) complaints.push(m.text());
      });
      await page.goto(`${url}/index.html`);
      await page.waitForSelector('html[data-done]', { state: 'attached', timeout: 20_000 }).catch(() => undefined);
      expect(complaints.filter((c) => !c.includes('404'))).toEqual([]);
      expectScores(JSON.parse((await page.getAttribute('html', 'data-done')) ?? '[]') as number[]);
    } finally {
      await browser.close();
      server.close();
    }
  });
});

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.wasm': 'application/wasm',
  '.bin': 'application/octet-stream',
};

/** Answers late, so that the page is waited for before it is done. */
async function serve(root: string): Promise<{ server: http.Server; url: string }> {
  const server = http.createServer((request, response) => {
    const file = path.join(root, path.basename(new URL(request.url ?? '/', 'http://x').pathname));
    const found = fs.existsSync(file) && fs.statSync(file).isFile();
    response.writeHead(found ? 200 : 404, {
      'content-type': TYPES[path.extname(file)] ?? 'text/plain',
      'content-security-policy': CSP,
    });
    setTimeout(() => response.end(found ? fs.readFileSync(file) : ''), 200);
  });
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
