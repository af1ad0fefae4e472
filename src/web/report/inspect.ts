// What a model takes, gives and needs, and what is not supported and why, before anything runs: as data and as text.
import { inferTypes } from '../../2-graph/infer-types.ts';
import type { Registry } from '../../2-graph/registry.ts';
import { dtypeInfo } from '../../ir/dtype.ts';
import { type Model, type Node, nodesWithin, type Value, type ValueType } from '../../ir/graph.ts';
import { elementCount } from '../../ir/tensor.ts';
import { operatorRegistry } from '../../ops/registry.ts';
import { printable } from '../../support/errors.ts';

type OperatorUse = Readonly<{ operator: string; count: number; supported: boolean; why: string }>;
type Described = Readonly<{ name: string; type: string }>;

/** What a model takes, gives and needs, as data; `withValues`: also the inferred type of every value. */
export function inspect(model: Model, withValues: boolean) {
  const registry = operatorRegistry();
  const types = inferTypes(model, registry);
  const describe = (v: Value): Described => ({ name: v.name, type: typeText(types.get(v) ?? v.type) });
  const { inputs, outputs, constants } = model.graph;
  return {
    irVersion: model.irVersion,
    producer: model.producer,
    opsets: Object.fromEntries(model.opsets),
    inputs: inputs.filter((v) => !constants.has(v)).map(describe),
    outputs: outputs.map(describe),
    parameters: [...constants.values()].reduce((n, t) => n + elementCount(t.shape), 0),
    operators: operatorUses(model, registry),
    values: withValues ? [...types.keys()].map(describe) : undefined,
  };
}

function typeText(t: ValueType | undefined): string {
  if (!t) return 'unknown';
  if (t.kind !== 'tensor') return `${t.kind}(${typeText(t.elem)})`;
  return `${dtypeInfo(t.dtype).api}[${t.shape ? t.shape.join(',') : '…'}]`;
}

function operatorUses(model: Model, registry: Registry): OperatorUse[] {
  const uses = new Map<string, OperatorUse>();
  const inFunctions = [...model.functions.values()].flatMap((f) => f.nodes);
  for (const n of nodesWithin([...model.graph.nodes, ...inFunctions])) {
    const operator = n.domain ? `${n.domain}::${n.op}` : n.op;
    const before = uses.get(operator);
    const why = before?.why || whyNot(n, model, registry);
    uses.set(operator, { operator, count: (before?.count ?? 0) + 1, supported: why === '', why });
  }
  return [...uses.values()].sort((a, b) => (a.operator < b.operator ? -1 : 1));
}

function whyNot(n: Node, model: Model, registry: Registry): string {
  if (model.functions.has(`${n.domain}\u0000${n.op}`) || registry.find(n.domain, n.op, n.version)) return '';
  const excluded = registry.excluded(n.domain, n.op);
  if (excluded) return excluded;
  return registry.knows(n.domain, n.op) ? `opset ${n.version} of it is not supported` : 'it is not a known operator';
}

/** The same as lines of text. */
export function inspectText(found: ReturnType<typeof inspect>): string {
  const lines: string[] = [];
  const opsets = Object.entries(found.opsets).map(([d, v]) => `${d || 'ai.onnx'} ${v}`);
  const origin = `opsets ${printable(opsets.join(', '))}, by ${printable(found.producer) || 'unknown'}`;
  lines.push(`IR ${found.irVersion}, ${origin}, ${found.parameters} parameters`);
  const list = (title: string, values: readonly Described[]): void => {
    lines.push(`${title}:`);
    for (const v of values) lines.push(`  ${printable(v.name)}: ${v.type}`);
  };
  list('inputs', found.inputs);
  list('outputs', found.outputs);
  if (found.values) list('values', found.values);
  lines.push('operators:');
  for (const { count, operator, supported, why } of found.operators) {
    lines.push(`  ${String(count).padStart(5)} ${printable(operator)}${supported ? '' : `  UNSUPPORTED: ${why}`}`);
  }
  return lines.join('\n');
}
