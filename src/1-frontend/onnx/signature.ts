// Signatures of the default domain's operators, per operator-set version: parameters, attributes and
// element types, read on demand from the generated table.
import type { Attr } from '../../ir/graph.ts';
import { SIGNATURES, TYPE_SETS } from './gen/operators.ts';

/** One formal input or output. */
export interface Formal {
  /** Type variable, or undefined when the types are given in place. */
  readonly variable: string | undefined;
  /** Allowed types as text: an element type, seq(…) or optional(…). */
  readonly types: ReadonlySet<string>;
  readonly optional: boolean;
  /** Stands for any number of parameters; `mixed`: of differing types. */
  readonly variadic: boolean;
  readonly mixed: boolean;
}

export interface Parameters {
  readonly least: number;
  readonly formals: readonly Formal[];
}

export interface Signature {
  readonly inputs: Parameters;
  readonly outputs: Parameters;
  readonly attributes: ReadonlyMap<string, { readonly kind: Attr['kind']; readonly required: boolean }>;
}

/** What the published operator sets say of an operator under one version. */
export interface Standing {
  /** First version that has the operator. */
  readonly since: number;
  /** First version that no longer has it. */
  readonly ended: number | undefined;
  /** Undefined where the changelog gives none. */
  readonly signature: Signature | undefined;
}

const KINDS: Readonly<Record<string, Attr['kind']>> = {
  i: 'int',
  f: 'float',
  s: 'string',
  t: 'tensor',
  g: 'graph',
  p: 'sparse',
  y: 'type',
  I: 'ints',
  F: 'floats',
  S: 'strings',
  T: 'tensors',
  G: 'graphs',
};
const ENDED = '!';

const split = (text: string): string[] => (text === '' ? [] : text.split(','));
const typeSet = (index: string): ReadonlySet<string> => new Set(TYPE_SETS[Number(index)].split(' '));

function parameters(text: string, variables: ReadonlyMap<string, ReadonlySet<string>>): Parameters {
  const [least, formals] = text.split(':');
  return {
    least: Number(least),
    formals: split(formals).map((formal) => {
      const type = formal.replace(/[?*]+$/, '');
      const inPlace = type.startsWith('#');
      return {
        variable: inPlace ? undefined : type,
        types: inPlace ? typeSet(type.slice(1)) : variables.get(type)!,
        optional: formal.endsWith('?'),
        variadic: formal.endsWith('*'),
        mixed: formal.endsWith('**'),
      };
    }),
  };
}

function parse(row: string): Signature {
  const [, inputs, outputs, attributes, constraints] = row.split(';');
  const variables = new Map(
    split(constraints).map((c): [string, ReadonlySet<string>] => {
      const [name, set] = c.split('=');
      return [name, typeSet(set)];
    }),
  );
  return {
    inputs: parameters(inputs, variables),
    outputs: parameters(outputs, variables),
    attributes: new Map(
      split(attributes).map((a) => {
        const [name, kind] = a.split(':');
        return [name, { kind: KINDS[kind[0]], required: kind.endsWith('!') }];
      }),
    ),
  };
}

const parsed = new Map<string, Signature>();

/** The operator's standing under a version of the default domain; undefined for unpublished ones. */
export function standingOf(op: string, version: number): Standing | undefined {
  const rows = SIGNATURES.get(op);
  if (!rows) return undefined;
  const versionOf = (row: string): number => Number(row.slice(0, row.indexOf(';')));
  const last = rows[rows.length - 1];
  const ended = last.endsWith(ENDED) ? versionOf(last) : undefined;
  const row = rows.findLast((r) => versionOf(r) <= version);
  const standing = { since: versionOf(rows[0]), ended };
  if (!row || row.endsWith(ENDED)) return { ...standing, signature: undefined };
  const key = `${op};${row}`;
  let signature = parsed.get(key);
  if (!signature) parsed.set(key, (signature = parse(row)));
  return { ...standing, signature };
}
