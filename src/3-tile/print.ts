// Writes tile programs, kernels and task programs as text.ts lays them out. In: a program. Out: text that
// parse.ts reads back to an equal program; names are numbers in order of first occurrence, so equal
// programs have equal text. Contents of large constants are not part of it.
import { dtypeInfo } from '../ir/dtype.ts';
import { elementCount, type Scalar, tensorValues } from '../ir/tensor.ts';
import { invariant } from '../support/errors.ts';
import { type Axis, computeType, type Expr, type Local } from './expr.ts';
import { Names, printExprs, quoted, scalarText, typeText } from './print-expr.ts';
import type { Kernel, TaskProgram } from './task.ts';
import type { TileTensor } from './tensor.ts';
import { kernelText, programText, type Text, type TypedScalar, taskProgramText } from './text.ts';
import type { TileProgram } from './tile-op.ts';

/** Constants of up to this many elements are written out. */
const MAX_WRITTEN = 32;

class Writer implements Text {
  private names = new Names();
  private readonly lines: string[] = [];
  private current = '';
  private depth = 0;
  private texts: ReadonlyMap<Expr, string> = new Map();
  /** Where the declarations go when all names are known. */
  private declarationsAt = 0;
  private declares = false;

  private put<T>(text: string, given: T): T {
    this.current += text;
    return given;
  }
  mark = (text: string): void => this.put(text, undefined);
  quoted = (lead: string, name?: string): string => this.put(lead + quoted(name!), name!);
  integer = (lead: string, n?: number): number => this.put(`${lead}${n}`, n!);
  word = <W extends string>(lead: string, word?: W): W => this.put(lead + word, word!);
  scalar = (lead: string, s?: TypedScalar): TypedScalar => this.put(lead + scalarText(s!.dtype, s!.value), s!);
  expr = (lead: string, e?: Expr): Expr => this.put(lead + this.texts.get(e!), e!);
  tensor = (lead: string, t?: TileTensor): TileTensor => this.put(lead + this.names.tensor(t!), t!);
  axis = (lead: string, _: string, a?: Axis): Axis => this.put(`${lead}${this.names.axis(a!)}:${a!.extent}`, a!);
  local(lead: string, form: 'known' | 'typed' | 'index', l?: Local): Local {
    const type = form === 'typed' ? `:${typeText(l!.dtype, l!.lanes)}` : '';
    return this.put(`${lead}${this.names.local(l!)}${type}`, l!);
  }
  has = (_: string, there?: boolean): boolean => there ?? false;
  many = <T>(items: readonly T[] | undefined, _: unknown, each: (item?: T) => T): T[] => items!.map((x) => each(x));
  commas<T>(items: readonly T[] | undefined, each: (item?: T) => T): T[] {
    return items!.map((item, i) => {
      if (i > 0) this.mark(', ');
      return each(item);
    });
  }
  line<T>(body: () => T): T {
    const result = body();
    this.lines.push('  '.repeat(this.depth) + this.current.trimEnd());
    this.current = '';
    return result;
  }
  block<T>(body: () => T): T {
    this.depth++;
    const result = body();
    this.depth--;
    return result;
  }
  share<T>(roots: readonly Expr[] | undefined, body: () => T): T {
    const outer = this.texts;
    const { parts, texts } = printExprs(roots!, this.names);
    for (const p of parts) this.line(() => this.mark(p));
    this.texts = new Map(roots!.map((e, i) => [e, texts[i]]));
    const result = body();
    this.texts = outer;
    return result;
  }
  scope<T>(body: () => T): T {
    const outer = this.names;
    this.names = new Names();
    const result = body();
    this.names = outer;
    return result;
  }
  restartAxes(): void {
    this.names.restartAxes();
  }
  declaration(t?: TileTensor): TileTensor {
    return this.line(() => this.put(declaration(t!, this.names), t!));
  }
  declarations(): void {
    this.declarationsAt = this.lines.length;
    this.declares = true;
  }
  fail = (what: string): never => invariant(false, what) as never;

  text(): string {
    const declared = this.declares ? [...this.names.allTensors()].map(([t]) => declaration(t, this.names)) : [];
    this.lines.splice(this.declarationsAt, 0, ...declared);
    return `${this.lines.join('\n')}\n`;
  }
}

/** `%1 = temp f32[2, 3] "name"`; views say of what, constants what is in them. */
function declaration(t: TileTensor, names: Names): string {
  const view = t.base ? ` of ${names.tensor(t.base)}` : '';
  return `${names.tensor(t)} = ${t.role} ${t.dtype}[${t.shape.join(', ')}]${view} ${quoted(t.name)}${writtenData(t)}`;
}

function writtenData(t: TileTensor): string {
  if (!t.data) return '';
  const { kind } = dtypeInfo(t.dtype);
  if (kind === 'complex' || kind === 'string' || elementCount(t.shape) > MAX_WRITTEN) return ' = data';
  const values = tensorValues(t.data).map((v: Scalar) => scalarText(computeType(t.dtype), v));
  return ` = { ${values.join(', ')} }`;
}

function written(write: (w: Writer) => void): string {
  const w = new Writer();
  write(w);
  return w.text();
}

export const printProgram = (p: TileProgram): string => written((w) => programText(w, p));
/** Equal kernels have equal text but for the name. */
export const printKernel = (k: Kernel): string => written((w) => kernelText(w, k.id, k));
export const printTaskProgram = (p: TaskProgram): string => written((w) => taskProgramText(w, p));
