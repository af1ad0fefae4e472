// The graph of a page can be read: boxes lie apart, in order, each below what it reads; no wire crosses a box, and no
// two tensors share a piece of one; what is said of tensors has room. Colours have the contrast that the style claims.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BOX_WIDTH, type FlowNode, type Layout, layOut } from '../../src/web/report/layout.ts';
import { STYLE } from '../../src/web/report/style.ts';

interface Piece {
  readonly tensor: number;
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
}

/** The straight pieces of wires, each with its smaller end first. */
function pieces({ wires }: Layout): Piece[] {
  return wires.flatMap(({ tensor, line }) =>
    line
      .split('M')
      .slice(1)
      .map((p): Piece => {
        const [, x, y, way, end] = /^([\d.-]+) ([\d.-]+)([VH])([\d.-]+)$/.exec(p)!;
        const ends = [[+x, +y], way === 'V' ? [+x, +end] : [+end, +y]] as [[number, number], [number, number]];
        const [from, to] = ends.sort(([a, b], [c, d]) => a - c || b - d);
        return { tensor, from, to };
      }),
  );
}

const overlap = (a: number, b: number, c: number, d: number): boolean => Math.min(b, d) - Math.max(a, c) > 0.01;

/** Do they lie on each other for more than a point? */
function share(a: Piece, b: Piece): boolean {
  const along = (k: 0 | 1): boolean =>
    a.from[1 - k] === a.to[1 - k] && b.from[1 - k] === b.to[1 - k] && a.from[1 - k] === b.from[1 - k];
  return [0, 1].some((k) => along(k as 0 | 1) && overlap(a.from[k], a.to[k], b.from[k], b.to[k]));
}

/** Each node stores up to three tensors and reads some of those before it, or, seldom, one after it. */
const flows = fc
  .array(
    fc.record({ height: fc.integer({ min: 40, max: 300 }), outs: fc.integer({ min: 0, max: 3 }), seed: fc.nat() }),
    {
      maxLength: 30,
    },
  )
  .map((drafts): FlowNode[] => {
    let made = 0;
    const writes = drafts.map(({ outs }) => Array.from({ length: outs }, () => made++));
    return drafts.map(({ height, seed }, i) => {
      const known = writes.slice(0, seed % 11 === 0 ? undefined : i).flat();
      const own = new Set(writes[i]);
      const reads = known.filter((t) => !own.has(t) && (seed + 7 * t) % 5 === 0);
      return { height, reads, writes: writes[i], part: i < 2 ? 'input' : 'call' };
    });
  });

describe('the layout of a graph', () => {
  it('keeps boxes and wires apart', () => {
    fc.assert(
      fc.property(flows, (nodes) => {
        const layout = layOut(nodes);
        const { boxes, width, height } = layout;
        for (const [i, a] of boxes.entries()) {
          expect(a.x + BOX_WIDTH <= width && a.y + nodes[i].height <= height).toBe(true);
          for (const b of boxes.slice(0, i)) {
            expect(b.row < a.row ? b.y < a.y : b.y === a.y && b.x + BOX_WIDTH < a.x).toBe(true);
          }
        }
        const lines = pieces(layout);
        for (const [i, p] of lines.entries()) {
          for (const [j, b] of boxes.entries()) {
            const within = overlap(p.from[0] - 0.1, p.to[0] + 0.1, b.x, b.x + BOX_WIDTH);
            expect(within && overlap(p.from[1], p.to[1], b.y, b.y + nodes[j].height)).toBe(false);
          }
          for (const q of lines.slice(0, i)) expect(p.tensor !== q.tensor && share(p, q)).toBe(false);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('puts each box below those that it reads, and ends every read in an arrow', () => {
    fc.assert(
      fc.property(flows, (nodes) => {
        const { boxes, wires } = layOut(nodes);
        const writer = new Map(nodes.flatMap(({ writes }, i) => writes.map((t) => [t, i] as const)));
        for (const [i, { reads }] of nodes.entries()) {
          for (const t of reads) if (writer.get(t)! < i) expect(boxes[writer.get(t)!].row).toBeLessThan(boxes[i].row);
        }
        const heads = wires.reduce((n, w) => n + w.heads.split('M').length - 1, 0);
        expect(heads).toBe(nodes.reduce((n, { reads }) => n + reads.length, 0));
        for (const { labels } of wires) for (const { room } of labels) expect(room).toBeGreaterThan(150);
      }),
      { numRuns: 60 },
    );
  });

  it('stays bounded where hundreds of tensors pass rows', () => {
    const nodes = Array.from({ length: 600 }, (_, i): FlowNode => {
      return { height: 60, reads: i < 300 ? [] : [i - 300], writes: i < 300 ? [i] : [], part: 'call' };
    });
    expect(layOut(nodes).width).toBeLessThan(1500);
  });
});

/** Relative luminance of a colour, after WCAG 2. */
function luminance(hex: string): number {
  const full = hex.length === 4 ? hex.replace(/[\da-f]/gi, '$&$&') : hex;
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = Number.parseInt(full.slice(i, i + 2), 16) / 255;
    return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

describe('the colours of the page', () => {
  const schemes = [...STYLE.matchAll(/:root\{([^}]*)\}/g)].map(
    ([, vars]) =>
      new Map([...vars.matchAll(/--([\w-]+):(#[\da-f]+)/gi)].map(([, name, hex]) => [name, luminance(hex)])),
  );
  const contrast = (a: number, b: number): number => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

  it('differ enough in both schemes', () => {
    expect(schemes.length).toBe(2);
    for (const colours of schemes) {
      const least = (fronts: readonly string[], backs: readonly string[]): number =>
        Math.min(...fronts.flatMap((f) => backs.map((b) => contrast(colours.get(f)!, colours.get(b)!))));
      expect(least(['ink', 'soft'], ['bg', 'panel', 'box', 'member', 'edge'])).toBeGreaterThan(4.5);
      expect(least(['link', 'w0', 'w1', 'w2', 'w3', 'w4', 'w5'], ['bg'])).toBeGreaterThan(4.5);
      expect(least(['together', 'apart'], ['bg', 'panel'])).toBeGreaterThan(3);
    }
  });
});
