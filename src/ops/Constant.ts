// ONNX Constant since 1: the tensor that its one attribute holds.
import { type TensorData, tensorOf } from '../ir/tensor.ts';
import { type ExpandContext, op } from './op.ts';

const strings = (shape: readonly number[], values: readonly string[]): TensorData => ({
  dtype: 'string',
  shape,
  bytes: new Uint8Array(0),
  strings: values,
});

/** Attribute name → the tensor it stands for. */
const FORMS: Readonly<Record<string, (c: ExpandContext, name: string) => TensorData | undefined>> = {
  value: (c, name) => c.tensorAttr(name),
  sparse_value: (c, name) => {
    const a = c.attrs.get(name);
    return a?.kind === 'sparse' || a?.kind === 'tensor' ? a.value : undefined;
  },
  value_float: (c, name) => tensorOf('f32', [], [c.float(name, 0)]),
  value_floats: (c, name) => tensorOf('f32', [c.floats(name)!.length], c.floats(name)!),
  value_int: (c, name) => {
    const a = c.attrs.get(name);
    return a?.kind === 'int' ? tensorOf('i64', [], [a.value]) : undefined;
  },
  value_ints: (c, name) => {
    const a = c.attrs.get(name);
    return a?.kind === 'ints' ? tensorOf('i64', [a.value.length], a.value) : undefined;
  },
  value_string: (c, name) => strings([], [c.string(name, '')]),
  value_strings: (c, name) => strings([c.strings(name)!.length], c.strings(name)!),
};

export const Constant = op({
  name: 'Constant',
  inputs: [0, 0],
  expand: (c) => {
    const given = Object.keys(FORMS).filter((name) => c.hasAttr(name));
    if (given.length !== 1) {
      c.fail(`has ${given.length} value attributes, expected one`, undefined, 'INVALID_MODEL');
    }
    const data = FORMS[given[0]](c, given[0]);
    return [c.constantData(data ?? c.fail(`attribute ${given[0]} has the wrong kind`, undefined, 'INVALID_MODEL'))];
  },
});
