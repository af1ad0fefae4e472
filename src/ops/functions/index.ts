// What scalar functions become where there is no library of them: the table that scheduling and lowering are handed.
// test/tile/functions.test.ts states the accuracy of each.
import type { Decompositions } from '../../3-tile/rules/legalise.ts';
import * as exponential from './exp.ts';
import * as logarithmic from './log.ts';
import { pow } from './pow.ts';
import * as trigonometric from './trig.ts';

export const FUNCTIONS: Decompositions = { ...exponential, ...logarithmic, ...trigonometric, pow };
