// `npm run stages`: the structure of src, checked on syntax trees. A stage imports only what comes
// before it, browser code never reaches Node, and shared code names no operator and no target.
// The tables below say what may import what.
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { isGenerated, lineAt, type SourceFile, sourceFiles, visit } from './source.ts';

/** What a folder of src may import besides itself; a folder that is not listed may import all. */
const MAY_IMPORT: ReadonlyMap<string, readonly string[]> = new Map([
  ['support', []],
  ['ir', ['support']],
  ['devices', ['ir', 'support']],
  ['1-frontend', ['ir', 'support']],
  ['2-graph', ['ir', 'support', '1-frontend']],
  ['3-tile', ['ir', 'support', '1-frontend', '2-graph']],
  ['ops', ['ir', 'support', '2-graph', '3-tile']],
  ['4-schedule', ['ir', 'support', 'devices', '1-frontend', '2-graph', '3-tile']],
  ['5-codegen', ['ir', 'support', 'devices', '1-frontend', '2-graph', '3-tile', '4-schedule']],
  [
    '6-runtime',
    ['ir', 'support', 'devices', '1-frontend', '2-graph', '3-tile', '4-schedule', '5-codegen', 'version.ts'],
  ],
]);

/** From here no import may lead to Node or to a package that needs it. */
const BROWSER_ENTRIES = ['src/web/index.ts', 'src/web/build.ts', 'src/6-runtime/index.ts'];
const BROWSER_PACKAGES = /^@bufbuild\/protobuf(\/|$)/;

/** Where operators and targets may be named: where they are declared or chosen by a user. */
const OPERATOR_HOMES = /^src\/ops\//;
const TARGET_HOMES = /(^src\/(devices|cli|backends)\/|\/(targets|launch)\/)/;
const TARGETS = new Set(['wasm', 'c', 'webgpu', 'wgsl', 'cuda', 'hip']);

export interface Import {
  /** A path below src for relative imports, the specifier otherwise. */
  readonly target: string;
  readonly typeOnly: boolean;
  readonly line: number;
}

/** Static and dynamic imports and re-exports of a file. */
export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean): void => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const { text } = specifier;
    const target = text.startsWith('.') ? posix.join(posix.dirname(file.path), text) : text;
    found.push({ target, typeOnly, line: lineAt(file, specifier.getStart()) });
  };
  visit(file.tree, (node) => {
    if (ts.isImportDeclaration(node)) {
      add(node.moduleSpecifier, node.importClause?.isTypeOnly === true);
    } else if (ts.isExportDeclaration(node)) {
      add(node.moduleSpecifier, node.isTypeOnly);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node.argument.literal, true);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
  });
  return found;
}

const folderOf = (path: string): string => path.split('/')[1];

/** Imports that lead to a later stage, or out of src. */
export function checkOrder(files: readonly SourceFile[]): string[] {
  const wrong: string[] = [];
  for (const file of files) {
    const folder = folderOf(file.path);
    const allowed = MAY_IMPORT.get(folder);
    for (const { target, line } of importsOf(file)) {
      const inside = target.startsWith('src/');
      const outside = target.startsWith('../') || /^(test|bench|scripts|examples)\//.test(target);
      if (outside) wrong.push(`${file.path}:${line}: src may not import ${target}`);
      if (!inside || !allowed || folderOf(target) === folder) continue;
      if (allowed.includes(folderOf(target))) continue;
      wrong.push(`${file.path}:${line}: ${folder} may not import ${target}`);
    }
  }
  return wrong;
}

/** Chains of imports that lead from a browser entry to Node or to a package that needs it. */
export function checkBrowser(files: readonly SourceFile[], entries = BROWSER_ENTRIES): string[] {
  const byPath = new Map(files.map((f) => [f.path, f]));
  const cameFrom = new Map<string, string>();
  const pending = entries.filter((e) => byPath.has(e));
  const seen = new Set(pending);
  const wrong: string[] = [];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    for (const { target, typeOnly, line } of importsOf(byPath.get(path)!)) {
      if (typeOnly || seen.has(target) || BROWSER_PACKAGES.test(target)) continue;
      if (!target.startsWith('src/')) {
        wrong.push(`${path}:${line}: imports ${target}; reached by ${chain(cameFrom, path)}`);
        continue;
      }
      seen.add(target);
      cameFrom.set(target, path);
      if (byPath.has(target)) pending.push(target);
    }
  }
  return wrong;
}

function chain(cameFrom: ReadonlyMap<string, string>, path: string): string {
  const steps = [path];
  for (let at = cameFrom.get(path); at !== undefined; at = cameFrom.get(at)) steps.unshift(at);
  return steps.join(' > ');
}

/** Words in code: strings and the names of object members. */
function words(file: SourceFile): { text: string; node: ts.Node }[] {
  const found: { text: string; node: ts.Node }[] = [];
  visit(file.tree, (node) => {
    if (ts.isStringLiteralLike(node)) found.push({ text: node.text, node });
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) {
      found.push({ text: node.name.text, node });
    }
  });
  return found;
}

/** Operators named outside their homes. The names are those of the files of src/ops. */
export function checkOperators(files: readonly SourceFile[]): string[] {
  const operators = new Set<string>();
  for (const { path } of files) {
    const name = /^src\/ops\/(?:.*\/)?([A-Z][A-Za-z0-9]*)\.ts$/.exec(path)?.[1];
    if (name !== undefined) operators.add(name);
  }
  const wrong: string[] = [];
  for (const file of files) {
    if (OPERATOR_HOMES.test(file.path) || isGenerated(file.path)) continue;
    for (const { text, node } of words(file)) {
      if (!operators.has(text)) continue;
      wrong.push(`${file.path}:${lineAt(file, node.getStart())}: names the operator ${text}`);
    }
  }
  return wrong;
}

/** True where the text decides something or is a type: a one-letter target is also an axis name. */
function decides(node: ts.Node): boolean {
  const { parent } = node;
  if (ts.isCaseClause(parent) || ts.isLiteralTypeNode(parent)) return true;
  return ts.isBinaryExpression(parent) && /^[!=]==?$/.test(parent.operatorToken.getText());
}

/** Targets named outside their homes. */
export function checkTargets(files: readonly SourceFile[]): string[] {
  const wrong: string[] = [];
  for (const file of files) {
    if (TARGET_HOMES.test(file.path) || isGenerated(file.path)) continue;
    for (const { text, node } of words(file)) {
      if (!TARGETS.has(text) || (text.length === 1 && !decides(node))) continue;
      wrong.push(`${file.path}:${lineAt(file, node.getStart())}: names the target ${text}`);
    }
  }
  return wrong;
}

/** Everything that is wrong with the structure of src, a line each. */
export function checkStructure(files: readonly SourceFile[] = sourceFiles('src')): string[] {
  return [checkOrder, checkBrowser, checkOperators, checkTargets].flatMap((check) => check(files));
}

function main(): number {
  const files = sourceFiles('src');
  const wrong = checkStructure(files);
  for (const line of wrong) console.log(line);
  console.log(`${files.length} files, ${wrong.length} breaches of the structure`);
  return wrong.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
