// The networks that `npm run bench:models` builds, by name, made when asked for: some weigh megabytes.
import type { Network } from './layers.ts';
import { llamaDecode, llamaPrefill } from './llama.ts';
import { invertedResiduals, mobileNetV2 } from './mobilenet.ts';
import { nerf } from './nerf.ts';
import { bertLayers, visionTransformer } from './transformer.ts';
import { unet } from './unet.ts';

export type { Network } from './layers.ts';

export const NETWORKS: ReadonlyMap<string, () => Network> = new Map<string, () => Network>([
  ['mobilenet-v2-224', mobileNetV2],
  ['inverted-residuals', invertedResiduals],
  ['bert-base-2x128', bertLayers],
  ['vit-s32-224', visionTransformer],
  ['nerf-4096', nerf],
  ['unet-256', unet],
  ['llama-prefill-512', llamaPrefill],
  ['llama-decode-512', llamaDecode],
]);
