// ONNX SequenceEmpty since 11: a sequence without elements of the type that `dtype` names.
import { dtypeFromOnnx } from '../ir/dtype.ts';
import { op } from './op.ts';

export const SequenceEmpty = op({
  name: 'SequenceEmpty',
  inputs: [0, 0],
  since: 11,
  expand: (c) => {
    const dtype = dtypeFromOnnx(c.int('dtype', 1)) ?? c.fail('dtype is not defined', undefined, 'UNSUPPORTED_TYPE');
    return [{ kind: 'sequence', elems: [], dtype }];
  },
});
