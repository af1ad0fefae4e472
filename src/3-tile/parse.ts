// Reads the text that print.ts writes, as text.ts lays it out. In: text, and the contents of constants
// that the text leaves out. Out: a tile program, kernel or task program equal in structure to the one
// printed; names of axes and locals are those of the text. Refuses with USAGE and the line number.
import { DTYPES, type DType } from '../ir/dtype.ts';
import { type TensorData, tensorOf } from '../ir/tensor.ts';
import { type Axis, type ComputeType, type Expr, type Local, newAxis, newLocal } from './expr.ts';
import { ExprParser, Line, parseScalar, Scope } from './parse-expr.ts';
import type { Kernel, TaskProgram } from './task.ts';
import { newTensor, type TensorRole, type TileTensor } from './tensor.ts';
import { kernelText, programText, type Text, type TypedScalar, taskProgramText } from './text.ts';
import type { TileProgram } from './tile-op.ts';

/** Gives the contents of the n-th declared tensor when the text says only that there are some. */
export type DataSource = (n: number) => TensorData | undefined;

const MAX_BLOCKS = 200;
const ROLES: ReadonlySet<string> = new Set<TensorRole>(['input', 'output', 'constant', 'temp']);

class Reader implements Text {
  private names = new Scope();
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

  private get current(): Line {
    return this.lines[this.at] ?? new Line('', this.at + 1).fail('the text ends early');
  }
  /** The next word of the line; empty at its end and that of the text. */
  private get next(): string {
    const line = this.lines[this.at];
    return !line || line.done ? '' : line.peek.text;
  }

  mark(text: string): void {
    for (const word of text.split(' ')) if (word !== '') this.current.expect(word);
  }
  private after(lead: string): Line {
    this.mark(lead);
    return this.current;
  }
  quoted = (lead: string): string => this.after(lead).string();
  integer = (lead: string): number => this.after(lead).integer();
  word = <W extends string>(lead: string): W => this.after(lead).take('word') as W;
  scalar = (lead: string): TypedScalar => parseScalar(this.after(lead));
  expr = (lead: string): Expr => new ExprParser(this.after(lead), this.names).expr();
  tensor(lead: string): TileTensor {
    const name = this.after(lead).take('name');
    return this.names.tensors.get(name) ?? this.fail(`${name} is not declared`);
  }
  axis(lead: string, role: Axis['role']): Axis {
    const name = this.after(lead).take('word');
    const axis = newAxis(name, this.integer(':'), role);
    this.names.axes.set(name, axis);
    return axis;
  }
  local(lead: string, form: 'known' | 'typed' | 'index'): Local {
    const { locals } = this.names;
    const name = this.after(lead).take('word');
    const known = locals.get(name);
    if (form === 'known') return known ?? this.fail(`${name} is not declared`);
    if (form === 'index' && known) return known;
    const [dtype, lanes] = form === 'typed' ? this.current.take('type').slice(1).split('x') : ['i32'];
    const local = newLocal(name, dtype as ComputeType, Number(lanes ?? 1));
    locals.set(name, local);
    return local;
  }
  has = (word: string): boolean => (word === '%' ? this.next.startsWith('%') : this.next === word);
  many<T>(_: unknown, begins: (word: string, second: string) => boolean, each: () => T): T[] {
    const items: T[] = [];
    while (begins(this.next, this.lines[this.at]?.second ?? '')) items.push(each());
    return items;
  }
  commas<T>(_: unknown, each: () => T): T[] {
    if (this.next === '' || this.next === ']') return [];
    const items = [each()];
    while (this.current.skip(',')) items.push(each());
    return items;
  }
  line<T>(body: () => T): T {
    const { current } = this;
    const result = body();
    if (!current.done) current.fail(`${current.peek.text} is too much`);
    this.at++;
    return result;
  }
  block<T>(body: () => T): T {
    if (++this.depth > MAX_BLOCKS) this.fail('blocks nest too deep');
    const result = body();
    this.depth--;
    return result;
  }
  share<T>(_: unknown, body: () => T): T {
    const outer = this.names.parts;
    this.names.parts = new Map();
    while (this.next.startsWith('$')) {
      this.line(() => {
        const name = this.current.take('name');
        this.names.parts.set(name, this.expr('='));
      });
    }
    const result = body();
    this.names.parts = outer;
    return result;
  }
  scope<T>(body: () => T): T {
    const outer = this.names;
    this.names = new Scope();
    const result = body();
    this.names = outer;
    return result;
  }
  restartAxes(): void {
    this.names.axes.clear();
  }
  declarations(): void {
    while (this.next.startsWith('%')) this.declaration();
  }
  declaration(): TileTensor {
    return this.line(() => {
      const l = this.current;
      const name = l.take('name');
      const role = this.word<TensorRole>('=');
      const dtype = this.word<DType>('');
      if (!ROLES.has(role) || !DTYPES.includes(dtype)) l.fail('expected a role and an element type');
      l.expect('[');
      const shape = l.list(']', () => l.integer());
      const base = l.skip('of') ? this.tensor('') : undefined;
      const label = l.string();
      const data = l.skip('=') ? this.contents(name, dtype, shape) : undefined;
      const t = newTensor(label, dtype, shape, role, { ...(base && { base }), ...(data && { data }) });
      this.names.tensors.set(name, t);
      return t;
    });
  }
  private contents(name: string, dtype: DType, shape: number[]): TensorData {
    const l = this.current;
    if (l.skip('data')) {
      return this.data(Number(name.slice(1))) ?? this.fail(`the contents of ${name} are not in the text`);
    }
    l.expect('{');
    const values = l.list('}', () => parseScalar(l).value);
    return tensorOf(dtype, shape, values);
  }
  fail(what: string): never {
    return this.current.fail(what);
  }
}

const NO_DATA: DataSource = () => undefined;

/** What `printProgram` wrote. */
export const parseProgram = (text: string, data = NO_DATA): TileProgram => programText(new Reader(text, data));
/** What `printKernel` wrote. */
export const parseKernel = (text: string): Kernel => kernelText(new Reader(text, NO_DATA), 0);
/** What `printTaskProgram` wrote. */
export const parseTaskProgram = (text: string, data = NO_DATA): TaskProgram => taskProgramText(new Reader(text, data));
