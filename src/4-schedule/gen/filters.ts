// Generated: run `npx tsx scripts/winograd.ts` to write it again; do not edit. F(m×m, 3×3): from a tile d and a
// window g to m×m results. Both sides of d are multiplied by the matrices of `input`, first to last, both sides
// of g by `window`; both sides of their element-wise product, summed over channels, by those of `output`.

export type Matrix = readonly (readonly number[])[];
export type Chain = readonly Matrix[];
export type Filter = Readonly<{ m: number; input: Chain; window: Matrix; output: Chain }>;

export const FILTERS: readonly Filter[] = [
  {
    m: 2,
    input: [
      [[-1, 0, 1, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, -1, 0, 1]],
      [[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, -1, 0], [0, 0, 0, 1]],
    ],
    window: [[-1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]],
    output: [
      [[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, -1, 0], [0, 0, 0, 1]],
      [[1, 1, 0, 0], [0, 0, 1, 1]],
    ],
  },
  {
    m: 4,
    input: [
      [[0.87890625, 0, -2.640625, 0, 1, 0], [0, 0, -2.25, 0, 1, 0], [0, -1.40625, 0, 0.625, 0, 0], [0, 0, -0.390625, 0, 1, 0], [0, -0.5859375, 0, 1.5, 0, 0], [0, 0.87890625, 0, -2.640625, 0, 1]],
      [[1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0, 1, -1, 0, 0, 0], [0, 0, 0, 1, 1, 0], [0, 0, 0, 1, -1, 0], [0, 0, 0, 0, 0, 1]],
    ],
    window: [[1.1377777777777778, 0, 0], [-0.6884033613445378, -0.43025210084033616, -0.2689075630252101], [-0.6884033613445378, 0.43025210084033616, -0.2689075630252101], [0.11951447245564893, 0.1792717086834734, 0.2689075630252101], [0.11951447245564893, -0.1792717086834734, 0.2689075630252101], [0, 0, 1]],
    output: [
      [[1, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0, 1, -1, 0, 0, 0], [0, 0, 0, 1, 1, 0], [0, 0, 0, 1, -1, 0], [0, 0, 0, 0, 0, 1]],
      [[1, 1, 0, 1, 0, 0], [0, 0, 0.625, 0, 1.5, 0], [0, 0.390625, 0, 2.25, 0, 0], [0, 0, 0.244140625, 0, 3.375, 1]],
    ],
  },
];
