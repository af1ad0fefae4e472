// The layers of a small convolutional network, forwards and backwards, one picture at a time, in
// plain loops. Activations are channel-first Float32Arrays; gradients of weights add up until the
// optimiser (Adam) takes a step.
import type { Random } from './draw.ts';

/** Weights and what one optimiser step needs to know about them. */
export interface Parameter {
  readonly shape: readonly number[];
  readonly value: Float32Array;
  readonly gradient: Float32Array;
  readonly mean: Float32Array;
  readonly square: Float32Array;
}

export interface Layer {
  readonly parameters: readonly Parameter[];
  forward(x: Float32Array): Float32Array;
  /** In: gradient of the loss by the last output. Out: gradient by the last input. */
  backward(dy: Float32Array): Float32Array;
}

/** Weights drawn from a normal distribution of this deviation (0 gives zeros). */
function parameter(shape: readonly number[], deviation: number, random: Random): Parameter {
  const size = shape.reduce((a, b) => a * b, 1);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const zeros = (): Float32Array => new Float32Array(size);
  const value = deviation === 0 ? zeros() : zeros().map(() => normal() * deviation);
  return { shape, value, gradient: zeros(), mean: zeros(), square: zeros() };
}

/** 3×3 convolution, stride 1, zero padding 1, on `side`×`side` maps. Weights [out, in, 3, 3]. */
export function convolution(inputs: number, outputs: number, side: number, random: Random): Layer {
  const weight = parameter([outputs, inputs, 3, 3], Math.sqrt(2 / (9 * inputs)), random);
  const bias = parameter([outputs], 0, random);
  const wide = side + 2;
  const padded = new Float32Array(inputs * wide * wide);
  const y = new Float32Array(outputs * side * side);

  /** Calls `row` for every pair of an output row and the input row that one weight joins. */
  function eachRow(o: number, row: (weightAt: number, outAt: number, inAt: number) => void): void {
    for (let k = 0; k < inputs * 9; k++) {
      const channel = Math.floor(k / 9) * wide * wide;
      const shift = Math.floor((k % 9) / 3) * wide + (k % 3);
      for (let r = 0; r < side; r++) {
        row(o * inputs * 9 + k, (o * side + r) * side, channel + shift + r * wide);
      }
    }
  }

  function forward(x: Float32Array): Float32Array {
    for (let r = 0; r < inputs * side; r++) {
      const row = (Math.floor(r / side) * wide + (r % side) + 1) * wide + 1;
      padded.set(x.subarray(r * side, (r + 1) * side), row);
    }
    for (let o = 0; o < outputs; o++) {
      y.fill(bias.value[o], o * side * side, (o + 1) * side * side);
      eachRow(o, (w, out, from) => {
        const factor = weight.value[w];
        for (let i = 0; i < side; i++) y[out + i] += factor * padded[from + i];
      });
    }
    return y;
  }

  function backward(dy: Float32Array): Float32Array {
    const dPadded = new Float32Array(padded.length);
    for (let o = 0; o < outputs; o++) {
      for (let i = o * side * side; i < (o + 1) * side * side; i++) bias.gradient[o] += dy[i];
      eachRow(o, (w, out, from) => {
        const factor = weight.value[w];
        let sum = 0;
        for (let i = 0; i < side; i++) {
          sum += dy[out + i] * padded[from + i];
          dPadded[from + i] += factor * dy[out + i];
        }
        weight.gradient[w] += sum;
      });
    }
    const dx = new Float32Array(inputs * side * side);
    for (let r = 0; r < inputs * side; r++) {
      const row = (Math.floor(r / side) * wide + (r % side) + 1) * wide + 1;
      dx.set(dPadded.subarray(row, row + side), r * side);
    }
    return dx;
  }

  return { parameters: [weight, bias], forward, backward };
}

/** max(x, 0). */
export function relu(): Layer {
  let y = new Float32Array(0);
  return {
    parameters: [],
    forward: (x) => (y = x.map((v) => Math.max(v, 0))),
    backward: (dy) => dy.map((v, i) => (y[i] > 0 ? v : 0)),
  };
}

/** The largest of each 2×2 square of `channels` maps of `side`×`side`. */
export function maxPool(channels: number, side: number): Layer {
  const half = side / 2;
  const chosen = new Int32Array(channels * half * half);
  return {
    parameters: [],
    forward: (x) =>
      new Float32Array(chosen.length).map((_, i) => {
        const corner = Math.floor(i / half) * 2 * side + (i % half) * 2;
        let best = corner;
        for (const at of [corner + 1, corner + side, corner + side + 1]) {
          if (x[at] > x[best]) best = at;
        }
        chosen[i] = best;
        return x[best];
      }),
    backward: (dy) => {
      const dx = new Float32Array(channels * side * side);
      for (let i = 0; i < dy.length; i++) dx[chosen[i]] = dy[i];
      return dx;
    },
  };
}

/** weight · x + bias. Weights [outputs, inputs]. */
export function dense(inputs: number, outputs: number, random: Random): Layer {
  const weight = parameter([outputs, inputs], Math.sqrt(2 / inputs), random);
  const bias = parameter([outputs], 0, random);
  let last = new Float32Array(0);
  return {
    parameters: [weight, bias],
    forward: (x) => {
      last = Float32Array.from(x);
      return bias.value.map((b, o) => {
        let sum = b;
        for (let i = 0; i < inputs; i++) sum += weight.value[o * inputs + i] * x[i];
        return sum;
      });
    },
    backward: (dy) => {
      const dx = new Float32Array(inputs);
      for (let o = 0; o < outputs; o++) {
        bias.gradient[o] += dy[o];
        for (let i = 0; i < inputs; i++) {
          weight.gradient[o * inputs + i] += dy[o] * last[i];
          dx[i] += dy[o] * weight.value[o * inputs + i];
        }
      }
      return dx;
    },
  };
}

export function softmax(x: Float32Array): Float32Array {
  const top = Math.max(...x);
  const powers = x.map((v) => Math.exp(v - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((p) => p / sum);
}

/** Adam: moves the weights by the mean gradient of a batch and clears the gradients. */
export function adamStep(parameters: readonly Parameter[], batch: number, step: number, rate: number): void {
  const [keepMean, keepSquare] = [0.9, 0.999];
  const scale = (rate * Math.sqrt(1 - keepSquare ** step)) / (1 - keepMean ** step);
  for (const { value, gradient, mean, square } of parameters) {
    for (let i = 0; i < value.length; i++) {
      const g = gradient[i] / batch;
      mean[i] = keepMean * mean[i] + (1 - keepMean) * g;
      square[i] = keepSquare * square[i] + (1 - keepSquare) * g * g;
      value[i] -= (scale * mean[i]) / (Math.sqrt(square[i]) + 1e-8);
      gradient[i] = 0;
    }
  }
}
