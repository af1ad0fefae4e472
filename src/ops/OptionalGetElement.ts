// ONNX OptionalGetElement since 15: the value of an optional; a tensor or a sequence is its own value.
import { op } from './op.ts';

export const OptionalGetElement = op({
  name: 'OptionalGetElement',
  since: 15,
  expand: (c) => {
    const given = c.input(0);
    const value = given.kind === 'optional' ? given.value : given;
    return [value ?? c.fail('the optional has no value', undefined, 'INVALID_INPUT')];
  },
});
