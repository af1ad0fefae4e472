// The text of one expression, for the messages and measures of tests. In: an expression. Out: lines that
// declare what it names, its shared parts, and itself.
import type { Expr } from '../../src/3-tile/expr.ts';
import { Names, printExprs, typeText } from '../../src/web/text/print.ts';

/** One expression with the declarations of what it names; for messages and tests. */
export function printExpr(root: Expr): string {
  const names = new Names();
  const { parts, texts } = printExprs([root], names);
  const lines = [
    ...[...names.tensors].map(([t, name]) => `tensor ${name} ${t.dtype}[${t.shape.join(', ')}]`),
    ...[...names.axes].map(([a, name]) => `axis ${name}:${a.extent}`),
    ...[...names.locals].map(([l, name]) => `local ${name}:${typeText(l.dtype, l.lanes)}`),
    ...parts,
    texts[0],
  ];
  return lines.join('\n');
}
