// Decoding of protobuf bytes: a scan with its own stack proves that the bytes are well-formed for the schema and within
// the limits, then the protobuf library builds the messages. The library checks neither wire types nor the ends of
// nested messages and allocates as it goes, so it only ever sees bytes that passed the scan. Payloads (`bytes` fields)
// stay views into the input.
import { type DescField, type DescMessage, fromBinary, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { checkLimit, type ModelLimits } from '../../ir/limits.ts';
import { entryOf } from '../../support/collections.ts';
import { refuse, withPlace } from '../../support/errors.ts';

/** Wire types. */
const [VARINT, FIXED64, LENGTH, FIXED32] = [0, 1, 2, 5];

/** Messages per level of subgraph nesting (Graph, Node, Attribute), and those around the innermost. */
const MESSAGES_PER_LEVEL = 3;
const MESSAGES_AROUND = 16;
/** How many more narrow numbers than 64-bit ones are allowed: a bigint costs that much more. */
const NARROW_FACTOR = 8;

/** Those of scalars that are no varints. */
const WIRE_OF_SCALAR = new Map<ScalarType, number>([
  [ScalarType.STRING, LENGTH],
  [ScalarType.BYTES, LENGTH],
  [ScalarType.FLOAT, FIXED32],
  [ScalarType.DOUBLE, FIXED64],
]);

/** What the scan needs to know of a field; `wide` elements are decoded to a bigint. */
function fieldRule({ name, scalar, fieldKind, message }: DescField) {
  const wire = scalar === undefined ? LENGTH : (WIRE_OF_SCALAR.get(scalar) ?? VARINT);
  const packable = fieldKind === 'list' && wire !== LENGTH;
  const wide = scalar === ScalarType.INT64 || scalar === ScalarType.UINT64;
  return { name, wire, packable, text: scalar === ScalarType.STRING, wide, message };
}

type FieldRule = ReturnType<typeof fieldRule>;

const rules = new Map<DescMessage, ReadonlyMap<number, FieldRule>>();

/** The rules of a message type by field number, made when it is first met. */
function rulesOf(desc: DescMessage): ReadonlyMap<number, FieldRule> {
  return entryOf(rules, desc, () => new Map(desc.fields.map((f) => [f.number, fieldRule(f)])));
}

/** A message, where it ends, and the name of the field that holds it. */
type Message = Readonly<{ desc: DescMessage; end: number; name: string }>;

/** Walks the bytes once; throws INVALID_MODEL or LIMIT_EXCEEDED. */
class Scanner {
  private readonly bytes: Uint8Array;
  private readonly limits: ModelLimits;
  private pos = 0;
  private messages = 0;
  private wide = 0;
  private narrow = 0;
  /** Messages that are open, from the outermost inwards, and the name of the field being read. */
  private readonly open: Message[] = [];
  private reading = '';

  constructor(bytes: Uint8Array, limits: ModelLimits) {
    this.bytes = bytes;
    this.limits = limits;
  }

  scan(root: DescMessage): void {
    const path = (): string[] => [...this.open.map((m) => m.name), this.reading].filter((name) => name !== '');
    const place = () => ({ field: path().join('.') || root.name });
    withPlace(place, () => this.walk({ desc: root, end: this.bytes.length, name: '' }));
  }

  private walk(root: Message): void {
    const { open } = this;
    const maxDepth = wireDepth(this.limits);
    open.push(root);
    for (let top: Message | undefined = root; top; top = open.at(-1)) {
      if (this.pos >= top.end) {
        open.pop();
        continue;
      }
      const child = this.field(top);
      if (child && open.push(child) > maxDepth) this.fail(`messages are nested deeper than ${maxDepth}`);
    }
  }

  /** Reads one field; returns the nested message to enter, if it is one. */
  private field({ desc, end }: Message): Message | undefined {
    this.reading = '';
    const tag = this.varint32(end);
    const wire = tag & 7;
    const number = tag >>> 3;
    if (number === 0) this.fail('field number 0');
    const field = rulesOf(desc).get(number);
    this.reading = field?.name ?? '';
    if (field && field.wire !== wire && !(field.packable && wire === LENGTH)) {
      this.fail(`field ${number} of ${desc.name} has wire type ${wire}`);
    }
    if (wire !== LENGTH) {
      this.scalar(wire, end);
      if (field?.packable) this.count(field, 1);
      return undefined;
    }
    const length = this.varint32(end);
    if (length > end - this.pos) this.fail(`field ${number} of ${desc.name} runs past its end`);
    const stop = this.pos + length;
    if (field?.message) {
      checkLimit(this.limits, 'messages', ++this.messages);
      this.reading = '';
      return { desc: field.message, end: stop, name: field.name };
    }
    if (field?.packable) this.packed(field, length, stop);
    if (field?.text) checkLimit(this.limits, 'nameLength', length);
    this.pos = stop;
    return undefined;
  }

  private scalar(wire: number, end: number): void {
    if (wire === VARINT) this.skipVarint(end);
    else if (wire === FIXED64) this.pos += 8;
    else if (wire === FIXED32) this.pos += 4;
    else this.fail(`wire type ${wire} is not allowed`);
    if (this.pos > end) this.fail('a number runs past the end of its message');
  }

  private packed(field: FieldRule, length: number, stop: number): void {
    const size = field.wire === FIXED32 ? 4 : 8;
    let n = length / size;
    if (field.wire === VARINT) for (n = 0; this.pos < stop; n++) this.skipVarint(stop);
    else if (length % size !== 0) this.fail('a packed list of numbers has a broken length');
    this.count(field, n);
  }

  private count(field: FieldRule, n: number): void {
    if (field.wide) this.wide += n;
    else this.narrow += n;
    checkLimit(this.limits, 'listValues', this.wide);
    checkLimit(this.limits, 'listValues', Math.ceil(this.narrow / NARROW_FACTOR));
  }

  /** A varint of at most 64 bits: ten bytes, of which the last carries one bit. */
  private skipVarint(end: number): void {
    const { bytes, pos } = this;
    let p = pos;
    while (p < end && bytes[p] >= 0x80) p++;
    if (p >= end) this.fail('a varint runs past the end of its message');
    const length = p - pos + 1;
    if (length > 10 || (length === 10 && bytes[p] > 1)) this.fail('a varint is longer than 64 bits');
    this.pos = p + 1;
  }

  /** A varint that must fit in 32 bits, as tags and lengths do. */
  private varint32(end: number): number {
    let value = 0;
    let byte = 0x80;
    for (let i = 0; i < 5 && byte >= 0x80; i++) {
      if (this.pos >= end) this.fail('the bytes end inside a tag or length');
      byte = this.bytes[this.pos++];
      value += (byte & 0x7f) * 128 ** i;
    }
    if (byte >= 0x80 || value > 0xffffffff) this.fail('a tag or length is longer than 32 bits');
    return value;
  }

  private fail(what: string): never {
    const hint = 'The file is damaged, incomplete, or not ONNX.';
    return refuse('INVALID_MODEL', `broken protobuf at byte ${this.pos}: ${what}`, {}, hint);
  }
}

/** Nesting of protobuf messages that the depth limit of a model amounts to. */
const wireDepth = (limits: ModelLimits): number => MESSAGES_PER_LEVEL * limits.nesting + MESSAGES_AROUND;

/**
 * Decodes one message. Bytes fields of the result are views into `bytes`. Throws INVALID_MODEL for malformed bytes and
 * LIMIT_EXCEEDED beyond `limits`.
 */
export function decodeMessage<D extends DescMessage>(desc: D, bytes: Uint8Array, limits: ModelLimits): MessageShape<D> {
  // JavaScript callers pass all sorts of things.
  if (!(bytes instanceof Uint8Array)) refuse('USAGE', 'the model must be a Uint8Array', {}, 'Read the file first.');
  checkLimit(limits, 'modelBytes', bytes.length, { field: desc.name });
  new Scanner(bytes, limits).scan(desc);
  // A Buffer's subarray is a Buffer; a plain view keeps the type of payloads the same everywhere.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return fromBinary(desc, plain, { readUnknownFields: false, recursionLimit: wireDepth(limits) + 1 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refuse('INVALID_MODEL', `broken protobuf: ${reason}`, { field: desc.name });
  }
}
