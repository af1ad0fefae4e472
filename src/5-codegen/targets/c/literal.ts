// Constants as C text that reads back as exactly the same value.
import type { Expr } from '../../../3-tile/expr.ts';
import { invariant } from '../../../support/errors.ts';

/** The literal of a `const` expression, of the expression's compute type; bool is 0 or 1. */
export function literal(e: Expr): string {
  invariant(e.op === 'const', 'literal of a non-constant');
  const v = e.arg;
  switch (e.dtype) {
    case 'f32':
      return floatLiteral(Number(v), 9, 'f');
    case 'f64':
      return floatLiteral(Number(v), 17, '');
    case 'bool':
      return v ? '1' : '0';
    case 'i32':
      return v === -(2 ** 31) ? '(-2147483647 - 1)' : Number(v) < 0 ? `(${v})` : `${v}`;
    case 'u32':
      return `${v}u`;
    case 'u64':
      return `${v}ull`;
    case 'i64': {
      if (v === -(2n ** 63n)) return '((i64)(-9223372036854775807LL - 1))';
      return Number(v) < 0 ? `((i64)${v}LL)` : `${v}LL`;
    }
  }
}

function floatLiteral(v: number, digits: number, suffix: string): string {
  if (Number.isNaN(v)) return `__builtin_nan${suffix}("")`;
  if (!Number.isFinite(v)) return v > 0 ? `__builtin_inf${suffix}()` : `(-__builtin_inf${suffix}())`;
  if (Object.is(v, -0)) return `(-0.0${suffix})`;
  const text = Number.isInteger(v) && Math.abs(v) < 1e6 ? `${v}.0` : v.toExponential(digits - 1);
  return v < 0 ? `(${text}${suffix})` : `${text}${suffix}`;
}
