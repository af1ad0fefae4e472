// Nodes of the default domain as models have them → the newest form, so that later stages know one form per operator.
// A node is checked against its own operator set first, because afterwards that is gone. The rules are a table by
// operator and version, applied from the oldest change to the newest. The frontend is handed `upgrade` and knows no
// operator by name.
import { NEWEST_OPSET, type Upgrade } from '../../ir/graph.ts';
import { checkSignature } from './check.ts';
import { type Rule, UpgradeContext } from './context.ts';
import { FORM_RULES } from './forms.ts';
import { INPUT_RULES } from './inputs.ts';

/** In this operator set the attribute of in-place execution disappeared from all operators. */
const NO_CONSUMED_INPUTS = 6;

const RULES = new Map<string, Rule[]>();
for (const rule of [...INPUT_RULES, ...FORM_RULES]) {
  for (const op of rule.ops) RULES.set(op, [...(RULES.get(op) ?? []), rule]);
}
for (const rules of RULES.values()) rules.sort((a, b) => a.before - b.before);

/** See `Upgrade`. Nodes whose operator never was in a published set are only given the newest version. */
export const upgrade: Upgrade = (node, around) => {
  checkSignature(node);
  const { op, version, attrs } = node;
  const [output] = node.outputs;
  const value = attrs.get('value');
  if (op === 'Constant' && output && value?.kind === 'tensor') around.constants.set(output, value.value);
  if (version < NO_CONSUMED_INPUTS) attrs.delete('consumed_inputs');
  const context = new UpgradeContext(node, around);
  for (const rule of RULES.get(op) ?? []) if (version < rule.before) rule.apply(context);
  const nodes = [...context.before, node, ...context.after];
  for (const n of nodes) n.version = NEWEST_OPSET;
  return nodes;
};
