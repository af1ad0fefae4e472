// Reads the blocks of a program's text line by line: declarations, shared parts, names. In: text. Out:
// lines, expressions and tensors for parse.ts. Blocks nest to a fixed depth.
import { DTYPES, type DType } from '../ir/dtype.ts';
import { type Scalar, type TensorData, tensorOf } from '../ir/tensor.ts';
import type { Expr } from './expr.ts';
import { ExprParser, Line, parseScalar, Scope } from './parse-expr.ts';
import { newTensor, type TensorRole, type TileTensor } from './tensor.ts';

/** Gives the contents of the n-th declared tensor when the text says only that there are some. */
export type DataSource = (n: number) => TensorData | undefined;

const MAX_BLOCKS = 200;
const ROLES: ReadonlySet<string> = new Set<TensorRole>(['input', 'output', 'constant', 'temp']);

/** Lines with one token of look-ahead at their first word. */
export class Reader {
  scope = new Scope();
  private readonly lines: readonly Line[];
  private readonly data: DataSource;
  private at = 0;
  private depth = 0;

  constructor(text: string, data: DataSource) {
    this.data = data;
    this.lines = text
      .split('\n')
      .map((l, i) => new Line(l, i + 1))
      .filter((l) => !l.done);
  }

  get first(): string {
    return this.at < this.lines.length ? this.lines[this.at].peek.text : '';
  }
  /** Whether the next line declares a tensor (and does not store to one). */
  get declares(): boolean {
    return this.first.startsWith('%') && this.lines[this.at].second === '=';
  }
  line(): Line {
    const l = this.lines[this.at++];
    return l ?? new Line('', this.at).fail('the text ends early');
  }
  /** The next line, which starts with this word. */
  open(word: string): Line {
    const l = this.line();
    l.expect(word);
    return l;
  }
  nested<T>(line: Line, body: () => T): T {
    if (++this.depth > MAX_BLOCKS) line.fail('blocks nest too deep');
    const result = body();
    this.depth--;
    return result;
  }
  close(): void {
    this.open('end');
  }

  /** Reads the `$n = …` lines before a line that uses them. */
  parts(): void {
    this.scope.parts.clear();
    while (this.first.startsWith('$')) {
      const l = this.line();
      const name = l.take('name');
      l.expect('=');
      this.scope.parts.set(name, this.expr(l));
    }
  }
  expr(line: Line): Expr {
    return new ExprParser(line, this.scope).expr();
  }
  exprs(line: Line): Expr[] {
    const list = [this.expr(line)];
    while (line.skip(',')) list.push(this.expr(line));
    return list;
  }

  tensor(line: Line): TileTensor {
    const name = line.take('name');
    return this.scope.tensors.get(name) ?? line.fail(`${name} is not declared`);
  }
  tensorOrNone(line: Line): TileTensor | null {
    return line.skip('none') ? null : this.tensor(line);
  }
  tensors(line: Line): TileTensor[] {
    const list: TileTensor[] = [];
    while (!line.done) list.push(this.tensor(line));
    return list;
  }

  declarations(): void {
    while (this.declares) this.declaration();
  }
  declaration(): TileTensor {
    const l = this.line();
    const name = l.take('name');
    l.expect('=');
    const role = l.take('word') as TensorRole;
    const dtype = l.take('word') as DType;
    if (!ROLES.has(role) || !DTYPES.includes(dtype)) l.fail('expected a role and an element type');
    l.expect('[');
    const shape = l.list(']', () => l.integer());
    const base = l.skip('of') ? this.tensor(l) : undefined;
    const label = l.string();
    const data = l.skip('=') ? this.contents(l, name, dtype, shape) : undefined;
    const t = newTensor(label, dtype, shape, role, { ...(base && { base }), ...(data && { data }) });
    this.scope.tensors.set(name, t);
    return t;
  }
  private contents(l: Line, name: string, dtype: DType, shape: number[]): TensorData {
    if (l.skip('data')) {
      return this.data(Number(name.slice(1))) ?? l.fail(`the contents of ${name} are not in the text`);
    }
    l.expect('{');
    const values: Scalar[] = l.list('}', () => parseScalar(l).value);
    return tensorOf(dtype, shape, values);
  }
}
