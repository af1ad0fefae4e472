// A growing byte buffer with the number encodings of the WebAssembly binary format: LEB128, IEEE
// little-endian floats, length-prefixed names. Everything else of the encoder writes through it.

const text = new TextEncoder();
const scratch = new DataView(new ArrayBuffer(8));

export class ByteWriter {
  private data = new Uint8Array(256);
  length = 0;

  private reserve(n: number): void {
    if (this.length + n <= this.data.length) return;
    const grown = new Uint8Array(Math.max(this.data.length * 2, this.length + n));
    grown.set(this.data.subarray(0, this.length));
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
    while (v > 127) {
      this.byte((v & 127) | 128);
      v = Math.floor(v / 128);
    }
    this.byte(v);
  }

  /** Signed LEB128 of an i32; values up to 2^32 - 1 are taken modulo 2^32. */
  signed32(value: number): void {
    let v = value | 0;
    for (;;) {
      const low = v & 127;
      v >>= 7;
      const done = (v === 0 && (low & 64) === 0) || (v === -1 && (low & 64) !== 0);
      this.byte(done ? low : low | 128);
      if (done) return;
    }
  }

  /** Signed LEB128 of an i64, taken modulo 2^64. */
  signed64(value: bigint): void {
    let v = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(v & 127n);
      v >>= 7n;
      const done = (v === 0n && (low & 64) === 0) || (v === -1n && (low & 64) !== 0);
      this.byte(done ? low : low | 128);
      if (done) return;
    }
  }

  float32(value: number): void {
    scratch.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) this.byte(scratch.getUint8(i));
  }

  float64(value: number): void {
    scratch.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.byte(scratch.getUint8(i));
  }

  /** A UTF-8 name behind its length. */
  name(value: string): void {
    const utf8 = text.encode(value);
    this.unsigned(utf8.length);
    this.bytes(utf8);
  }

  /** Other content behind its length in bytes. */
  sized(content: ByteWriter): void {
    this.unsigned(content.length);
    this.bytes(content.view());
  }

  /** The bytes so far; valid until the next write. */
  view(): Uint8Array {
    return this.data.subarray(0, this.length);
  }

  copy(): Uint8Array {
    return this.view().slice();
  }
}
