// com.microsoft EmbedLayerNormalization: word, position and segment embeddings added and normalised;
// the second output counts the ones of the mask per sample, the third is the sum.
import { positions } from './expansions.ts';
import { op, type StaticTensor } from './op.ts';

const IDS = ['i32', 'i64'] as const;

export const MsEmbedLayerNormalization = op({
  name: 'EmbedLayerNormalization',
  domain: 'com.microsoft',
  inputs: [7, 9],
  outputs: [1, 3],
  types: { 0: IDS, 1: IDS, 7: IDS, 8: IDS },
  expand: (c) => {
    const ids = c.tensor(0);
    if (ids.shape.length !== 2) c.fail(`input_ids has rank ${ids.shape.length}, expected 2`);
    const [batch, length] = ids.shape;
    const look = (table: StaticTensor, at: StaticTensor): StaticTensor => c.one('Gather', [table, at], { axis: 0 });
    const places = c.has(8) ? c.tensor(8) : positions(c, length, 2);
    const placed = c.one('Add', [look(c.tensor(2), ids), look(c.tensor(3), places)]);
    const segmented = c.has(1) && c.has(4);
    const sum = segmented ? c.one('Add', [placed, look(c.tensor(4), c.tensor(1))]) : placed;
    const y = c.one('LayerNormalization', [sum, c.tensor(5), c.tensor(6)], {
      axis: -1,
      epsilon: { float: c.float('epsilon', 1e-12) },
    });
    const axis = c.constant('i64', [1], [1n]);
    const mask = c.has(7)
      ? c.one('ReduceSum', [c.one('Cast', [c.tensor(7)], { to: 6 }), axis], { keepdims: 0 })
      : c.constant('i32', [batch], []);
    return [y, mask, sum];
  },
});
