// com.microsoft FastGelu: the tanh form of gelu of x, or of x + bias.
import { biasedGelu } from './biased-gelu.ts';
import { geluTanh } from './scalar-math.ts';

export const MsFastGelu = biasedGelu('FastGelu', false, geluTanh);
