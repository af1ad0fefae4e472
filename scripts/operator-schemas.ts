// ONNX's published operator changelog (docs/Changelog.md of the ONNX repository) → the table of
// signatures that nodes are checked against. Run it when ONNX publishes an operator set:
//
//   npx tsx scripts/operator-schemas.ts Changelog.md > src/ops/upgrade/gen/operators.ts
import { readFileSync } from 'node:fs';
import { DTYPES, type DType } from '../src/ir/dtype.ts';

/** ONNX's names of element types where they differ from the public ones. */
const ELEMENTS = new Map<string, DType>([
  ['float', 'f32'],
  ['double', 'f64'],
  ['float16', 'f16'],
  ['bfloat16', 'bf16'],
  ['bool', 'bool'],
  ['string', 'string'],
  ['complex64', 'complex64'],
  ['complex128', 'complex128'],
  ['float8e4m3fn', 'f8e4m3fn'],
  ['float8e4m3fnuz', 'f8e4m3fnuz'],
  ['float8e5m2', 'f8e5m2'],
  ['float8e5m2fnuz', 'f8e5m2fnuz'],
  ['float8e8m0', 'f8e8m0'],
  ['float4e2m1', 'f4e2m1'],
  ...[2, 4, 8, 16, 32, 64].flatMap((bits): [string, DType][] => [
    [`int${bits}`, `i${bits}` as DType],
    [`uint${bits}`, `u${bits}` as DType],
  ]),
]);

/** One letter per kind of attribute; capitals are lists. */
const KINDS = new Map([
  ['int', 'i'],
  ['float', 'f'],
  ['string', 's'],
  ['tensor', 't'],
  ['graph', 'g'],
  ['sparse_tensor', 'p'],
  ['type_proto', 'y'],
  ['list of ints', 'I'],
  ['list of floats', 'F'],
  ['list of strings', 'S'],
  ['list of tensors', 'T'],
  ['list of graphs', 'G'],
]);

const sets: string[] = [];

function typeSet(text: string): string {
  const types = text.split(',').map((t) =>
    t.trim().replace(/tensor\((\w+)\)/, (_, e) => {
      const dtype = ELEMENTS.get(e);
      if (!dtype || !DTYPES.includes(dtype)) throw new Error(`unknown element type ${e}`);
      return dtype;
    }),
  );
  const set = types.join(' ');
  if (!sets.includes(set)) sets.push(set);
  return String(sets.indexOf(set));
}

interface Section {
  /** Text between the heading and the list: "(1 - 3)" where counts vary. */
  readonly count: string;
  /** Name, flags in brackets, and what stands behind the colon. */
  readonly items: readonly { name: string; flags: string; text: string }[];
}

function section(body: string, title: string): Section {
  const found = new RegExp(`#### ${title}([^\\n]*)\\n(.*?)(?=\\n####|$)`, 's').exec(body);
  if (!found) return { count: '', items: [] };
  const rows = found[2].matchAll(/<dt><tt>([^<]*)<\/tt>(?: \(([^)]*)\))? : (.*?)<\/dt>/g);
  return {
    count: found[1].replace('&#8734;', '*').replace(/[() ]/g, ''),
    items: [...rows].map(([, name, flags = '', text]) => ({ name, flags, text })),
  };
}

/** Formal parameters: type, then `?` optional, `*` variadic, `**` variadic of mixed types. */
function parameters(body: string, title: string): string {
  const { count, items } = section(body, title);
  const formals = items.map(({ flags, text }) => {
    const type = text.includes('(') ? `#${typeSet(text)}` : text;
    if (flags.includes('heterogeneous')) return `${type}**`;
    if (flags.includes('variadic')) return `${type}*`;
    return flags.includes('optional') ? `${type}?` : type;
  });
  const least = count === '' ? items.length : Number(count.split('-')[0]);
  return `${least}:${formals.join(',')}`;
}

function attributes(body: string): string {
  return section(body, 'Attributes')
    .items.map(({ name, text }) => {
      const kind = KINDS.get(text.replace(/ \(.*$/, ''));
      if (!kind) throw new Error(`unknown kind of attribute ${text}`);
      return `${name}:${kind}${text.endsWith('(required)') ? '!' : ''}`;
    })
    .join(',');
}

const constraints = (body: string): string =>
  section(body, 'Type Constraints')
    .items.map(({ name, text }) => `${name}=${typeSet(text)}`)
    .join(',');

function main(file: string): void {
  const text = readFileSync(file, 'utf8').split(/^# ai\.onnx\.preview/m)[0];
  const parts = text.split(/^### <a name="([A-Za-z0-9]+)-(\d+)"><\/a>\*\*.*?\*\*([^\n]*)$/m);
  const operators = new Map<string, string[]>();
  for (let i = 1; i < parts.length; i += 4) {
    const [name, version, note, body] = parts.slice(i, i + 4);
    const signature = note.includes('deprecated')
      ? '!'
      : [parameters(body, 'Inputs'), parameters(body, 'Outputs'), attributes(body), constraints(body)].join(';');
    const rows = operators.get(name) ?? [];
    if (!rows.some((r) => r.startsWith(`${version};`))) rows.push(`${version};${signature}`);
    operators.set(name, rows);
  }
  const names = [...operators.keys()].sort();
  const newest = (row: string): number => Number(row.split(';')[0]);
  console.log('// Signatures of the default domain, from the ONNX operator changelog.');
  console.log('// Made by scripts/operator-schemas.ts; the format is read in ../signature.ts.\n');
  console.log('export const TYPE_SETS: readonly string[] = [');
  for (const set of sets) console.log(`  '${set}',`);
  console.log('];\n\nexport const SIGNATURES: ReadonlyMap<string, readonly string[]> = new Map([');
  for (const name of names) {
    console.log(`  ['${name}', [`);
    for (const row of operators.get(name)!.sort((a, b) => newest(a) - newest(b))) console.log(`    '${row}',`);
    console.log('  ]],');
  }
  console.log(']);');
}

main(process.argv[2]);
