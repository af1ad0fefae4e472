// Identifiers of the C target: however many loops and locals a kernel has, none is called as a type is.
import { expect, it } from 'vitest';
import { add, index, localExpr, mul, newLocal } from '../../src/3-tile/expr.ts';
import { newTensor } from '../../src/3-tile/tensor.ts';
import type { Stmt } from '../../src/3-tile/tile-op.ts';
import { tensorValues } from '../../src/ir/tensor.ts';
import { call, kernel, noCompiler, programOf, runOnce } from './harness.ts';

const LOOPS = 70;
const missing = noCompiler();

it.skipIf(missing)(`runs a kernel of ${LOOPS} loops${missing ? ' (skipped: no C compiler)' : ''}`, async () => {
  const out = newTensor('out', 'i32', [2 * LOOPS], 'output');
  const body = Array.from({ length: LOOPS }, (_, k): Stmt => {
    const [i, twice] = [newLocal('i', 'i32'), newLocal('twice', 'i32')];
    const set: Stmt = { kind: 'set', local: twice, value: mul(localExpr(i), index(2)) };
    const at = [add(localExpr(i), index(2 * k))];
    const store: Stmt = { kind: 'store', tensor: out, at, value: add(localExpr(twice), index(k)) };
    return { kind: 'for', index: i, from: index(0), to: index(2), step: 1, body: [set, store] };
  });
  const [result] = await runOnce(programOf([call(kernel([out], body))], [], [out]), []);
  expect(tensorValues(result)).toEqual(Array.from({ length: LOOPS }, (_, k) => [k, k + 2]).flat());
});
