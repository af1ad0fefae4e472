// com.microsoft SkipLayerNormalization: LayerNormalization of input + skip + bias.
import { skipNorm } from './skip-norm.ts';

export const MsSkipLayerNormalization = skipNorm('SkipLayerNormalization', {
  bias: 4,
  normaliser: 'LayerNormalization',
});
