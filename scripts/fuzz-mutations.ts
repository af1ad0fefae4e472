// Mutations of protobuf files: damage to bytes, and edits of single fields that keep the lengths of
// all messages around them right, so that they get past the wire format and reach the checks behind.

/** A seeded generator of numbers in [0, 1). */
export type Random = () => number;

/** mulberry32: small, fast, the same on every machine. */
export function randomFrom(seed: number): Random {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const below = (random: Random, n: number): number => Math.floor(random() * n);
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)];

/** One field of a message: where it lies, and in which field it is nested. */
interface Field {
  readonly start: number;
  readonly payload: number;
  readonly end: number;
  readonly tag: number;
  /** Index of the enclosing field, or -1. */
  readonly parent: number;
}

/** A file to mutate, with its fields. */
export interface Seed {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly fields: readonly Field[];
}

function varintAt(bytes: Uint8Array, start: number, end: number): [number, number] | undefined {
  let value = 0;
  let factor = 1;
  for (let p = start; p < end && p < start + 10; p++) {
    value += (bytes[p] & 0x7f) * factor;
    if (bytes[p] < 0x80) return [value, p + 1];
    factor *= 128;
  }
  return undefined;
}

/** Fields of one message, or undefined when the bytes do not read as one. */
function fieldsIn(bytes: Uint8Array, from: number, to: number, parent: number): Field[] | undefined {
  const fields: Field[] = [];
  let p = from;
  while (p < to) {
    const head = varintAt(bytes, p, to);
    if (!head || head[0] < 8 || head[0] > 8 * 64) return undefined;
    const [tag, afterTag] = head;
    const wire = tag & 7;
    const length = wire === 2 ? varintAt(bytes, afterTag, to) : undefined;
    const payload = length ? length[1] : afterTag;
    let end = to + 1;
    if (length) end = payload + length[0];
    if (wire === 0) end = varintAt(bytes, payload, to)?.[1] ?? end;
    if (wire === 1) end = payload + 8;
    if (wire === 5) end = payload + 4;
    if (end > to) return undefined;
    fields.push({ start: p, payload, end, tag, parent });
    p = end;
  }
  return fields;
}

/** Finds the fields of a file, taking every length-delimited field that reads as a message for one. */
export function seedOf(name: string, bytes: Uint8Array): Seed {
  const fields: Field[] = fieldsIn(bytes, 0, bytes.length, -1) ?? [];
  for (let i = 0; i < fields.length && fields.length < 5000; i++) {
    const { tag, payload, end } = fields[i];
    if ((tag & 7) === 2 && end > payload) fields.push(...(fieldsIn(bytes, payload, end, i) ?? []));
  }
  return { name, bytes, fields };
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
  return Uint8Array.from(out);
}

/** The file with one field replaced by other bytes and all lengths around it corrected. */
function replaceField(seed: Seed, index: number, replacement: Uint8Array): Uint8Array {
  const { bytes, fields } = seed;
  let { start, end, parent } = fields[index];
  let inner = replacement;
  while (parent >= 0) {
    const outer = fields[parent];
    inner = concat(bytes.subarray(outer.payload, start), inner, bytes.subarray(end, outer.end));
    inner = concat(varint(BigInt(outer.tag)), varint(BigInt(inner.length)), inner);
    ({ start, end, parent } = outer);
  }
  return concat(bytes.subarray(0, start), inner, bytes.subarray(end));
}

const NUMBERS: readonly bigint[] = [
  0n,
  1n,
  -1n,
  2n,
  3n,
  7n,
  8n,
  9n,
  11n,
  14n,
  16n,
  22n,
  25n,
  127n,
  128n,
  255n,
  65535n,
  2n ** 31n - 1n,
  2n ** 31n,
  -(2n ** 31n),
  2n ** 32n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n - 1n,
  -(2n ** 63n),
];
const NAMES: readonly string[] = [
  '',
  '__proto__',
  'constructor',
  'toString',
  '\u0000',
  '\u001b[31m',
  '../../etc/passwd',
  '/etc/passwd',
  'x'.repeat(300),
  '\u202e',
  'ai.onnx',
  'axis',
  'If',
  'Loop',
  'Constant',
  'Reshape',
  'ConstantOfShape',
];

const encoder = new TextEncoder();

