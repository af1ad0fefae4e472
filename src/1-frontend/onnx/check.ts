// Nodes against the published signatures of their operator-set version: time, number of inputs and outputs, attributes,
// and element types as far as they are declared or follow from the signatures. This is done before upgrading, because
// afterwards the version is gone.
import { dtypeFromOnnx } from '../../ir/dtype.ts';
import type { Attr, Value, ValueType } from '../../ir/graph.ts';
import { printable, TilewrightError } from '../../support/errors.ts';
import { type Formal, type Parameters, type Signature, standingOf } from './signature.ts';
import type { DraftNode } from './upgrade/context.ts';

const SUCCESSORS = new Map([
  ['Upsample', 'Resize'],
  ['Scatter', 'ScatterElements'],
]);

/** Attributes named so are annotations of the tool that made the model; every definition allows them. */
const PRIVATE = '__';

/** Attributes that old files leave out although their operator set requires them. */
const NEVER_MISSED = new Set(['consumed_inputs']);

/** Operators whose output type stands in an attribute, with the type when it is absent. */
const TYPE_ATTRIBUTES = new Map<string, readonly [name: string, fallback: string | undefined]>([
  ['Cast', ['to', undefined]],
  ['ConstantOfShape', ['value', 'f32']],
]);
const CONSTANT_TYPES = new Map<string, string>([
  ['value_int', 'i64'],
  ['value_ints', 'i64'],
  ['value_float', 'f32'],
  ['value_floats', 'f32'],
  ['value_string', 'string'],
  ['value_strings', 'string'],
]);

/** A type as signatures write it, or undefined when it is not wholly known. */
function typeText(type: ValueType | undefined): string | undefined {
  if (!type || type.kind === 'tensor') return type?.dtype;
  const wrappers: string[] = [];
  let inner: ValueType | undefined = type;
  while (inner && inner.kind !== 'tensor') {
    wrappers.push(inner.kind === 'sequence' ? 'seq' : 'optional');
    inner = inner.elem;
  }
  return inner && wrappers.reduceRight<string>((text, w) => `${w}(${text})`, inner.dtype);
}

function attributeType(attr: Attr): string | undefined {
  if (attr.kind === 'tensor' || attr.kind === 'sparse') return attr.value.dtype;
  return attr.kind === 'int' ? dtypeFromOnnx(Number(attr.value)) : undefined;
}

/** Checks the nodes of one model in order; remembers the types that it derives. */
export class SignatureChecker {
  private readonly derived = new Map<Value, string>();

  /** Throws INVALID_MODEL when the node contradicts its operator's definition. */
  check(node: DraftNode): void {
    const standing = standingOf(node.op, node.version);
    if (!standing) return;
    const { since, ended, signature } = standing;
    if (node.version < since) {
      refuse(
        `the operator exists since operator set ${since}, the model imports ${node.version}`,
        'Export the model with a newer operator set.',
      );
    }
    if (ended !== undefined && node.version >= ended) {
      refuse(
        `the operator ended with operator set ${ended}, the model imports ${node.version}`,
        `Export the model with ${SUCCESSORS.get(node.op) ?? 'its successor'} instead.`,
      );
    }
    if (!signature) return;
    checkCount(node.inputs, signature.inputs, 'input');
    checkCount(node.outputs, signature.outputs, 'output');
    checkAttributes(node, signature);
    this.checkTypes(node, signature);
  }

  private typeOf(value: Value): string | undefined {
    return this.derived.get(value) ?? typeText(value.type);
  }

  private checkTypes(node: DraftNode, { inputs, outputs }: Signature): void {
    /** Types by number of the type variable. */
    const bound: string[] = [];
    for (let i = 0; i < node.inputs.length; i++) {
      const value = node.inputs[i];
      const type = value ? this.typeOf(value) : undefined;
      if (type === undefined) continue;
      const formal = formalOf(inputs, i);
      if (!formal.types.has(type)) {
        refuse(
          `input ${i} is ${type}, the operator takes ${[...formal.types].join(', ')} in operator set ${node.version}`,
        );
      }
      if (formal.variable === undefined || formal.mixed) continue;
      const other = bound[formal.variable];
      if (other !== undefined && other !== type) refuse(`input ${i} is ${type} where another one is ${other}`);
      bound[formal.variable] = type;
    }
    const fromAttribute = outputAttributeType(node);
    for (let i = 0; i < node.outputs.length; i++) {
      const value = node.outputs[i];
      const type = fromAttribute ?? outputType(formalOf(outputs, i), bound);
      if (value && type) this.setOutput(value, type, i);
    }
  }

  private setOutput(value: Value, type: string, i: number): void {
    const declared = typeText(value.type);
    if (declared !== undefined && declared !== type) {
      refuse(`output ${i} is declared as ${declared}, the operator gives ${type}`);
    }
    this.derived.set(value, type);
  }
}

const HINT = 'The model contradicts the ONNX definition of the operator: correct it or export it again.';

function refuse(what: string, hint: string = HINT): never {
  throw new TilewrightError('INVALID_MODEL', what, {}, hint);
}

function formalOf({ formals }: Parameters, i: number): Formal {
  return formals[Math.min(i, formals.length - 1)];
}

function checkCount(values: readonly (Value | null)[], { least, most, formals }: Parameters, what: string): void {
  let given = values.length;
  while (given > 0 && values[given - 1] === null) given--;
  if (given > most) refuse(`${given} ${what}s, the operator has at most ${most}`);
  if (values.length < least) refuse(`${values.length} ${what}s, the operator has at least ${least}`);
  for (let i = 0; i < formals.length; i++) {
    const required = !formals[i].optional && !formals[i].variadic;
    if (required && !values[i]) refuse(`${what} ${i} is missing`);
  }
}

function checkAttributes(node: DraftNode, { attributes, required }: Signature): void {
  for (const [name, attr] of node.attrs) {
    if (name.startsWith(PRIVATE)) continue;
    const kind = attributes.get(name);
    if (!kind) refuse(`operator set ${node.version} has no attribute "${printable(name)}" for it`);
    if (attr.kind !== kind) refuse(`attribute ${name} is of kind ${attr.kind}, expected ${kind}`);
  }
  for (const name of node.refs.keys()) {
    if (!attributes.has(name) && !name.startsWith(PRIVATE))
      refuse(`operator set ${node.version} has no attribute "${printable(name)}" for it`);
  }
  for (const name of required) {
    const given = node.attrs.has(name) || node.refs.has(name);
    if (!given && !NEVER_MISSED.has(name)) refuse(`attribute ${name} is missing`);
  }
}

function outputType(formal: Formal, bound: readonly string[]): string | undefined {
  if (formal.mixed) return undefined;
  const known = formal.variable === undefined ? undefined : bound[formal.variable];
  if (known !== undefined) return known;
  return formal.types.size === 1 ? [...formal.types][0] : undefined;
}

function outputAttributeType(node: DraftNode): string | undefined {
  for (const [name, attr] of node.op === 'Constant' ? node.attrs : []) {
    return CONSTANT_TYPES.get(name) ?? attributeType(attr);
  }
  const rule = TYPE_ATTRIBUTES.get(node.op);
  if (!rule || node.refs.has(rule[0])) return undefined;
  const attr = node.attrs.get(rule[0]);
  return attr ? attributeType(attr) : rule[1];
}
