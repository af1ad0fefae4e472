// Extents that may be symbolic: a number, or an interned polynomial-like expression over named symbols. Arithmetic on
// numbers stays numbers; anything that cannot be expressed becomes a fresh unknown, printed as "?". Only `inspect` and
// the typed package see symbols: kernels are compiled for numbers.
export type Dim = number | SymbolicDim;

/** A symbolic extent; equal text means equal extent. */
export class SymbolicDim {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

const interned = new Map<string, SymbolicDim>();

/** The symbol of this name ("?" gives a fresh unknown). */
export function symbol(text: string): SymbolicDim {
  if (text === '?') return new SymbolicDim('?');
  let s = interned.get(text);
  if (!s) interned.set(text, (s = new SymbolicDim(text)));
  return s;
}

export const isStatic = (d: Dim): d is number => typeof d === 'number';

type Rule = (a: Dim, b: Dim) => Dim | undefined;

/** Arithmetic: on numbers at once, else what `rule` knows, else a new symbol. */
const operation =
  (sign: string, onNumbers: (a: number, b: number) => number, rule: Rule) =>
  (a: Dim, b: Dim): Dim => {
    if (isStatic(a) && isStatic(b)) return onNumbers(a, b);
    const text = `(${a}${sign}${b})`;
    return rule(a, b) ?? symbol(text.includes('?') || text.length > 200 ? '?' : text);
  };

const sum: Rule = (a, b) => (a === 0 ? b : b === 0 ? a : undefined);
const difference: Rule = (a, b) => (b === 0 ? a : a === b ? 0 : undefined);
const quotient: Rule = (a, b) => (b === 1 ? a : undefined);
const product: Rule = (a, b) => (a === 0 || b === 0 ? 0 : a === 1 ? b : quotient(a, b));

export const addDim = operation('+', (a, b) => a + b, sum);
export const subDim = operation('-', (a, b) => a - b, difference);
export const mulDim = operation('*', (a, b) => a * b, product);
/** floor(a / b), b > 0. */
export const floorDivDim = operation('/', (a, b) => Math.floor(a / b), quotient);
/** ceil(a / b), b > 0. */
export const ceilDivDim = operation('/^', (a, b) => Math.ceil(a / b), quotient);
export const productDim = (dims: readonly Dim[]): Dim => dims.reduce<Dim>((p, d) => mulDim(p, d), 1);
