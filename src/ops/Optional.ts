// ONNX Optional since 15: an optional with a value, or without one of the type that `type` names.
import { op } from './op.ts';

export const Optional = op({
  name: 'Optional',
  inputs: [0, 1],
  since: 15,
  expand: (c) => {
    if (!c.has(0) && !c.hasAttr('type')) c.fail('neither a value nor a type is given', undefined, 'INVALID_MODEL');
    return [{ kind: 'optional', value: c.has(0) ? c.input(0) : null }];
  },
});
