// ONNX If since 11: one of two regions. A known condition inlines its side; otherwise both sides stay
// in the program when they give the same types, else the condition is read first.
import { op } from './op.ts';

export const If = op({
  name: 'If',
  outputs: [0, Infinity],
  expand: (c) => {
    const cond = c.tensor(0);
    const [yes, no] = [c.graph('then_branch'), c.graph('else_branch')];
    if (cond.shape.some((d) => d !== 1) || cond.dtype !== 'bool') c.fail('the condition is not a single bool');
    if (yes.inputs.length + no.inputs.length > 0) c.fail('a branch has inputs, but nothing is given to it');
    if (!cond.constant) {
      const both = c.tryBranch(
        cond,
        () => c.inline(yes, []),
        () => c.inline(no, []),
      );
      if (both) return both;
    }
    return c.inline(c.valueOf(cond).bytes[0] !== 0 ? yes : no, []);
  },
});
