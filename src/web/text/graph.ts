// The text of a graph of typed operators, a line each, for people; nothing reads it back.
import type { StaticGraph } from '../../2-graph/static.ts';

export function printGraph(g: StaticGraph): string {
  const typed = (t: StaticGraph['inputs'][number]): string => `%${t.id}:${t.dtype}[${t.shape}]`;
  const lines = g.nodes.map((n) => {
    if (n.kind !== 'op') return n.kind;
    const results = n.outputs.filter((t) => t !== null).map(typed);
    const operands = n.inputs.map((t) => (t ? `%${t.id}` : '_'));
    return `${results.join(' ')} = ${n.operator.name} ${operands.join(' ')}`;
  });
  const [inputs, outputs] = [g.inputs.map(typed), g.outputs.map((t) => `%${t.id}`)];
  return [`inputs ${inputs.join(' ')}`, ...lines, `outputs ${outputs.join(' ')}`, ''].join('\n');
}