function newPayload(random: Random, seed: Seed, field: Field): Uint8Array {
  const old = seed.bytes.subarray(field.payload, field.end);
  switch (field.tag & 7) {
    case 0:
      return varint(pick(random, NUMBERS));
    case 1:
    case 5:
      return old.map(() => pick(random, [0, 0xff, 0x7f, 0x80, below(random, 256)]));
    default:
      break;
  }
  const choice = below(random, 4);
  if (choice === 0) return encoder.encode(pick(random, NAMES));
  if (choice === 1) return old.subarray(0, below(random, old.length + 1));
  if (choice === 2) return concat(old, old);
  return old.map((b) => (random() < 0.1 ? below(random, 256) : b));
}

function withPayload(field: Field, payload: Uint8Array): Uint8Array {
  const tag = varint(BigInt(field.tag));
  return (field.tag & 7) === 2 ? concat(tag, varint(BigInt(payload.length)), payload) : concat(tag, payload);
}

type Mutation = (random: Random, seed: Seed, other: Seed) => Uint8Array;

const slice = (seed: Seed, f: Field): Uint8Array => seed.bytes.subarray(f.start, f.end);

/** An edit of one random field; files without fields are cut instead. */
function structured(edit: (random: Random, seed: Seed, field: Field, other: Seed) => Uint8Array): Mutation {
  return (random, seed, other) => {
    if (seed.fields.length === 0) return truncate(random, seed, other);
    const index = below(random, seed.fields.length);
    return replaceField(seed, index, edit(random, seed, seed.fields[index], other));
  };
}

const flip: Mutation = (random, { bytes }) => {
  const out = bytes.slice();
  for (let n = 1 + below(random, 8); n > 0 && out.length > 0; n--) {
    out[below(random, out.length)] ^= 1 << below(random, 8);
  }
  return out;
};

const truncate: Mutation = (random, { bytes }) => bytes.slice(0, below(random, bytes.length + 1));

const splice: Mutation = (random, { bytes }, other) => {
  const from = below(random, other.bytes.length + 1);
  const piece = other.bytes.subarray(from, from + below(random, 64));
  const at = below(random, bytes.length + 1);
  return concat(bytes.subarray(0, at), piece, bytes.subarray(at + below(random, 64)));
};

const repeat: Mutation = (random, { bytes }) => {
  const at = below(random, bytes.length + 1);
  const piece = bytes.subarray(at, at + below(random, 128));
  return concat(bytes.subarray(0, at), piece, piece, bytes.subarray(at));
};

const changeField = structured((random, seed, f) => withPayload(f, newPayload(random, seed, f)));
const dropField = structured(() => new Uint8Array(0));
const doubleField = structured((_, seed, f) => concat(slice(seed, f), slice(seed, f)));
const retagField = structured((random, seed, f) => {
  const tag = (1 + below(random, 26)) * 8 + (random() < 0.8 ? f.tag & 7 : below(random, 8));
  return withPayload({ ...f, tag }, seed.bytes.subarray(f.payload, f.end));
});
const borrowField = structured((random, seed, f, other) => {
  const foreign = other.fields.filter((g) => g.tag === f.tag);
  const source = foreign.length > 0 ? pick(random, foreign) : pick(random, other.fields);
  return source ? slice(other, source) : slice(seed, f);
});
/** The field inside itself, many times: depth that the file itself does not have. */
const nestField = structured((random, seed, f) => {
  let inner = slice(seed, f);
  for (let n = 1 + below(random, 200); n > 0 && inner.length < 20_000; n--) {
    inner = concat(varint(BigInt((f.tag & ~7) | 2)), varint(BigInt(inner.length)), inner);
  }
  return inner;
});

/** Every kind of mutation, more often those that survive the wire format. */
const MUTATIONS: readonly Mutation[] = [
  flip,
  flip,
  truncate,
  splice,
  repeat,
  changeField,
  changeField,
  changeField,
  changeField,
  dropField,
  dropField,
  doubleField,
  retagField,
  borrowField,
  borrowField,
  nestField,
];

/** One to three mutations of a random seed. */
export function mutate(random: Random, seeds: readonly Seed[]): { bytes: Uint8Array; name: string } {
  const seed = pick(random, seeds);
  let bytes = pick(random, MUTATIONS)(random, seed, pick(random, seeds));
  for (let more = below(random, 4) - 1; more > 0 && bytes.length < 1 << 20; more--) {
    const again = seedOf(seed.name, bytes);
    bytes = pick(random, MUTATIONS)(random, again, pick(random, seeds));
  }
  return { bytes, name: seed.name };
}
