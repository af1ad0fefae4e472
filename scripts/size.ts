// `npm run size`: lines per folder of src, the longest files and functions, and into how many files
// one operator, one target and one pass spread. Fails when a budget is exceeded.
// Options: --operator NAME, --target NAME, --pass NAME choose what the spread is counted for.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { isGenerated, lineAt, type SourceFile, sourceFiles, visit } from './source.ts';

export const BUDGET = { coreLines: 20_000, fileLines: 400, functionLines: 60 };
/** Folders of src that the budget of the core leaves out: they grow with what is supported. */
const OUTSIDE_CORE = ['ops', 'web'];

export interface FunctionSize {
  readonly where: string;
  readonly name: string;
  readonly lines: number;
}

export interface SizeReport {
  readonly folders: ReadonlyMap<string, { files: number; lines: number }>;
  readonly coreLines: number;
  readonly functions: readonly FunctionSize[];
  readonly violations: readonly string[];
}

const folderOf = (path: string): string => (path.split('/').length > 2 ? path.split('/')[1] : '.');

function functionName(node: ts.Node): string {
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  const own = (node as ts.NamedDeclaration).name ?? (node.parent as ts.NamedDeclaration).name;
  return own ? own.getText() : '(anonymous)';
}

/** Every function with a body and its length in lines, first to last. */
export function functionSizes(file: SourceFile): FunctionSize[] {
  const sizes: FunctionSize[] = [];
  visit(file.tree, (node) => {
    if (!ts.isFunctionLike(node) || !(node as ts.FunctionLikeDeclaration).body) return;
    const first = lineAt(file, node.getStart());
    const lines = lineAt(file, node.end) - first + 1;
    sizes.push({ where: `${file.path}:${first}`, name: functionName(node), lines });
  });
  return sizes;
}

/** Sizes and broken budgets of these files; only those under src count towards the core. */
export function measure(files: readonly SourceFile[]): SizeReport {
  const folders = new Map<string, { files: number; lines: number }>();
  const functions: FunctionSize[] = [];
  const violations: string[] = [];
  let coreLines = 0;
  for (const file of files) {
    if (isGenerated(file.path)) continue;
    functions.push(...functionSizes(file));
    if (file.lines > BUDGET.fileLines) violations.push(`${file.path}: ${file.lines} lines`);
    if (!file.path.startsWith('src/')) continue;
    const folder = folderOf(file.path);
    const entry = folders.get(folder) ?? { files: 0, lines: 0 };
    folders.set(folder, { files: entry.files + 1, lines: entry.lines + file.lines });
    if (!OUTSIDE_CORE.includes(folder)) coreLines += file.lines;
  }
  functions.sort((a, b) => b.lines - a.lines || (a.where < b.where ? -1 : 1));
  for (const f of functions) {
    if (f.lines > BUDGET.functionLines) violations.push(`${f.where}: ${f.name}, ${f.lines} lines`);
  }
  if (coreLines > BUDGET.coreLines) violations.push(`src without ops and web: ${coreLines} lines`);
  return { folders, coreLines, functions, violations };
}

/** Files that name the word in code: as an identifier, a string or part of an import path. */
export function spread(files: readonly SourceFile[], word: string): string[] {
  const names = (text: string): boolean => text === word || text.split(/[/.]/).includes(word);
  const naming = (file: SourceFile): boolean => {
    let found = false;
    visit(file.tree, (node) => {
      if (ts.isIdentifier(node) || ts.isStringLiteralLike(node)) found ||= names(node.text);
    });
    return found;
  };
  return files.filter((f) => !isGenerated(f.path) && naming(f)).map((f) => f.path);
}

function printReport(report: SizeReport, files: readonly SourceFile[], words: [string, string][]) {
  for (const [folder, { files: count, lines }] of report.folders) {
    console.log(`${folder.padEnd(14)}${String(count).padStart(5)} files${String(lines).padStart(8)}`);
  }
  console.log(`src without ${OUTSIDE_CORE.join(', ')}: ${report.coreLines} of ${BUDGET.coreLines}`);
  const sizes = report.functions.map((f) => f.lines);
  if (sizes.length > 0) {
    const at = (q: number): number => sizes[Math.floor((1 - q) * (sizes.length - 1))];
    console.log(`functions: median ${at(0.5)} lines, 90th percentile ${at(0.9)}, longest ${at(1)}`);
  }
  for (const [kind, word] of words) {
    const named = spread(files, word);
    console.log(`${kind} ${word} is named in ${named.length} files: ${named.join(', ')}`);
  }
  for (const violation of report.violations) console.log(`over budget: ${violation}`);
}

/** What the budgets apply to. */
export const sized = (): SourceFile[] => sourceFiles('src', 'scripts', 'examples', 'bench');

function main(): number {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const options = { operator: text('Softmax'), target: text('wasm'), pass: text('legalise') };
  const { values } = parseArgs({ options });
  const report = measure(sized());
  const words = Object.entries(values) as [string, string][];
  printReport(report, sourceFiles('src'), words);
  return report.violations.length === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main();
