// Pictures on disk and on the terminal: binary PGM files (ink is dark) and lines of characters.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Picture, SIDE } from './draw.ts';

/** The folder with the pictures that the demo shows, named NUMBER-DIGIT.pgm. */
export const PICTURES = fileURLToPath(new URL('./pictures/', import.meta.url));

/** A binary PGM file of the picture. */
export function encodePgm(pixels: Float32Array): Uint8Array {
  const head = new TextEncoder().encode(`P5 ${SIDE} ${SIDE} 255\n`);
  const bytes = new Uint8Array(head.length + pixels.length);
  bytes.set(head);
  for (let i = 0; i < pixels.length; i++) bytes[head.length + i] = 255 - Math.round(pixels[i] * 255);
  return bytes;
}

/** The pixels of a file written by `encodePgm`. */
export function decodePgm(bytes: Uint8Array): Float32Array {
  const pixels = bytes.subarray(bytes.length - SIDE * SIDE);
  return Float32Array.from(pixels, (v) => (255 - v) / 255);
}

/** The pictures of the folder in the order of their names. */
export function readPictures(): Picture[] {
  const names = readdirSync(PICTURES).filter((name) => name.endsWith('.pgm'));
  return names.sort().map((name) => ({
    digit: Number(/-(\d)\.pgm$/.exec(name)?.[1]),
    pixels: decodePgm(readFileSync(PICTURES + name)),
  }));
}

const SHADES = ' .:-=+*#%@';
/** Columns at either side that no digit reaches. */
const MARGIN = 2;

/** The picture as text: a character for two pixels, one above the other. */
export function asText(pixels: Float32Array): string[] {
  return Array.from({ length: SIDE / 2 }, (_, row) => {
    let text = '';
    for (let x = MARGIN; x < SIDE - MARGIN; x++) {
      const ink = (pixels[2 * row * SIDE + x] + pixels[(2 * row + 1) * SIDE + x]) / 2;
      text += SHADES[Math.min(Math.floor(ink * SHADES.length), SHADES.length - 1)];
    }
    return text;
  });
}
