// Signatures of the default domain's operators, per operator-set version: parameters, attributes and element types,
// read on demand from the generated table.
import type { Attr } from '../../ir/graph.ts';
import { SIGNATURES, TYPE_SETS } from './gen/operators.ts';

/** One formal input or output. */
export interface Formal {
  /** Number of the type variable, or undefined when the types are given in place. */
  readonly variable: number | undefined;
  /** Allowed types as text: an element type, seq(…) or optional(…). */
  readonly types: ReadonlySet<string>;
  readonly optional: boolean;
  /** Stands for any number of parameters; `mixed`: of differing types. */
  readonly variadic: boolean;
  readonly mixed: boolean;
}

export interface Parameters {
  readonly least: number;
  /** Infinity when the last one is variadic. */
  readonly most: number;
  readonly formals: readonly Formal[];
}

export interface Signature {
  readonly inputs: Parameters;
  readonly outputs: Parameters;
  readonly attributes: ReadonlyMap<string, Attr['kind']>;
  /** Names of the attributes without which the operator is not defined. */
  readonly required: readonly string[];
}

/** Letters of attribute kinds; a capital stands for a list. */
const KINDS: Readonly<Record<string, Attr['kind']>> = {
  ...({ i: 'int', f: 'float', s: 'string', t: 'tensor', g: 'graph', p: 'sparse', y: 'type' } as const),
  ...({ I: 'ints', F: 'floats', S: 'strings', T: 'tensors', G: 'graphs' } as const),
};
const ENDED = '!';

const split = (text: string): string[] => (text === '' ? [] : text.split(','));

const typeSets: ReadonlySet<string>[] = [];

function typeSet(index: string): ReadonlySet<string> {
  const i = Number(index);
  return (typeSets[i] ??= new Set(TYPE_SETS[i].split(' ')));
}

type Variable = readonly [name: string, types: ReadonlySet<string>];

function parameters(text: string, variables: readonly Variable[]): Parameters {
  const [least, list] = text.split(':');
  const formals = split(list).map((formal): Formal => {
    const type = formal.replace(/[?*]+$/, '');
    const inPlace = type.startsWith('#');
    const variable = variables.findIndex(([name]) => name === type);
    return {
      variable: inPlace ? undefined : variable,
      types: inPlace ? typeSet(type.slice(1)) : variables[variable][1],
      optional: formal.endsWith('?'),
      variadic: formal.endsWith('*'),
      mixed: formal.endsWith('**'),
    };
  });
  return { least: Number(least), most: formals.at(-1)?.variadic ? Number.POSITIVE_INFINITY : formals.length, formals };
}

function parse(row: string): Signature {
  const [, inputs, outputs, attributes, constraints] = row.split(';');
  const constrained = split(constraints).map((c) => c.split('='));
  const variables = constrained.map(([name, set]): Variable => [name, typeSet(set)]);
  const kinds = split(attributes).map((a) => a.split(':') as [name: string, kind: string]);
  return {
    inputs: parameters(inputs, variables),
    outputs: parameters(outputs, variables),
    attributes: new Map(kinds.map(([name, kind]) => [name, KINDS[kind[0]]])),
    required: kinds.filter(([, kind]) => kind.endsWith('!')).map(([name]) => name),
  };
}

/**
 * What the published operator sets say of an operator under one version: the first version that has it, the first that
 * no longer has it, and its signature, undefined where the changelog gives none.
 */
function readStanding(rows: readonly string[], version: number) {
  const versionOf = (row: string): number => Number(row.slice(0, row.indexOf(';')));
  const last = rows[rows.length - 1];
  const row = rows.findLast((r) => versionOf(r) <= version);
  return {
    since: versionOf(rows[0]),
    ended: last.endsWith(ENDED) ? versionOf(last) : undefined,
    signature: row && !row.endsWith(ENDED) ? parse(row) : undefined,
  };
}

type Standing = ReturnType<typeof readStanding>;

/** Read so far, by operator and then version: models have many nodes of few operators. */
const standings = new Map<string, Map<number, Standing>>();

/** The operator's standing under a version of the default domain; undefined for unpublished ones. */
export function standingOf(op: string, version: number): Standing | undefined {
  const rows = SIGNATURES.get(op);
  if (!rows) return undefined;
  let known = standings.get(op);
  if (!known) standings.set(op, (known = new Map()));
  let standing = known.get(version);
  if (!standing) known.set(version, (standing = readStanding(rows, version)));
  return standing;
}
