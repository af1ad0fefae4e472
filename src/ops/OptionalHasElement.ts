// ONNX OptionalHasElement since 15: whether an optional has a value; always known.
import { op } from './op.ts';

export const OptionalHasElement = op({
  name: 'OptionalHasElement',
  inputs: [0, 1],
  since: 15,
  expand: (c) => {
    const given = c.has(0) ? c.input(0) : null;
    const present = given !== null && (given.kind !== 'optional' || given.value !== null);
    return [c.constant('bool', [], [present ? 1 : 0])];
  },
});
