// TypeProto → ValueType. Nested types are unwrapped in a loop of bounded length; extents that name a parameter become
// symbols, and those that say nothing become fresh unknowns.
import { type Dim, symbol } from '../../ir/dim.ts';
import { tensorType, type ValueType } from '../../ir/graph.ts';
import { checkLimit, type ModelLimits } from '../../ir/limits.ts';
import { refuse } from '../../support/errors.ts';
import type { Dimension, Type } from './gen/onnx_pb.ts';
import { elementType } from './tensor.ts';

const UNSUPPORTED = new Map<string, string>([
  ['mapType', 'maps'],
  ['opaqueType', 'opaque values'],
  ['sparseTensorType', 'sparse tensors as values'],
]);

/** Longer parameter names are treated as unknown extents, as composite expressions of that size are. */
const MAX_SYMBOL = 200;

/**
 * The symbol of a dim_param. Characters with which composite extents are printed are escaped, so that a name cannot
 * pose as the result of arithmetic.
 */
function parameter(name: string): Dim {
  if (name === '' || name.length > MAX_SYMBOL) return symbol('?');
  if (/^[A-Za-z_][A-Za-z0-9_.]*$/.test(name)) return symbol(name);
  return symbol(`'${name.replace(/[?()']/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}'`);
}

function dimension(dim: Dimension, limits: ModelLimits, name: string): Dim {
  if (dim.dimValue !== undefined) {
    // Exporters write -1 for an extent that they do not know.
    if (dim.dimValue < 0n) return symbol('?');
    checkLimit(limits, 'extent', Number(dim.dimValue), { value: name });
    return Number(dim.dimValue);
  }
  return parameter(dim.dimParam ?? '');
}

/**
 * The type of a value, or undefined when the model leaves it open. `name` is for messages. Throws UNSUPPORTED_TYPE for
 * maps, opaque and sparse types.
 */
export function valueType(proto: Type | undefined, limits: ModelLimits, name: string): ValueType | undefined {
  const wrappers: ('sequence' | 'optional')[] = [];
  let inner = proto?.value;
  while (inner?.case === 'sequenceType' || inner?.case === 'optionalType') {
    wrappers.push(inner.case === 'sequenceType' ? 'sequence' : 'optional');
    checkLimit(limits, 'nesting', wrappers.length, { value: name });
    inner = inner.value.elemType?.value;
  }
  const unsupported = UNSUPPORTED.get(inner?.case ?? '');
  if (unsupported) refuse('UNSUPPORTED_TYPE', `${unsupported} are not supported`, { value: name });
  let type: ValueType | undefined;
  if (inner?.case === 'tensorType' && inner.value.elemType !== 0) {
    const dims = inner.value.shape?.dim;
    checkLimit(limits, 'rank', dims?.length ?? 0, { value: name });
    const shape = dims?.map((d) => dimension(d, limits, name));
    type = tensorType(elementType(inner.value.elemType, name), shape);
  }
  for (const kind of wrappers.reverse()) type = { kind, elem: type };
  return type;
}
