// ONNX Pad since 11: elements added around the input (constant, edge, reflect or wrap), or removed by
// negative pads; removal happens first.

import {
  add,
  and,
  computeType,
  constant,
  type Expr,
  ge,
  guardedLoad,
  index,
  load,
  lt,
  max,
  min,
  rem,
  select,
  sub,
} from '../3-tile/expr.ts';
import { addDim, type Dim, isStatic } from '../ir/dim.ts';
import { elementCount } from '../ir/tensor.ts';
import { ANY, INDEX } from './elementwise.ts';
import { normalAxes } from './moves.ts';
import { type InferContext, type LowerContext, op } from './op.ts';

interface Border {
  readonly begin: number;
  readonly end: number;
}

/** Pads per axis of the input. */
function borders(c: InferContext | LowerContext, rank: number): Border[] {
  const pads = c.numbers(1);
  const axes = c.has(3) ? normalAxes(c, c.numbers(3), rank) : Array.from({ length: rank }, (_, i) => i);
  if (pads.length !== 2 * axes.length) c.fail(`${pads.length} pads for ${axes.length} axes`);
  const result: Border[] = Array.from({ length: rank }, () => ({ begin: 0, end: 0 }));
  axes.forEach((a, i) => {
    result[a] = { begin: pads[i], end: pads[i + axes.length] };
  });
  return result;
}

/** Position in an axis of `n` elements that are kept, for a padded position relative to the first. */
type Mode = (p: Expr, n: number) => Expr;

const clampTo = (p: Expr, n: number): Expr => max(index(0), min(p, index(n - 1)));

/** p modulo n, not negative. */
function modulo(p: Expr, n: number): Expr {
  const r = rem(p, index(n));
  return select(lt(r, index(0)), add(r, index(n)), r);
}

const MODES = new Map<string, Mode>([
  ['edge', clampTo],
  ['wrap', modulo],
  [
    'reflect',
    (p, n) => {
      if (n === 1) return index(0);
      const period = 2 * (n - 1);
      const r = modulo(p, period);
      return min(r, sub(index(period), r));
    },
  ],
]);

function extent(c: InferContext, d: Dim, { begin, end }: Border, mode: string): Dim {
  const result = addDim(d, begin + end);
  if (!isStatic(d) || !isStatic(result)) return result;
  const kept = d + Math.min(begin, 0) + Math.min(end, 0);
  if (result < 0 || kept < 0) c.fail(`pads ${begin} and ${end} remove more than extent ${d}`);
  if (mode !== 'constant' && kept === 0 && result > 0) c.fail(`mode ${mode} cannot pad an empty axis`);
  return result;
}

function paddedElement(c: LowerContext, pads: readonly Border[]): (ix: readonly Expr[]) => Expr {
  const x = c.tensor(0);
  const t = computeType(x.dtype);
  return (ix) => {
    const fill = c.has(2) ? load(c.b.view(c.tensor(2), []), []) : constant(t, 0);
    const at = ix.map((e, i) => sub(e, index(pads[i].begin)));
    const guards = at.flatMap((e, i) => [
      ...(pads[i].begin > 0 ? [ge(e, index(0))] : []),
      ...(pads[i].end > 0 ? [lt(e, index(x.shape[i]))] : []),
    ]);
    return guards.length === 0 ? load(x, at) : guardedLoad(x, at, guards.reduce(and), fill);
  };
}

export const Pad = op({
  name: 'Pad',
  inputs: [2, 4],
  since: 11,
  types: { 0: ANY, 1: ['i64'], 2: ANY, 3: INDEX },
  infer: (c) => {
    const dims = c.dims(0);
    const mode = c.string('mode', 'constant');
    if (mode !== 'constant' && !MODES.has(mode)) c.fail(`mode is "${mode}", expected constant, reflect, edge or wrap`);
    if (c.has(2)) {
      if (c.dtype(2) !== c.dtype(0))
        c.fail(`the fill value is ${c.dtype(2)} for ${c.dtype(0)} data`, undefined, 'UNSUPPORTED_TYPE');
      if (elementCount(c.shape(2)) !== 1) c.fail(`the fill value has shape [${c.shape(2)}], expected a scalar`);
    }
    const pads = borders(c, dims.length);
    return [
      c.tensor(
        c.dtype(0),
        dims.map((d, i) => extent(c, d, pads[i], mode)),
      ),
    ];
  },
  lower: (c) => {
    const x = c.tensor(0);
    const pads = borders(c, x.shape.length);
    if (pads.every((p) => p.begin === 0 && p.end === 0)) return [x];
    const mode = MODES.get(c.string('mode', 'constant'));
    if (!mode) return [c.b.map(x.dtype, c.outShape(), paddedElement(c, pads))];
    return [
      c.b.map(x.dtype, c.outShape(), (ix) =>
        load(
          x,
          ix.map((e, i) => {
            const { begin, end } = pads[i];
            if (begin === 0 && end === 0) return e;
            const kept = x.shape[i] + Math.min(begin, 0) + Math.min(end, 0);
            const p = sub(e, index(Math.max(begin, 0)));
            const inside = begin > 0 || end > 0 ? mode(p, kept) : p;
            return add(inside, index(Math.max(-begin, 0)));
          }),
        ),
      ),
    ];
  },
});
