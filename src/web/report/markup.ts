// Text for the page: markup from trusted templates and untrusted names, and figures for people. Everything that comes
// from a model passes through `escaped`, so that no name can add an element, an attribute or a direction of text.
import { printable } from '../../support/errors.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for an element or a quoted attribute: at most 80 characters, none that controls a display. */
export function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, (c) => ENTITIES[c]);
}

/** Names of operators that were joined, all of them. */
export const joined = (names: string): string => names.split('+').map(escaped).join('+');

const columns = (c: string): number => (c < '\u0300' ? 1 : 2);

/** As much of a text as fits into so many columns of a font whose characters are equally wide. */
export function fitted(text: string, room: number): string {
  const chars = [...printable(text)];
  if (chars.reduce((n, c) => n + columns(c), 0) <= room) return chars.join('');
  let left = room - 1;
  const end = chars.findIndex((c) => (left -= columns(c)) < 0);
  return `${chars.slice(0, end).join('')}…`;
}

const SCALES: readonly (readonly [number, string])[] = [
  [2 ** 30, 'GiB'],
  [2 ** 20, 'MiB'],
  [2 ** 10, 'KiB'],
];

/** `12 B`, `3.4 MiB`. */
export function sized(bytes: number): string {
  const [unit, name] = SCALES.find(([u]) => bytes >= u) ?? [1, 'B'];
  const scaled = bytes / unit;
  return `${unit === 1 || scaled >= 100 ? Math.round(scaled) : scaled.toFixed(scaled >= 10 ? 1 : 2)} ${name}`;
}

/** `12,345,678`. */
export const grouped = (n: number): string => String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');

/** Estimated cycles: `6.74 M`. */
export function cycles(n: number): string {
  if (n >= 1e9) return `${(n / 1e9).toFixed(2)} G`;
  return n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : grouped(n);
}
