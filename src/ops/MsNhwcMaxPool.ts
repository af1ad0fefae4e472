// com.microsoft NhwcMaxPool: MaxPool of a tensor whose channels come last.
import { op } from './op.ts';

export const MsNhwcMaxPool = op({
  name: 'NhwcMaxPool',
  domain: 'com.microsoft',
  types: { 0: ['i8', 'u8', 'f16', 'f32'] },
  expand: (c) => {
    const x = c.tensor(0);
    const rank = x.shape.length;
    if (rank < 3) c.fail(`input has rank ${rank}, expected at least 3`);
    const spatial = Array.from({ length: rank - 2 }, (_, i) => i + 1);
    const first = c.one('Transpose', [x], { perm: [0, rank - 1, ...spatial] });
    const pooled = c.one('MaxPool', [first], Object.fromEntries(c.attrs));
    return [c.one('Transpose', [pooled], { perm: [0, ...spatial.map((i) => i + 1), 1] })];
  },
});
