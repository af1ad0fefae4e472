// Which values a loop should receive ready-made: the largest ones that no iteration changes. In: the
// lowered body of a loop. Out: values to compute before it, in order of first use. A value that reads
// memory leaves the loop only from where it is surely computed.
import { type Effects, effectsOf, type LowFor, type LowStmt, type LowWhile } from './low.ts';
import { isConstant, type Value } from './value.ts';

interface Root {
  readonly value: Value;
  /** Computed whenever the loop is entered. */
  readonly certain: boolean;
}

/** The values that statements compute, nested ones included. */
function rootsOf(loop: LowFor | LowWhile): Root[] {
  const roots: Root[] = [];
  const visit = (s: LowStmt, certain: boolean): void => {
    const add = (...values: Value[]): void => {
      for (const value of values) roots.push({ value, certain });
    };
    switch (s.kind) {
      case 'set': {
        add(s.value);
        return;
      }
      case 'store': {
        add(s.address, s.value);
        return;
      }
      case 'if': {
        add(s.cond);
        for (const inner of [...s.holds, ...s.otherwise]) visit(inner, false);
        return;
      }
      case 'while': {
        add(s.cond);
        for (const inner of s.body) visit(inner, false);
        return;
      }
      case 'for': {
        add(s.from, s.to);
        for (const inner of s.body) visit(inner, certain && s.runs);
      }
    }
  };
  if (loop.kind === 'while') roots.push({ value: loop.cond, certain: true });
  const enters = loop.kind === 'for' && loop.runs;
  for (const s of loop.body) visit(s, enters);
  return roots;
}

class Invariance {
  private readonly effects: Effects;
  private readonly memo = new Map<Value, boolean>();

  constructor(effects: Effects) {
    this.effects = effects;
  }

  holds(root: Value): boolean {
    const stack = [root];
    while (stack.length > 0) {
      const x = stack[stack.length - 1];
      const pending = this.memo.has(x) ? [] : x.src.filter((s) => !this.memo.has(s));
      if (pending.length > 0) stack.push(...pending);
      else {
        stack.pop();
        this.memo.set(x, !this.changes(x) && x.src.every((s) => this.memo.get(s)));
      }
    }
    return this.memo.get(root)!;
  }

  private changes(x: Value): boolean {
    if (x.variable) return this.effects.variables.has(x.variable);
    return x.memory !== null && this.effects.memory.has(x.memory);
  }
}

/** Values worth a local across the loop; `known` are those that enclosing loops hold already. */
export function hoistable(loop: LowFor | LowWhile, known: ReadonlyMap<Value, number>): Value[] {
  const effects = effectsOf([loop]);
  const invariance = new Invariance(effects);
  const found = new Set<Value>();
  const seen = { certain: new Set<Value>(), uncertain: new Set<Value>() };
  for (const root of rootsOf(loop)) {
    const visited = root.certain ? seen.certain : seen.uncertain;
    const stack = [root.value];
    for (let x = stack.pop(); x; x = stack.pop()) {
      if (visited.has(x) || known.has(x) || x.variable || isConstant(x)) continue;
      visited.add(x);
      if (invariance.holds(x) && (root.certain || !x.loads)) found.add(x);
      else stack.push(...[...x.src].reverse());
    }
  }
  return [...found];
}
