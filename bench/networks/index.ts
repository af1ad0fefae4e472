// The networks that `npm run bench:models` builds, by name, made when asked for: some weigh megabytes.
import { attention } from './attention.ts';
import type { Network } from './layers.ts';
import { llamaDecode, llamaPrefill } from './llama.ts';
import { invertedResiduals, mobileNetV2 } from './mobilenet.ts';
import { nerf } from './nerf.ts';
import { bertLayers, visionTransformer } from './transformer.ts';
import { unet } from './unet.ts';

export type { Network } from './layers.ts';

export type Group = 'built' | 'attention';

const BUILT: Readonly<Record<string, () => Network>> = {
  'mobilenet-v2-224': mobileNetV2,
  'inverted-residuals': invertedResiduals,
  'bert-base-2x128': bertLayers,
  'vit-s32-224': visionTransformer,
  'nerf-4096': nerf,
  'unet-256': unet,
  'llama-prefill-512': llamaPrefill,
  'llama-decode-512': llamaDecode,
};

const ATTENTION = Object.fromEntries([1024, 2048, 4096].map((n) => [`attention-${n}`, () => attention(n)]));

export const NETWORKS: Readonly<Record<Group, Readonly<Record<string, () => Network>>>> = {
  built: BUILT,
  attention: ATTENTION,
};
