// Before operator set 7 the second input was stretched only where attributes said so, from a given axis on. Unit
// extents are appended to it, so that the usual alignment at the last axis means the same.
import type { Value } from '../../../ir/graph.ts';
import { intAttr, type UpgradeContext } from './context.ts';
import type { Rule } from './rule.ts';

/** `b` with so many unit extents behind it that its first axis lies at `axis` of `a`. */
function alignAt(c: UpgradeContext, a: Value, b: Value, axis: number): Value {
  const [rankA, rankB] = [c.rank(a), c.rank(b)];
  if (rankA !== undefined && rankB !== undefined) {
    const start = axis < 0 ? axis + rankA : axis;
    const missing = rankA - start - rankB;
    if (missing < 0 || start < 0) c.fail(`axis ${axis} does not fit ranks ${rankA} and ${rankB}`);
    if (missing === 0) return b;
    return c.emit('Unsqueeze', [b, c.vector(Array.from({ length: missing }, (_, i) => rankB + i))]);
  }
  if (axis < 0) c.fail('a negative axis needs declared shapes', 'UNSUPPORTED_VERSION');
  const shapeB = c.emit('Shape', [b]);
  const used = c.emit('Add', [c.emit('Shape', [shapeB]), c.vector([axis])]);
  const rest = c.emit('Sub', [c.emit('Shape', [c.emit('Shape', [a])]), used]);
  const ones = c.emit('Expand', [c.vector([1]), rest]);
  const shape = c.emit('Concat', [shapeB, ones], { axis: intAttr(0) });
  return c.emit('Reshape', [b, shape]);
}

function legacyBroadcast(c: UpgradeContext): void {
  const axis = c.int('axis');
  const enabled = c.int('broadcast') ?? 0;
  c.drop('axis');
  c.drop('broadcast');
  if (enabled === 0 || axis === undefined) return;
  c.setInput(1, alignAt(c, c.required(0), c.required(1), axis));
}

function channelSlope(c: UpgradeContext): void {
  const [x, slope] = [c.required(0), c.required(1)];
  if ((c.rank(slope) ?? 1) <= 1 && (c.rank(x) ?? 2) > 1) c.setInput(1, alignAt(c, x, slope, 1));
}

const BINARY = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'And', 'Or', 'Xor', 'Equal', 'Greater', 'Less'];

export const BROADCAST_RULES: readonly Rule[] = [
  { ops: BINARY, before: 7, apply: legacyBroadcast },
  { ops: ['Gemm'], before: 7, apply: (c) => c.drop('broadcast') },
  { ops: ['PRelu'], before: 7, apply: channelSlope },
];
