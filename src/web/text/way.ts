// A way to join operators as text, for people and for keys of what was measured. In: the way. Out: per kernel how many
// operators are in it, and by what the axes of the last of them are cut. Equal ways have equal text.
import type { Way } from '../../4-schedule/welder/weld.ts';

const cutText = ({ cut, keys }: NonNullable<Way['pieces'][number]['found']>): string =>
  [...[...cut].map(([i, step]) => `axis ${i} by ${step}`), ...(keys === null ? [] : [`keys by ${keys}`])].join(', ');

export const wayText = ({ pieces }: Way): string =>
  pieces.map(({ run, found }) => `${run.length}${found ? ` (${cutText(found)})` : ''}`).join(' + ');
