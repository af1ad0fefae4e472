// Nodes against the published signatures of their operator-set version: time, number of inputs and outputs, attributes,
// and element types as far as they are declared or follow from the signatures. This is done before upgrading, because
// afterwards the version is gone.
import { dtypeFromOnnx } from '../../ir/dtype.ts';
import type { Attr, DraftNode, Value, ValueType } from '../../ir/graph.ts';
import { printable, refuse } from '../../support/errors.ts';
import { type Formal, type Parameters, type Signature, standingOf } from './signature.ts';

const SUCCESSORS = new Map(Object.entries({ Upsample: 'Resize', Scatter: 'ScatterElements' }));

const HINT = 'The model contradicts the ONNX definition of the operator: correct it or export it again.';

function invalid(what: string, hint: string = HINT): never {
  return refuse('INVALID_MODEL', what, {}, hint);
}

/** Attributes named so are annotations of the tool that made the model; every definition allows them. */
const PRIVATE = '__';

/** Attributes that old files leave out although their operator set requires them. */
const NEVER_MISSED = new Set(['consumed_inputs']);

/** Operators whose output type stands in an attribute, with the type when it is absent. */
const TYPE_ATTRIBUTES = new Map<string, readonly [name: string, fallback: string | undefined]>([
  ['Cast', ['to', undefined]],
  ['ConstantOfShape', ['value', 'f32']],
]);
const CONSTANT_TYPES = new Map([
  ...['value_int', 'value_ints'].map((name) => [name, 'i64'] as const),
  ...['value_float', 'value_floats'].map((name) => [name, 'f32'] as const),
  ...['value_string', 'value_strings'].map((name) => [name, 'string'] as const),
]);

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

/** Element types that follow from the signatures of the nodes before. */
const derived = new WeakMap<Value, string>();

/** A type as signatures write it, or undefined when it is not wholly known. */
export const typeOf = (value: Value): string | undefined => derived.get(value) ?? typeText(value.type);

/**
 * Throws INVALID_MODEL when the node contradicts its operator's definition. The nodes of a model are checked in order,
 * since the types of outputs are remembered.
 */
export function checkSignature(node: DraftNode): void {
  const standing = standingOf(node.op, node.version);
  if (!standing) return;
  const { since, ended, signature } = standing;
  const imported = `the model imports ${node.version}`;
  if (node.version < since) {
    const hint = 'Export the model with a newer operator set.';
    invalid(`the operator exists since operator set ${since}, ${imported}`, hint);
  }
  if (ended !== undefined && node.version >= ended) {
    const hint = `Export the model with ${SUCCESSORS.get(node.op) ?? 'its successor'} instead.`;
    invalid(`the operator ended with operator set ${ended}, ${imported}`, hint);
  }
  if (!signature) return;
  checkCount(node.inputs, signature.inputs, 'input');
  checkCount(node.outputs, signature.outputs, 'output');
  checkAttributes(node, signature);
  checkTypes(node, signature);
}

function checkTypes(node: DraftNode, { inputs, outputs }: Signature): void {
  /** Types by number of the type variable. */
  const bound: string[] = [];
  for (const [i, value] of node.inputs.entries()) {
    const type = value ? typeOf(value) : undefined;
    if (type === undefined) continue;
    const formal = formalOf(inputs, i);
    if (!formal.types.has(type)) {
      const allowed = [...formal.types].join(', ');
      invalid(`input ${i} is ${type}, the operator takes ${allowed} in operator set ${node.version}`);
    }
    if (formal.variable === undefined || formal.mixed) continue;
    const other = bound[formal.variable];
    if (other !== undefined && other !== type) invalid(`input ${i} is ${type} where another one is ${other}`);
    bound[formal.variable] = type;
  }
  const fromAttribute = outputAttributeType(node);
  for (const [i, value] of node.outputs.entries()) {
    const type = fromAttribute ?? outputType(formalOf(outputs, i), bound);
    if (value && type) setOutput(value, type, i);
  }
}

function setOutput(value: Value, type: string, i: number): void {
  const declared = typeText(value.type);
  if (declared !== undefined && declared !== type) {
    invalid(`output ${i} is declared as ${declared}, the operator gives ${type}`);
  }
  derived.set(value, type);
}

const formalOf = ({ formals }: Parameters, i: number): Formal => formals[Math.min(i, formals.length - 1)];

function checkCount(values: readonly (Value | null)[], { least, most, formals }: Parameters, what: string): void {
  let given = values.length;
  while (given > 0 && values[given - 1] === null) given--;
  if (given > most) invalid(`${given} ${what}s, the operator has at most ${most}`);
  if (values.length < least) invalid(`${values.length} ${what}s, the operator has at least ${least}`);
  formals.forEach(({ optional, variadic }, i) => {
    if (!optional && !variadic && !values[i]) invalid(`${what} ${i} is missing`);
  });
}

function checkAttributes(node: DraftNode, { attributes, required }: Signature): void {
  for (const name of [...node.attrs.keys(), ...node.refs.keys()]) {
    if (name.startsWith(PRIVATE)) continue;
    const kind = attributes.get(name);
    const given = node.attrs.get(name)?.kind ?? kind;
    if (!kind) invalid(`operator set ${node.version} has no attribute "${printable(name)}" for it`);
    if (given !== kind) invalid(`attribute ${name} is of kind ${given}, expected ${kind}`);
  }
  for (const name of required) {
    const given = node.attrs.has(name) || node.refs.has(name);
    if (!given && !NEVER_MISSED.has(name)) invalid(`attribute ${name} is missing`);
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
