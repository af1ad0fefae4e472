// Decoding of protobuf bytes: a scan with its own stack proves that the bytes are well-formed for the schema and within
// the limits, then the protobuf library builds the messages. The library checks neither wire types nor the ends of
// nested messages and allocates as it goes, so it only ever sees bytes that passed the scan. Payloads (`bytes` fields)
// stay views into the input.
import { type DescMessage, fromBinary, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { checkLimit, type ModelLimits } from '../../ir/limits.ts';
import { TilewrightError } from '../../support/errors.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

/** Messages per level of subgraph nesting (Graph, Node, Attribute), and those around the innermost. */
const MESSAGES_PER_LEVEL = 3;
const MESSAGES_AROUND = 16;
/** How many more narrow numbers than 64-bit ones are allowed: a bigint costs that much more. */
const NARROW_FACTOR = 8;

/** What the scan needs to know of one field. */
interface FieldRule {
  readonly name: string;
  /** Wire type of one element. */
  readonly wire: number;
  readonly packable: boolean;
  readonly text: boolean;
  /** True when an element is decoded to a bigint. */
  readonly wide: boolean;
  readonly message: MessageRule | undefined;
}
interface MessageRule {
  readonly name: string;
  readonly fields: Map<number, FieldRule>;
}

const WIRE_OF_SCALAR = new Map<ScalarType, number>([
  [ScalarType.STRING, LENGTH],
  [ScalarType.BYTES, LENGTH],
  [ScalarType.FLOAT, FIXED32],
  [ScalarType.DOUBLE, FIXED64],
  [ScalarType.INT32, VARINT],
  [ScalarType.INT64, VARINT],
  [ScalarType.UINT64, VARINT],
]);

const rules = new Map<DescMessage, MessageRule>();

/** The scan's rules of a message type, built once with an explicit work list. */
function ruleOf(root: DescMessage): MessageRule {
  const known = rules.get(root);
  if (known) return known;
  const pending: DescMessage[] = [];
  const enter = (desc: DescMessage): MessageRule => {
    let rule = rules.get(desc);
    if (!rule) {
      rule = { name: desc.name, fields: new Map() };
      rules.set(desc, rule);
      pending.push(desc);
    }
    return rule;
  };
  const rootRule = enter(root);
  for (let desc = pending.pop(); desc; desc = pending.pop()) {
    const { fields } = enter(desc);
    for (const field of desc.fields) {
      const scalar = field.scalar;
      const wire = scalar === undefined ? LENGTH : WIRE_OF_SCALAR.get(scalar)!;
      fields.set(field.number, {
        name: field.name,
        wire,
        packable: field.fieldKind === 'list' && wire !== LENGTH,
        text: scalar === ScalarType.STRING,
        wide: scalar === ScalarType.INT64 || scalar === ScalarType.UINT64,
        message: field.message ? enter(field.message) : undefined,
      });
    }
  }
  return rootRule;
}

/** Walks the bytes once; throws INVALID_MODEL or LIMIT_EXCEEDED. */
class Scanner {
  private readonly bytes: Uint8Array;
  private readonly limits: ModelLimits;
  private pos = 0;
  private messages = 0;
  private wide = 0;
  private narrow = 0;
  /** Names of the fields whose messages are open, from the outermost inwards, then of the field being read. */
  private readonly path: string[] = [];
  private depth = 0;

  constructor(bytes: Uint8Array, limits: ModelLimits) {
    this.bytes = bytes;
    this.limits = limits;
  }

  scan(root: MessageRule): void {
    try {
      this.walk(root);
    } catch (error) {
      if (!(error instanceof TilewrightError)) throw error;
      const open = this.path.slice(0, this.depth + 1).filter((name) => name !== '');
      throw error.at({ field: open.join('.') || root.name });
    }
  }

  private walk(root: MessageRule): void {
    const maxDepth = wireDepth(this.limits);
    const rule: MessageRule[] = [root];
    const end: number[] = [this.bytes.length];
    while (this.depth >= 0) {
      if (this.pos >= end[this.depth]) {
        this.depth--;
        continue;
      }
      const child = this.field(rule[this.depth], end[this.depth]);
      if (!child) continue;
      this.depth++;
      if (this.depth >= maxDepth) this.fail(`messages are nested deeper than ${maxDepth}`);
      rule[this.depth] = child.rule;
      end[this.depth] = child.end;
    }
  }

  /** Reads one field; returns the nested message to enter, if it is one. */
  private field(rule: MessageRule, end: number): { rule: MessageRule; end: number } | undefined {
    this.path[this.depth] = '';
    const tag = this.varint32(end);
    const wire = tag & 7;
    const number = tag >>> 3;
    if (number === 0) this.fail('field number 0');
    const field = rule.fields.get(number);
    this.path[this.depth] = field?.name ?? '';
    if (field && field.wire !== wire && !(field.packable && wire === LENGTH)) {
      this.fail(`field ${number} of ${rule.name} has wire type ${wire}`);
    }
    if (wire !== LENGTH) {
      this.scalar(wire, end);
      if (field?.packable) this.count(field, 1);
      return undefined;
    }
    const length = this.varint32(end);
    if (length > end - this.pos) this.fail(`field ${number} of ${rule.name} runs past its end`);
    const stop = this.pos + length;
    if (field?.message) {
      this.messages++;
      checkLimit(this.limits, 'messages', this.messages);
      return { rule: field.message, end: stop };
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
    if (field.wire === VARINT) {
      let n = 0;
      while (this.pos < stop) {
        this.skipVarint(stop);
        n++;
      }
      this.count(field, n);
      return;
    }
    const size = field.wire === FIXED32 ? 4 : 8;
    if (length % size !== 0) this.fail('a packed list of numbers has a broken length');
    this.count(field, length / size);
  }

  private count(field: FieldRule, n: number): void {
    if (field.wide) this.wide += n;
    else this.narrow += n;
    checkLimit(this.limits, 'listValues', this.wide);
    checkLimit(this.limits, 'listValues', Math.ceil(this.narrow / NARROW_FACTOR));
  }

  /** A varint of at most 64 bits: ten bytes, of which the last carries one bit. */
  private skipVarint(end: number): void {
    const { bytes } = this;
    const start = this.pos;
    let p = start;
    while (p < end && bytes[p] >= 0x80) p++;
    if (p >= end) this.fail('a varint runs past the end of its message');
    const length = p - start + 1;
    if (length > 10 || (length === 10 && bytes[p] > 1)) this.fail('a varint is longer than 64 bits');
    this.pos = p + 1;
  }

  /** A varint that must fit in 32 bits, as tags and lengths do. */
  private varint32(end: number): number {
    const { bytes } = this;
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 5; i++) {
      if (this.pos >= end) this.fail('the bytes end inside a tag or length');
      const byte = bytes[this.pos++];
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) {
        if (value > 0xffffffff) this.fail('a tag or length is longer than 32 bits');
        return value;
      }
    }
    return this.fail('a tag or length is longer than 32 bits');
  }

  private fail(what: string): never {
    throw new TilewrightError(
      'INVALID_MODEL',
      `broken protobuf at byte ${this.pos}: ${what}`,
      {},
      'The file is damaged, incomplete, or not ONNX.',
    );
  }
}

/** Nesting of protobuf messages that the depth limit of a model amounts to. */
function wireDepth(limits: ModelLimits): number {
  return MESSAGES_PER_LEVEL * limits.nesting + MESSAGES_AROUND;
}

/**
 * Decodes one message. Bytes fields of the result are views into `bytes`. Throws INVALID_MODEL for malformed bytes and
 * LIMIT_EXCEEDED beyond `limits`.
 */
export function decodeMessage<D extends DescMessage>(desc: D, bytes: Uint8Array, limits: ModelLimits): MessageShape<D> {
  checkLimit(limits, 'modelBytes', bytes.length, { field: desc.name });
  new Scanner(bytes, limits).scan(ruleOf(desc));
  // A Buffer's subarray is a Buffer; a plain view keeps the type of payloads the same everywhere.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return fromBinary(desc, plain, { readUnknownFields: false, recursionLimit: wireDepth(limits) + 1 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TilewrightError('INVALID_MODEL', `broken protobuf: ${reason}`, { field: desc.name });
  }
}
