// `tilewright inspect MODEL`: what a model takes, gives and needs, and what is not supported and why, before anything
// runs.
import type { Command } from 'commander';
import { inferTypes } from '../2-graph/infer-types.ts';
import type { Registry } from '../2-graph/registry.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import { type Model, type Node, nodesWithin, type Value, type ValueType } from '../ir/graph.ts';
import { elementCount } from '../ir/tensor.ts';
import { readModel } from '../node.ts';
import { operatorRegistry } from '../ops/registry.ts';
import { printable } from '../support/errors.ts';
import { modelCommand, report } from './options.ts';

type OperatorUse = Readonly<{ operator: string; count: number; supported: boolean; why: string }>;
type Described = Readonly<{ name: string; type: string }>;

export function inspectCommand(): Command {
  return modelCommand('inspect', 'inputs, outputs, operators, and what is unsupported and why', ['json'])
    .option('--values', 'also the inferred type of every value')
    .action((file: string, options: { values?: boolean; json?: boolean }) => {
      const found = inspect(readModel(file), options.values ?? false);
      report(found, options, print);
      process.exitCode = found.operators.every((o) => o.supported) ? 0 : 1;
    });
}

function inspect(model: Model, withValues: boolean) {
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

function print(found: ReturnType<typeof inspect>): void {
  const opsets = Object.entries(found.opsets).map(([d, v]) => `${d || 'ai.onnx'} ${v}`);
  const origin = `opsets ${printable(opsets.join(', '))}, by ${printable(found.producer) || 'unknown'}`;
  console.log(`IR ${found.irVersion}, ${origin}, ${found.parameters} parameters`);
  const list = (title: string, values: readonly Described[]): void => {
    console.log(`${title}:`);
    for (const v of values) console.log(`  ${printable(v.name)}: ${v.type}`);
  };
  list('inputs', found.inputs);
  list('outputs', found.outputs);
  if (found.values) list('values', found.values);
  console.log('operators:');
  for (const { count, operator, supported, why } of found.operators) {
    console.log(`  ${String(count).padStart(5)} ${printable(operator)}${supported ? '' : `  UNSUPPORTED: ${why}`}`);
  }
}
