// Older operator forms → the newest form, so that later stages know one form per operator.
import type { DraftNode } from '../draft.ts';

/** The node in its newest form, with the nodes that it takes, in order. */
export function upgrade(node: DraftNode): readonly DraftNode[] {
  return [node];
}
