// ONNX BitCast since 26: the bits of each element read as another type of equal width. Types narrower
// than a byte are stored one per byte, so their sign bits are added or removed.

import { and, bitcast, computeType, type Expr, index, load, ne } from '../3-tile/expr.ts';
import { type DType, dtypeFromOnnx, dtypeInfo, isInt, isSigned } from '../ir/dtype.ts';
import { ANY } from './elementwise.ts';
import { type InferContext, type LowerContext, op, type TileTensor } from './op.ts';
import { like } from './scalar-math.ts';

function target(c: InferContext): DType {
  const dtype = dtypeFromOnnx(c.int('to', 0));
  if (!dtype || !ANY.includes(dtype)) {
    return c.fail(`attribute to is ${c.int('to', 0)}, not a type with elements`, undefined, 'UNSUPPORTED_TYPE');
  }
  const [from, to] = [dtypeInfo(c.dtype(0)).bits, dtypeInfo(dtype).bits];
  if (from !== to) c.fail(`${c.dtype(0)} has ${from} bits and ${dtype} has ${to}`, undefined, 'UNSUPPORTED_TYPE');
  return dtype;
}

function convert(c: LowerContext, x: TileTensor, dtype: DType, f: (e: Expr) => Expr): TileTensor {
  return c.b.map(dtype, x.shape, (ix) => f(load(x, ix)));
}

/** Elements narrower than a byte, as their unsigned codes. */
function codes(c: LowerContext, x: TileTensor): TileTensor {
  const { bits } = dtypeInfo(x.dtype);
  const unsigned: DType = bits === 2 ? 'u2' : 'u4';
  if (!isInt(x.dtype)) return c.b.bits(x, unsigned);
  return isSigned(x.dtype) ? convert(c, x, unsigned, (e) => and(e, index((1 << bits) - 1))) : x;
}

export const BitCast = op({
  name: 'BitCast',
  since: 26,
  types: { 0: ANY },
  infer: (c) => [c.tensor(target(c), c.dims(0))],
  lower: (c) => {
    const x = c.tensor(0);
    const to = c.outDtype();
    if (x.dtype === to) return [x];
    const { bits } = dtypeInfo(to);
    if (bits < 8) {
      const code = codes(c, x);
      return [isInt(to) && isSigned(to) ? convert(c, code, to, (e) => e) : c.b.bits(code, to)];
    }
    if (bits >= 32) return [convert(c, x, to, (e) => bitcast(computeType(to), e))];
    return [to === 'bool' ? convert(c, c.b.bits(x, 'u8'), to, (e) => ne(e, like(e, 0))) : c.b.bits(x, to)];
  },
});
