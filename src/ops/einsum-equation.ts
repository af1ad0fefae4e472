// The equation of Einsum: text in; labels per axis of every operand and of the result out, or a
// reason why it is refused. Ellipsis axes get the labels …0, …1, … counted from the right.

export interface Equation {
  readonly operands: readonly (readonly string[])[];
  readonly result: readonly string[];
}

const ELLIPSIS = '...';

/** Letters and at most one ellipsis; null when the term has anything else. */
function parseTerm(term: string): string[] | null {
  const parts: string[] = [];
  for (let i = 0; i < term.length; i++) {
    if (term.startsWith(ELLIPSIS, i)) {
      parts.push(ELLIPSIS);
      i += ELLIPSIS.length - 1;
    } else if (/[A-Za-z]/.test(term[i])) parts.push(term[i]);
    else return null;
  }
  return parts.filter((p) => p === ELLIPSIS).length > 1 ? null : parts;
}

/** Replaces an ellipsis by `count` labels aligned right. */
function spread(parts: readonly string[], count: number): string[] {
  return parts.flatMap((p) => (p === ELLIPSIS ? Array.from({ length: count }, (_, i) => `…${count - 1 - i}`) : [p]));
}

/** The result of an equation without an arrow: ellipsis axes, then letters used once, sorted. */
function implicitResult(operands: readonly (readonly string[])[]): string[] {
  const counts = new Map<string, number>();
  for (const labels of operands) for (const l of labels) counts.set(l, (counts.get(l) ?? 0) + 1);
  const letters = [...counts.keys()].filter((l) => !l.startsWith('…') && counts.get(l) === 1).sort();
  const dots = [...counts.keys()].filter((l) => l.startsWith('…'));
  return [...dots.sort((a, b) => Number(b.slice(1)) - Number(a.slice(1))), ...letters];
}

/** Parses an equation for operands of these ranks; a string is the reason for a refusal. */
export function parseEquation(text: string, ranks: readonly number[]): Equation | string {
  const [left, right, more] = text.replaceAll(' ', '').split('->');
  if (more !== undefined) return 'the equation has more than one arrow';
  const terms = left.split(',').map(parseTerm);
  if (terms.length !== ranks.length) return `the equation has ${terms.length} terms for ${ranks.length} operands`;
  const operands: string[][] = [];
  const spans = new Set<number>();
  for (const [i, term] of terms.entries()) {
    if (!term) return `term ${i} is not letters and at most one ellipsis`;
    const letters = term.filter((p) => p !== ELLIPSIS).length;
    const dots = ranks[i] - letters;
    if (dots < 0 || (dots > 0 && !term.includes(ELLIPSIS)))
      return `term ${i} names ${letters} axes, operand has ${ranks[i]}`;
    if (term.includes(ELLIPSIS)) spans.add(dots);
    operands.push(spread(term, dots));
  }
  if (spans.size > 1) return `ellipses stand for ${[...spans].join(' and ')} axes, expected one number`;
  if (right === undefined) return { operands, result: implicitResult(operands) };
  const term = parseTerm(right);
  if (!term) return 'the result is not letters and at most one ellipsis';
  const labels = new Set(operands.flat());
  const dots = [...labels].filter((l) => l.startsWith('…')).length;
  const result = spread(term, dots);
  if (new Set(result).size !== result.length) return 'the result repeats a letter';
  const unknown = result.find((l) => !labels.has(l));
  return unknown ? `the result has ${unknown}, which no operand has` : { operands, result };
}
