// com.microsoft SimplifiedLayerNormalization: the same operator in the domain of its makers.
import { simplifiedLayerNorm } from './SimplifiedLayerNormalization.ts';

export const MsSimplifiedLayerNormalization = simplifiedLayerNorm('com.microsoft');
