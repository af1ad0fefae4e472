// A growing byte buffer with the number encodings of the WebAssembly binary format: LEB128, IEEE
// little-endian floats, length-prefixed names. Everything else of the encoder writes through it.
import { tensorOf } from '../../../ir/tensor.ts';

export class ByteWriter {
  private data = new Uint8Array(256);
  length = 0;

  private reserve(n: number): void {
    if (this.length + n <= this.data.length) return;
    const grown = new Uint8Array(Math.max(this.data.length * 2, this.length + n));
    grown.set(this.view());
    this.data = grown;
  }

  byte(b: number): void {
    this.reserve(1);
    this.data[this.length++] = b;
  }

  bytes(b: ArrayLike<number>): void {
    this.reserve(b.length);
    this.data.set(b, this.length);
    this.length += b.length;
  }

  /** Unsigned LEB128 of an integer from 0 to 2^32 - 1. */
  unsigned(value: number): void {
    let v = value;
    for (; v > 127; v = Math.floor(v / 128)) this.byte((v & 127) | 128);
    this.byte(v);
  }

  /** Signed LEB128 of an i32; values up to 2^32 - 1 are taken modulo 2^32. */
  signed32(value: number): void {
    let v = value | 0;
    for (; v < -64 || v > 63; v >>= 7) this.byte((v & 127) | 128);
    this.byte(v & 127);
  }

  /** Signed LEB128 of an i64, taken modulo 2^64. */
  signed64(value: bigint): void {
    let v = BigInt.asIntN(64, value);
    for (; v < -64n || v > 63n; v >>= 7n) this.byte(Number(v & 127n) | 128);
    this.byte(Number(v & 127n));
  }

  float(type: 'f32' | 'f64', value: number): void {
    this.bytes(tensorOf(type, [], [value]).bytes);
  }

  /** A UTF-8 name behind its length. */
  name(value: string): void {
    this.list(new TextEncoder().encode(value), (b) => this.byte(b));
  }

  /** Items behind their count. */
  list<T>(items: ArrayLike<T> & Iterable<T>, write: (item: T) => void): void {
    this.unsigned(items.length);
    for (const item of items) write(item);
  }

  /** Other content behind its length in bytes. */
  sized(write: (content: ByteWriter) => void): void {
    const content = new ByteWriter();
    write(content);
    this.unsigned(content.length);
    this.bytes(content.view());
  }

  /** The bytes so far; valid until the next write. */
  view(): Uint8Array {
    return this.data.subarray(0, this.length);
  }
}
