// The repository's TypeScript as syntax trees, for the checks in this folder. In: folder names
// relative to the repository. Out: files in a fixed order with their text and tree.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The repository's root folder. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly lines: number;
  readonly tree: ts.SourceFile;
}

/** Every .ts file below the folders (or the files themselves), sorted by path. */
export function sourceFiles(...roots: string[]): SourceFile[] {
  const found: string[] = [];
  const pending = roots.map((r) => join(ROOT, r)).filter(existsSync);
  for (let dir = pending.pop(); dir !== undefined; dir = pending.pop()) {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = join(dir, entry.name);
      if (entry.isDirectory()) pending.push(path);
      else if (entry.name.endsWith('.ts')) found.push(relative(ROOT, path).replaceAll('\\', '/'));
    }
  }
  return found.sort().map((path) => parseSource(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** One file from its text. */
export function parseSource(path: string, text: string): SourceFile {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.TS);
  const lines = text.length === 0 ? 0 : text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  return { path, lines, tree };
}

/** Visits every node of the tree, parents first. */
export function visit(tree: ts.Node, see: (node: ts.Node) => void): void {
  const stack: ts.Node[] = [tree];
  for (let node = stack.pop(); node; node = stack.pop()) {
    see(node);
    const children: ts.Node[] = [];
    ts.forEachChild(node, (child) => void children.push(child));
    stack.push(...children.reverse());
  }
}

/** The line of a position, counted from 1. */
export function lineAt(file: SourceFile, position: number): number {
  return file.tree.getLineAndCharacterOfPosition(position).line + 1;
}

/** Files made by a generator: neither counted nor checked. */
export const isGenerated = (path: string): boolean => path.split('/').includes('gen');
