// The structure and size checks of scripts/, on src itself and on small made-up sources.
import { describe, expect, it } from 'vitest';
import { functionSizes, measure, sized, spread } from '../../scripts/size.ts';
import { parseSource, sourceFiles } from '../../scripts/source.ts';
import { checkBrowser, checkOperators, checkOrder, checkStructure, checkTargets } from '../../scripts/stages.ts';

const made = (files: Record<string, string>) => Object.entries(files).map(([path, text]) => parseSource(path, text));

describe('this repository', () => {
  it('imports only earlier stages and names operators and targets only at home', () => {
    expect(checkStructure()).toEqual([]);
  });

  it('stays within the budgets of lines', () => {
    expect(measure(sized()).violations).toEqual([]);
  });

  it('is seen by the checks', () => {
    expect(sourceFiles('src').length).toBeGreaterThan(0);
  });
});

describe('stage order', () => {
  it('refuses a later stage, also for a type and for a dynamic import', () => {
    const files = made({
      'src/2-graph/a.ts': "import type { T } from '../3-tile/t.ts';\nawait import('../cli/x.ts');",
      'src/3-tile/b.ts': "export { a } from '../2-graph/a.ts';",
      'src/ir/c.ts': "type X = import('../2-graph/a.ts').X;",
      'src/compile.ts': "import './6-runtime/index.ts';",
    });
    expect(checkOrder(files)).toEqual([
      'src/2-graph/a.ts:1: 2-graph may not import src/3-tile/t.ts',
      'src/2-graph/a.ts:2: 2-graph may not import src/cli/x.ts',
      'src/ir/c.ts:1: ir may not import src/2-graph/a.ts',
    ]);
  });

  it('refuses imports from outside src', () => {
    const files = made({ 'src/compile.ts': "import '../test/help.ts';" });
    expect(checkOrder(files)).toEqual(['src/compile.ts:1: src may not import test/help.ts']);
  });
});

describe('browser entry', () => {
  it('finds Node behind a chain of imports and ignores types', () => {
    const files = made({
      'src/web/index.ts': "import '../a.ts';\nimport type { F } from 'node:fs';",
      'src/a.ts': "import { read } from './files.ts';\nimport '@bufbuild/protobuf/wire';",
      'src/files.ts': "import { readFileSync } from 'node:fs';",
      'src/node.ts': "import 'koffi';",
    });
    expect(checkBrowser(files)).toEqual([
      'src/files.ts:1: imports node:fs; reached by src/web/index.ts > src/a.ts > src/files.ts',
    ]);
  });
});

describe('names at home', () => {
  it('finds operators quoted outside ops', () => {
    const files = made({
      'src/ops/Softmax.ts': "export const Softmax = op('Softmax');",
      'src/4-schedule/welder/connect.ts': "if (node.op === 'Softmax') join();\nlog('a Softmax');",
      'src/ops/upgrade/forms.ts': 'const upgrades = { Softmax: 13 };',
      'src/1-frontend/onnx/graph.ts': 'const upgrades = { Softmax: 13 };',
    });
    expect(checkOperators(files)).toEqual([
      'src/4-schedule/welder/connect.ts:1: names the operator Softmax',
      'src/1-frontend/onnx/graph.ts:1: names the operator Softmax',
    ]);
  });

  it('finds targets outside targets, launch, devices and cli', () => {
    const files = made({
      'src/5-codegen/targets/wasm/index.ts': "export const name = 'wasm';",
      'src/5-codegen/lower.ts': "if (target === 'c') pad();\nconst axis = newAxis('c', 3);",
      'src/4-schedule/cost.ts': 'const launch = { wasm: 1 };',
    });
    expect(checkTargets(files)).toEqual([
      'src/5-codegen/lower.ts:1: names the target c',
      'src/4-schedule/cost.ts:1: names the target wasm',
    ]);
  });
});

describe('size', () => {
  it('measures functions from first to last line and reports what is over budget', () => {
    const body = '  work();\n'.repeat(60);
    const [file] = made({ 'src/2-graph/long.ts': `// Head.\nfunction long() {\n${body}}\n` });
    expect(functionSizes(file)).toEqual([{ where: 'src/2-graph/long.ts:2', name: 'long', lines: 62 }]);
    expect(measure([file]).violations).toEqual(['src/2-graph/long.ts:2: long, 62 lines']);
  });

  it('counts the core without operators and generated files', () => {
    const files = made({
      'src/compile.ts': 'a;\nb;\n',
      'src/ops/Add.ts': 'a;\n',
      'src/1-frontend/onnx/gen/onnx_pb.ts': 'a;\n'.repeat(1000),
    });
    const report = measure(files);
    expect(report.coreLines).toBe(2);
    expect(report.folders.get('ops')).toEqual({ files: 1, lines: 1 });
    expect(report.violations).toEqual([]);
  });

  it('counts the files that name a word in code, not in comments', () => {
    const files = made({
      'src/ops/Softmax.ts': 'export const Softmax = 1;',
      'src/ops/index.ts': "export * from './Softmax.ts';",
      'src/ops/Add.ts': '// like Softmax\nexport const Add = 1;',
    });
    expect(spread(files, 'Softmax')).toEqual(['src/ops/Softmax.ts', 'src/ops/index.ts']);
  });
});
