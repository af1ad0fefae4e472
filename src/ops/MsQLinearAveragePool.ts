// com.microsoft QLinearAveragePool: average pooling of a quantised tensor, channels first or last.
import { op } from './op.ts';
import { attributesWithout, channelsFirst, dequantised, quantised } from './qlinear-composite.ts';

export const MsQLinearAveragePool = op({
  name: 'QLinearAveragePool',
  domain: 'com.microsoft',
  inputs: [4, 5],
  expand: (c) => {
    const attrs = attributesWithout(c, 'channels_last');
    const y = channelsFirst(c, dequantised(c, 0), (x) => c.one('AveragePool', [x], attrs));
    return [quantised(c, y, 3, 0)];
  },
});
