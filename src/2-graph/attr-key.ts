// A text that is equal for equal attribute sets: the key under which equal nodes are merged.
import type { Attr } from '../ir/graph.ts';
import type { TensorData } from '../ir/tensor.ts';

const identities = new WeakMap<object, number>();
let nextIdentity = 1;

function identity(o: object): number {
  let id = identities.get(o);
  if (id === undefined) identities.set(o, (id = nextIdentity++));
  return id;
}

function valueKey(a: Attr): string {
  switch (a.kind) {
    case 'int':
    case 'float':
      return Object.is(a.value, -0) ? '-0' : String(a.value);
    case 'ints':
    case 'floats':
      return a.value.join(',');
    case 'string':
    case 'strings':
    case 'type':
      return JSON.stringify(a.value);
    case 'tensor':
    case 'sparse':
      return tensorKey(a.value);
    default:
      return `#${identity(a.value as object)}`;
  }
}

function tensorKey(t: TensorData): string {
  if (t.bytes.length > 64) return `#${identity(t)}`;
  return `${t.dtype}[${t.shape.join(',')}]${t.strings ? JSON.stringify(t.strings) : t.bytes.join(' ')}`;
}

export function attrKey(attrs: ReadonlyMap<string, Attr>): string {
  const keys = [...attrs].map(([name, a]) => `${name}:${a.kind}=${valueKey(a)}`);
  return keys.sort().join(';');
}
