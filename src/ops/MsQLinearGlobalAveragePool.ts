// com.microsoft QLinearGlobalAveragePool: mean over the spatial axes of a quantised tensor.
import { op } from './op.ts';
import { channelsFirst, dequantised, quantised } from './qlinear-composite.ts';

export const MsQLinearGlobalAveragePool = op({
  name: 'QLinearGlobalAveragePool',
  domain: 'com.microsoft',
  inputs: [4, 5],
  expand: (c) => {
    const y = channelsFirst(c, dequantised(c, 0), (x) => c.one('GlobalAveragePool', [x]));
    return [quantised(c, y, 3, 0)];
  },
});
