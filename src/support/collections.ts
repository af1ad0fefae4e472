// What maps and sets of the standard library lack.

/** The entry of a key; where there is none, what `make` gives becomes it. */
export function entryOf<K, V>(
  map: Readonly<{ get(key: K): V | undefined; set(key: K, value: V): unknown }>,
  key: K,
  make: () => V,
): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

/** The larger set itself where it holds the other. */
export function union<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): ReadonlySet<T> {
  if (b.size > a.size) return union(b, a);
  for (const x of b) if (!a.has(x)) return new Set([...a, ...b]);
  return a;
}
