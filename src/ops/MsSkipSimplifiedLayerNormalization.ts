// com.microsoft SkipSimplifiedLayerNormalization: root mean square normalisation of input + skip + bias.
import { skipNorm } from './skip-norm.ts';

export const MsSkipSimplifiedLayerNormalization = skipNorm('SkipSimplifiedLayerNormalization', {
  bias: 3,
  normaliser: 'SimplifiedLayerNormalization',
});
