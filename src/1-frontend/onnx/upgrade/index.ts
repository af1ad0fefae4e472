// Older operator forms → the newest form, so that later stages know one form per operator. The rules are a table by
// operator and version, applied from the oldest change to the newest.
import type { DraftNode } from '../draft.ts';
import { NEWEST_OPSET } from '../opsets.ts';
import { BROADCAST_RULES } from './broadcast.ts';
import { type Surroundings, UpgradeContext } from './context.ts';
import { FORM_RULES } from './forms.ts';
import { INPUT_RULES } from './inputs.ts';
import { RESIZE_RULES } from './resize.ts';
import type { Rule } from './rule.ts';

/** In this operator set the attribute of in-place execution disappeared from all operators. */
const NO_CONSUMED_INPUTS = 6;

const RULES = new Map<string, Rule[]>();
for (const rule of [...BROADCAST_RULES, ...INPUT_RULES, ...RESIZE_RULES, ...FORM_RULES]) {
  for (const op of rule.ops) RULES.set(op, [...(RULES.get(op) ?? []), rule]);
}
for (const rules of RULES.values()) rules.sort((a, b) => a.before - b.before);

/**
 * The node of the default domain in its newest form, with the helper nodes it takes, in order. Throws
 * UNSUPPORTED_VERSION for forms that have no newer one.
 */
export function upgrade(node: DraftNode, around: Surroundings): readonly DraftNode[] {
  const { version } = node;
  if (version < NO_CONSUMED_INPUTS) node.attrs.delete('consumed_inputs');
  const rules = (RULES.get(node.op) ?? []).filter((r) => version < r.before);
  const context = new UpgradeContext(node, around);
  for (const rule of rules) rule.apply(context);
  const nodes = [...context.before, node, ...context.after];
  for (const n of nodes) n.version = NEWEST_OPSET;
  return nodes;
}
