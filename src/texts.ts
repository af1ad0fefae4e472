// The printed form of each stage's result: what --stop-after, --dump and DEBUG show.
import type { StaticGraph } from './2-graph/static.ts';
import type { TaskProgram } from './3-tile/task.ts';
import type { TileProgram } from './3-tile/tile-op.ts';
import type { TargetCode } from './5-codegen/targets/target.ts';

export const textOf = {
  graph: (g: StaticGraph): string => printGraph(g),
  tiles: (p: TileProgram): string => `${p.steps.length} steps`,
  tasks: (p: TaskProgram): string => `${p.kernels.length} kernels`,
  code: (c: TargetCode): string => (c.bytes.includes(0) ? hex(c.bytes) : new TextDecoder().decode(c.bytes)),
};

const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');

function printGraph(g: StaticGraph): string {
  const lines = [`inputs ${g.inputs.map((t) => `%${t.id}:${t.dtype}[${t.shape}]`).join(' ')}`];
  for (const n of g.nodes) {
    if (n.kind !== 'op') lines.push(`${n.kind}`);
    else {
      const outs = n.outputs.filter((t) => t !== null).map((t) => `%${t.id}:${t.dtype}[${t.shape}]`);
      lines.push(`${outs.join(' ')} = ${n.operator.name} ${n.inputs.map((t) => (t ? `%${t.id}` : '_')).join(' ')}`);
    }
  }
  return `${lines.join('\n')}\noutputs ${g.outputs.map((t) => `%${t.id}`).join(' ')}\n`;
}
