// ONNX Einsum since 12: products of operands summed over the letters that the result lacks. Two
// operands are one multiply-sum; more are joined pairwise, from the left.

import { computeType, type Expr, index, load, mul } from '../3-tile/expr.ts';
import { sum } from '../3-tile/monoids.ts';
import { type Dim, isStatic } from '../ir/dim.ts';
import { type Equation, parseEquation } from './einsum-equation.ts';
import { NUMERIC, sameTypes } from './elementwise.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';

function equation(c: InferContext | LowerContext): Equation {
  if (!c.hasAttr('equation')) c.fail('attribute equation is missing', undefined, 'INVALID_MODEL');
  const ranks = Array.from({ length: c.numInputs }, (_, i) => c.rank(i));
  const parsed = parseEquation(c.string('equation', ''), ranks);
  return typeof parsed === 'string' ? c.fail(parsed, undefined, 'INVALID_MODEL') : parsed;
}

/** Extent per label. Extents of an ellipsis broadcast; letters must agree, where 1 also repeats. */
function extents(c: InferContext, e: Equation): Map<string, Dim> {
  const found = new Map<string, Dim>();
  e.operands.forEach((labels, i) => {
    labels.forEach((label, axis) => {
      const d = c.dims(i)[axis];
      const known = found.get(label);
      if (known === undefined || known === 1) found.set(label, d);
      else if (isStatic(known) && isStatic(d) && known !== d && d !== 1) {
        c.fail(`axis ${label} has extents ${known} and ${d}`);
      } else if (isStatic(d) && d !== 1) found.set(label, d);
    });
  });
  return found;
}

interface Operand {
  readonly tensor: TileTensor;
  readonly labels: readonly string[];
}

const element = (o: Operand, at: ReadonlyMap<string, Expr>): Expr =>
  load(
    o.tensor,
    o.labels.map((l, i) => (o.tensor.shape[i] === 1 ? index(0) : at.get(l)!)),
  );

/** The product of some operands with the labels `keep`, summed over the others. */
function contract(c: LowerContext, operands: readonly Operand[], keep: readonly string[], last: boolean): Operand {
  const size = new Map<string, number>();
  for (const o of operands)
    o.labels.forEach((l, i) => {
      size.set(l, Math.max(size.get(l) ?? 1, o.tensor.shape[i]));
    });
  for (const o of operands)
    o.labels.forEach((l, i) => {
      if (o.tensor.shape[i] === 0) size.set(l, 0);
    });
  const summed = [...size.keys()].filter((l) => !keep.includes(l));
  const t = computeType(c.outDtype());
  const body = (ix: readonly Expr[], rx: readonly Expr[]): Expr => {
    const at = new Map([
      ...keep.map((l, i): [string, Expr] => [l, ix[i]]),
      ...summed.map((l, i): [string, Expr] => [l, rx[i]]),
    ]);
    return operands.map((o) => element(o, at)).reduce(mul);
  };
  const [shape, dtype] = [keep.map((l) => size.get(l)!), last ? c.outDtype() : t];
  const tensor =
    summed.length === 0
      ? c.b.map(dtype, shape, (ix) => body(ix, []))
      : c.b.reduce(
          dtype,
          shape,
          summed.map((l) => size.get(l)!),
          sum(t),
          body,
        );
  return { tensor, labels: keep };
}

export const Einsum = op({
  name: 'Einsum',
  inputs: [1, Infinity],
  since: 12,
  infer: (c) => {
    sameTypes(c);
    if (!NUMERIC.includes(c.dtype(0))) c.fail(`type ${c.dtype(0)} is not supported`, undefined, 'UNSUPPORTED_TYPE');
    const e = equation(c);
    const sizes = extents(c, e);
    return [
      c.tensor(
        c.dtype(0),
        e.result.map((l) => sizes.get(l)!),
      ),
    ];
  },
  lower: (c) => {
    const e = equation(c);
    let rest = e.operands.map((labels, i): Operand => ({ labels, tensor: c.tensor(i) }));
    while (rest.length > 2) {
      const later = new Set([...e.result, ...rest.slice(2).flatMap((o) => o.labels)]);
      const labels = [...new Set([...rest[0].labels, ...rest[1].labels])].filter((l) => later.has(l));
      rest = [contract(c, rest.slice(0, 2), labels, false), ...rest.slice(2)];
    }
    return [contract(c, rest, e.result, true).tensor];
  },
});
