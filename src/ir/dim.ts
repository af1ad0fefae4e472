// Extents that may be symbolic: a number, or an interned polynomial-like expression over named
// symbols. Arithmetic on numbers stays numbers; anything that cannot be expressed becomes a fresh
// unknown, printed as "?". Only `inspect` and the typed package see symbols: kernels are compiled
// for numbers.
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

/** True when both are surely equal. */
export function sameDim(a: Dim, b: Dim): boolean {
  return a === b;
}

function combine(op: string, a: Dim, b: Dim): Dim {
  const text = `(${a}${op}${b})`;
  return text.includes('?') || text.length > 200 ? symbol('?') : symbol(text);
}

export function addDim(a: Dim, b: Dim): Dim {
  if (isStatic(a) && isStatic(b)) return a + b;
  if (a === 0) return b;
  if (b === 0) return a;
  return combine('+', a, b);
}
export function subDim(a: Dim, b: Dim): Dim {
  if (isStatic(a) && isStatic(b)) return a - b;
  if (b === 0) return a;
  return a === b ? 0 : combine('-', a, b);
}
export function mulDim(a: Dim, b: Dim): Dim {
  if (isStatic(a) && isStatic(b)) return a * b;
  if (a === 1) return b;
  if (b === 1) return a;
  return a === 0 || b === 0 ? 0 : combine('*', a, b);
}
/** floor(a / b), b > 0. */
export function floorDivDim(a: Dim, b: Dim): Dim {
  if (isStatic(a) && isStatic(b)) return Math.floor(a / b);
  return b === 1 ? a : combine('/', a, b);
}
/** ceil(a / b), b > 0. */
export function ceilDivDim(a: Dim, b: Dim): Dim {
  if (isStatic(a) && isStatic(b)) return Math.ceil(a / b);
  return b === 1 ? a : combine('/^', a, b);
}
export function productDim(dims: readonly Dim[]): Dim {
  return dims.reduce<Dim>((p, d) => mulDim(p, d), 1);
}
