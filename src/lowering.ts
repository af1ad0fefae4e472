// How scheduled work becomes loop statements, with the scalar functions that the operators declare.
import { loweringWith } from './5-codegen/lower.ts';
import { FUNCTIONS } from './ops/functions/index.ts';

export const lowering = loweringWith(FUNCTIONS);
