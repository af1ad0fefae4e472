// Constants on their way while others are in use. In: a canonical operator, its tile, and loops of its reduction. Out: the
// lines of memory to ask for in them. A run meets its weights once, far away: a kernel that reads a part of them for tile
// after tile has the time to bring the next part, a little with each tile.
import { type Axis, axisExpr, type Expr } from '../3-tile/expr.ts';
import { walkExpr } from '../3-tile/rewrite.ts';
import type { TileTensor } from '../3-tile/tensor.ts';
import type { TileOp } from '../3-tile/tile-op.ts';
import type { Linear } from '../4-schedule/linear.ts';
import { extentIn, type Tile } from '../4-schedule/roller/tile.ts';
import { comesFar } from '../4-schedule/roller/traffic.ts';
import type { Device } from '../devices/device.ts';
import { dtypeInfo } from '../ir/dtype.ts';

/** Lines for a tile that are asked for before its reduction; for a step of it, at most. */
const [BURST, STEP] = [8, 4];

type Place = Readonly<{ tensor: TileTensor; at: Linear }>;

/**
 * The first element of each line, in terms of the operator's axes: for the reduction's innermost step under the loops
 * `order`, or without loops for a tile. Together the tiles along the innermost loop ask for as much as each of them reads.
 */
export function linesAhead(
  op: TileOp,
  linears: ReadonlyMap<Expr, Linear>,
  tile: Tile,
  order: readonly Axis[],
  around: readonly Axis[],
  device: Device,
): readonly Place[] {
  const trips = (a: Axis): number => Math.ceil(a.extent / extentIn(tile, a));
  const last = tile.order.findLast((a) => trips(a) > 1);
  if (!op.reduce || !last) return [];
  const { axes, elems } = op.reduce;
  const read = (a: Axis): number => (axes.includes(a) ? a.extent : op.axes.includes(a) ? extentIn(tile, a) : 1);
  const steps = order.reduce((n, a) => n * trips(a), 1);
  return [...new Set(elems.flatMap((e) => walkExpr(e)))].flatMap((e): readonly Place[] => {
    const linear = linears.get(e);
    if (!linear || e.op !== 'load' || !comesFar(e, linear, op.axes, around, device)) return [];
    const { constant, terms } = linear;
    const { bytes } = dtypeInfo(e.arg.dtype);
    const parts = [...terms].map(([t, stride]) => ({ n: t.op === 'axis' ? read(t.arg) : 0, stride }));
    const size = parts.reduce((n, p) => n * p.n, 1);
    // What a tile reads is one piece, and the next one lies behind it.
    const whole = parts.reduce((n, p) => n + (p.n - 1) * p.stride, 1) === size;
    if (!whole || terms.has(axisExpr(last))) return [];
    const line = device.levels[0].transaction / bytes;
    const each = size / trips(last);
    const lines = Math.ceil(each / steps / line);
    if (each <= BURST * line !== (order.length === 0) || lines > Math.max(BURST / steps, STEP)) return [];
    const moved = new Map([...terms].filter(([t]) => t.op === 'axis' && !axes.includes(t.arg)));
    moved.set(axisExpr(last), Math.ceil(each / extentIn(tile, last)));
    let inside = each / steps;
    for (const a of [...order].reverse()) {
      moved.set(axisExpr(a), Math.ceil(inside / extentIn(tile, a)));
      inside *= trips(a);
    }
    const first = constant + size;
    return Array.from({ length: lines }, (_, i) => ({
      tensor: e.arg,
      at: { constant: first + i * line, terms: moved },
    }));
  });
}
