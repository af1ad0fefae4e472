// A node between decoding and the graph: values are resolved, attributes are decoded, and the upgrade to the newest
// operator set may still change it. `refs` are attributes of a function's body that take their value from the call.
import type { Attr, Value } from '../../ir/graph.ts';

export interface DraftNode {
  domain: string;
  op: string;
  version: number;
  name: string;
  inputs: (Value | null)[];
  outputs: (Value | null)[];
  attrs: Map<string, Attr>;
  /** Attribute name → name of the function's attribute. */
  refs: Map<string, string>;
}
