// A fast hash that tells contents apart and gives names a seed; equality is for the caller to check.

/** FNV-1a of 32 bits, signed, over bytes or code units. */
export function fnv1a(values: Iterable<number>, start = 0x811c9dc5): number {
  let hash = start;
  for (const v of values) hash = Math.imul(hash ^ v, 0x01000193);
  return hash;
}
