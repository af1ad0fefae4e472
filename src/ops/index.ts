// Every operator, one line each, sorted by name.
export { Add } from './Add.ts';
export { If } from './If.ts';
export { Loop } from './Loop.ts';
export { MatMul } from './MatMul.ts';
export { Relu } from './Relu.ts';
export { Reshape } from './Reshape.ts';
export { Shape } from './Shape.ts';
export { Softmax } from './Softmax.ts';
