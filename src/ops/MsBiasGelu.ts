// com.microsoft BiasGelu: exact gelu of x + bias.
import { biasedGelu } from './biased-gelu.ts';
import { gelu } from './scalar-math.ts';

export const MsBiasGelu = biasedGelu('BiasGelu', true, gelu);
