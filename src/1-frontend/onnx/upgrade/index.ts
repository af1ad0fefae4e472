// Older operator forms → the newest form, so that later stages know one form per operator. The rules
// are a table by operator and version, applied from the oldest change to the newest.
import { NEWEST_OPSET } from '../opsets.ts';
import { type DraftNode, type Rule, type Surroundings, UpgradeContext } from './context.ts';
import { FORM_RULES } from './forms.ts';
import { INPUT_RULES } from './inputs.ts';

/** In this operator set the attribute of in-place execution disappeared from all operators. */
const NO_CONSUMED_INPUTS = 6;

const RULES = new Map<string, Rule[]>();
for (const rule of [...INPUT_RULES, ...FORM_RULES]) {
  for (const op of rule.ops) RULES.set(op, [...(RULES.get(op) ?? []), rule]);
}
for (const rules of RULES.values()) rules.sort((a, b) => a.before - b.before);

/**
 * The node of the default domain in its newest form, with the helper nodes it takes, in order.
 * Throws UNSUPPORTED_VERSION for forms that have no newer one.
 */
export function upgrade(node: DraftNode, around: Surroundings): readonly DraftNode[] {
  const { version } = node;
  if (version < NO_CONSUMED_INPUTS) node.attrs.delete('consumed_inputs');
  const context = new UpgradeContext(node, around);
  for (const rule of RULES.get(node.op) ?? []) if (version < rule.before) rule.apply(context);
  const nodes = [...context.before, node, ...context.after];
  for (const n of nodes) n.version = NEWEST_OPSET;
  return nodes;
}
