// Tensors of 16-bit floats that sums read are stored in 32 bits. In: steps as operators emit them, and a device. Out: steps
// of the same values: what a program stores for itself is rounded as before and kept wide, inputs are copied, constants that
// are read often become wide. Stands first: sums are then like any other, and no kernel converts an element twice. What the
// device multiplies in pairs stays as it is.
import { load, round } from '../3-tile/expr.ts';
import { newTensor, owner, type TileTensor } from '../3-tile/tensor.ts';
import { pointsOf, type TileOp, type TileProgram } from '../3-tile/tile-op.ts';
import type { Device } from '../devices/device.ts';
import { deferred, elementCount, elements, floats } from '../ir/tensor.ts';
import { pairsOf } from './dot.ts';
import { over } from './transform.ts';
import { reading } from './welder/fold.ts';
import { elemRoots, loadsBelow, loadsOf, mapOps, ownEffects, walkSteps } from './welder/region.ts';

/** Elements of a sum per element of a constant from which widening it once pays. */
const MIN_REUSE = 16;

/** Tensors of 16-bit floats that operators use as such and nothing else does; inputs and constants are only read. */
function free({ steps, outputs }: TileProgram): TileTensor[] {
  const found = new Set<TileTensor>();
  const bound = new Set(outputs.map(owner));
  for (const s of walkSteps(steps)) {
    const used = s.kind === 'op' ? [...loadsOf(s).map((e) => e.arg), s.write] : [];
    for (const t of used) (owner(t).dtype === t.dtype ? found : bound).add(owner(t));
    const { reads, writes } = ownEffects(s);
    if (s.kind !== 'op') for (const t of [...reads, ...writes]) bound.add(t);
  }
  return [...found].filter((t) => !bound.has(t) && (t.dtype === 'f16' || t.dtype === 'bf16'));
}

/** The constant in f32, made when it is asked for. */
function wideConstant({ name, dtype, shape, data }: TileTensor): TileTensor {
  const make = (to: Uint8Array): void => {
    const [from, cells] = [elements(dtype, data!.bytes), floats(to)];
    for (let i = 0; i < cells.length; i++) cells[i] = from.get(i) as number;
  };
  return newTensor(name, 'f32', shape, 'constant', { data: deferred('f32', shape, make) });
}

/** Whether a sum reads elements of the constant often, or slides over them: filters have few elements. */
function pays(t: TileTensor, sums: readonly TileOp[], { widens }: Device): boolean {
  return sums.some((op) => {
    const { axes } = op.reduce!;
    if (!loadsBelow(elemRoots(op)).some((e) => owner(e.arg) === t)) return false;
    const reuse = pointsOf([...op.axes, ...axes]) / elementCount(t.shape);
    return reuse >= MIN_REUSE && (!widens || axes.length > 1);
  });
}

/** The program with wide tensors where sums read narrow ones. */
export function widened(program: TileProgram, device: Device): TileProgram {
  const sums = [...walkSteps(program.steps)].filter((s): s is TileOp => s.kind === 'op' && s.reduce !== null);
  const paired = sums.filter((op) => pairsOf(op, device));
  const narrow = new Set(paired.flatMap((op) => loadsBelow(elemRoots(op)).map((e) => owner(e.arg))));
  const summed = new Set(sums.flatMap((op) => loadsBelow(elemRoots(op)).map((e) => owner(e.arg))));
  const wide = new Map<TileTensor, TileTensor>();
  const copies: TileOp[] = [];
  for (const t of free(program).filter((t) => !narrow.has(t))) {
    if (t.data && pays(t, sums, device)) wide.set(t, wideConstant(t));
    if (t.role === 'temp') wide.set(t, newTensor(t.name, 'f32', t.shape, 'temp'));
    if (t.role !== 'input' || !summed.has(t)) continue;
    const copy = over('widen', newTensor(t.name, 'f32', t.shape, 'temp'), (at) => load(t, at));
    copies.push(copy);
    wide.set(t, copy.write);
  }
  if (wide.size === 0) return program;
  const steps = mapOps(program.steps, (given) => {
    const read = new Set(loadsOf(given).map((e) => owner(e.arg)));
    const op = [...read].reduce((o, t) => (wide.has(t) ? reading(o, t, wide.get(t)!) : o), given);
    const target = wide.get(owner(op.write));
    if (!target) return [op];
    const { dtype, shape } = op.write;
    const write = op.write.base ? newTensor(target.name, 'f32', shape, 'temp', { base: target }) : target;
    return [{ ...op, write, value: round(dtype, op.value) }];
  });
  return { ...program, steps: [...copies, ...steps] };
}
