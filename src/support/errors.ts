// Every refusal of the compiler and the runtime is a TilewrightError: a stable code, the place (node, operator, tensor,
// shape) and what to do next. Text that comes from a model is escaped and shortened before it enters a message, so
// hostile names cannot reach a terminal or a log.

/** Stable, documented classes of refusal. */
export type ErrorCode =
  | 'INVALID_MODEL' // the bytes are not a valid ONNX model
  | 'UNSUPPORTED_OPERATOR'
  | 'UNSUPPORTED_TYPE'
  | 'UNSUPPORTED_VERSION'
  | 'LIMIT_EXCEEDED' // a ModelLimits bound
  | 'INVALID_SHAPE' // shapes or attributes that contradict the operator's definition
  | 'INVALID_INPUT' // a feed that does not fit the model
  | 'EXTERNAL_DATA' // external tensor data missing, outside the folder, or of the wrong size
  | 'RUNTIME_CHECK' // a data-dependent check failed during a run (index out of range, …)
  | 'TARGET_UNAVAILABLE' // no compiler, no device, feature missing
  | 'TOOLCHAIN' // the external compiler failed
  | 'USAGE' // wrong call of the API or the CLI
  | 'INTERNAL'; // a broken invariant of ours: always a bug

/** Where in the model the refusal happened. All fields are optional and printable. */
export interface ErrorPlace {
  node?: string | undefined;
  op?: string | undefined;
  value?: string | undefined;
  shape?: readonly (number | string)[] | undefined;
  file?: string | undefined;
  /** Field of the model file that is broken or missing, as a path of ONNX's field names; said where nothing else is. */
  field?: string | undefined;
}

const MAX_NAME = 80;

/** Makes untrusted text printable: control and bidi characters escaped, cut to 80 characters. */
export function printable(text: string): string {
  const cut = text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}…` : text;
  return cut.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escaping them is the purpose.
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** The only error type that crosses the public API. */
export class TilewrightError extends Error {
  override readonly name = 'TilewrightError';
  readonly code: ErrorCode;
  readonly place: ErrorPlace;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, what: string, place: ErrorPlace = {}, hint?: string) {
    super(describe(code, what, place, hint));
    this.code = code;
    this.place = place;
    this.hint = hint;
  }

  /** The same refusal with a more precise place; fields already known win. */
  at(place: ErrorPlace): TilewrightError {
    const known = Object.fromEntries(Object.entries(this.place).filter(([, v]) => v !== undefined));
    return new TilewrightError(this.code, this.what, { ...place, ...known }, this.hint);
  }

  private get what(): string {
    return this.message.slice(this.message.indexOf(': ') + 2).split('\n')[0];
  }
}

function describe(code: ErrorCode, what: string, place: ErrorPlace, hint?: string): string {
  const parts: string[] = [];
  if (place.op) parts.push(`operator ${printable(place.op)}`);
  if (place.node) parts.push(`node "${printable(place.node)}"`);
  if (place.value) parts.push(`tensor "${printable(place.value)}"`);
  if (place.shape) parts.push(`shape [${place.shape.map((d) => printable(String(d))).join(', ')}]`);
  if (place.file) parts.push(`file ${printable(place.file)}`);
  if (place.field && parts.length === 0) parts.push(`field ${printable(place.field)}`);
  const where = parts.length > 0 ? `\n  at ${parts.join(', ')}` : '';
  const next = hint ? `\n  ${hint}` : '';
  return `${code}: ${what.replaceAll('\n', ' ')}${where}${next}`;
}

/** Throws a refusal, also in the middle of an expression. */
export function refuse(code: ErrorCode, what: string, place: ErrorPlace = {}, hint?: string): never {
  throw new TilewrightError(code, what, place, hint);
}

/** Throws INTERNAL when an invariant of ours is broken. */
export function invariant(condition: unknown, what: string): asserts condition {
  if (!condition) throw new TilewrightError('INTERNAL', what, {}, 'This is a bug: please report it.');
}

/** Adds the place to a refusal of `run`. */
export function withPlace<T>(place: ErrorPlace | (() => ErrorPlace), run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof TilewrightError) throw error.at(typeof place === 'function' ? place() : place);
    throw error;
  }
}
