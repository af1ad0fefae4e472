// ONNX NonMaxSuppression since 10: indices of boxes that survive suppression by overlap, per sample
// and class. Their number is computed first and read, as it is an extent of the result.
import { slice } from './expansions.ts';
import { type ExpandContext, op, type StaticTensor } from './op.ts';

function checkShapes(c: ExpandContext): void {
  const [boxes, scores] = [c.tensor(0).shape, c.tensor(1).shape];
  const fits =
    boxes.length === 3 && scores.length === 3 && boxes[2] === 4 && boxes[0] === scores[0] && boxes[1] === scores[2];
  if (!fits) c.fail(`boxes [${boxes}] and scores [${scores}] do not fit together`);
  const centre = c.int('center_point_box', 0);
  if (centre !== 0 && centre !== 1) c.fail(`center_point_box is ${centre}, expected 0 or 1`);
  for (const i of [2, 3, 4]) {
    const count = c.has(i) ? c.tensor(i).shape.reduce((a, d) => a * d, 1) : 1;
    if (count !== 1) c.fail(`input ${i} has ${count} values, expected 1`);
  }
}

export const NonMaxSuppression = op({
  name: 'NonMaxSuppression',
  inputs: [2, 5],
  since: 10,
  types: { 0: ['f32'], 1: ['f32'], 2: ['i64'], 3: ['f32'], 4: ['f32'] },
  expand: (c) => {
    checkShapes(c);
    const none = c.constant('i64', [0, 3], []);
    if (!c.has(2)) return [none];
    const most = c.tensor(2);
    const boxes = c.tensor(0).shape[1];
    const limit = most.constant ? Math.min(Math.max(c.numbersOf(most)[0], 0), boxes) : boxes;
    if (limit === 0 || c.tensor(1).shape.includes(0)) return [none];
    const overlap = c.has(3) ? c.tensor(3) : c.constant('f32', [], [0]);
    const inputs = [c.tensor(0), c.tensor(1), most, overlap, ...(c.has(4) ? [c.tensor(4)] : [])];
    const [count, rows] = c.emit(
      'SelectBoxes',
      inputs,
      {
        limit,
        center_point_box: c.int('center_point_box', 0),
      },
      2,
      'tilewright',
    ) as readonly StaticTensor[];
    const [found] = c.numbersOf(count);
    return [slice(c, rows, 0, 0, found)];
  },
});
