// `tilewright inspect MODEL`: what a model takes, gives and needs, and what is not supported and why,
// before anything runs.
import { Command } from 'commander';
import { inferTypes } from '../2-graph/infer-types.ts';
import type { Registry } from '../2-graph/registry.ts';
import { dtypeInfo } from '../ir/dtype.ts';
import type { Graph, Model, Node, Value, ValueType } from '../ir/graph.ts';
import { readModel } from '../node.ts';
import { operatorRegistry } from '../ops/registry.ts';
import { printable } from '../support/errors.ts';

interface OperatorUse {
  readonly operator: string;
  readonly count: number;
  readonly supported: boolean;
  readonly why: string;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description('inputs, outputs, operators, and what is unsupported and why')
    .argument('<model>', 'ONNX file')
    .option('--values', 'also the inferred type of every value')
    .option('--json', 'print as JSON')
    .action((file: string, options: { values?: boolean; json?: boolean }) => {
      const model = readModel(file);
      const registry = operatorRegistry();
      const types = inferTypes(model, registry);
      const operators = operatorUses(model, registry);
      const report = {
        irVersion: model.irVersion,
        producer: model.producer,
        opsets: Object.fromEntries(model.opsets),
        inputs: model.graph.inputs.filter((v) => !model.graph.constants.has(v)).map((v) => describe(v, types)),
        outputs: model.graph.outputs.map((v) => describe(v, types)),
        parameters: parameterCount(model),
        operators,
        ...(options.values ? { values: [...types.keys()].map((v) => describe(v, types)) } : {}),
      };
      if (options.json) console.log(JSON.stringify(report, null, 2));
      else print(report);
      process.exitCode = operators.every((o) => o.supported) ? 0 : 1;
    });
}

function typeText(t: ValueType | undefined): string {
  if (!t) return 'unknown';
  if (t.kind !== 'tensor') return `${t.kind}(${typeText(t.elem)})`;
  return `${dtypeInfo(t.dtype).api}[${t.shape ? t.shape.join(',') : '…'}]`;
}

function describe(v: Value, types: ReadonlyMap<Value, ValueType>): { name: string; type: string } {
  return { name: v.name, type: typeText(types.get(v) ?? v.type) };
}

function parameterCount(model: Model): number {
  return [...model.graph.constants.values()].reduce((n, t) => n + t.shape.reduce((p, d) => p * d, 1), 0);
}

/** Every node of the graph, its regions and the functions it defines. */
function allNodes(model: Model): Node[] {
  const found: Node[] = [];
  const stack: (readonly Node[])[] = [model.graph.nodes, ...[...model.functions.values()].map((f) => f.nodes)];
  const push = (g: Graph): void => {
    stack.push(g.nodes);
  };
  for (let nodes = stack.pop(); nodes; nodes = stack.pop()) {
    for (const n of nodes) {
      found.push(n);
      for (const a of n.attrs.values()) {
        if (a.kind === 'graph') push(a.value);
        if (a.kind === 'graphs') a.value.forEach(push);
      }
    }
  }
  return found;
}

function operatorUses(model: Model, registry: Registry): OperatorUse[] {
  const uses = new Map<string, OperatorUse>();
  for (const n of allNodes(model)) {
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

function print(report: {
  irVersion: number;
  producer: string;
  opsets: Record<string, number>;
  parameters: number;
  inputs: { name: string; type: string }[];
  outputs: { name: string; type: string }[];
  operators: OperatorUse[];
  values?: { name: string; type: string }[];
}): void {
  const opsets = Object.entries(report.opsets)
    .map(([d, v]) => `${d || 'ai.onnx'} ${v}`)
    .join(', ');
  console.log(
    `IR ${report.irVersion}, opsets ${printable(opsets)}, by ${printable(report.producer) || 'unknown'}, ${report.parameters} parameters`,
  );
  const list = (title: string, values: { name: string; type: string }[]): void => {
    console.log(`${title}:`);
    for (const v of values) console.log(`  ${printable(v.name)}: ${v.type}`);
  };
  list('inputs', report.inputs);
  list('outputs', report.outputs);
  if (report.values) list('values', report.values);
  console.log('operators:');
  for (const o of report.operators) {
    console.log(
      `  ${String(o.count).padStart(5)} ${printable(o.operator)}${o.supported ? '' : `  UNSUPPORTED: ${o.why}`}`,
    );
  }
}
