// The networks that `npm run bench:models` builds, by name, made when asked for: some weigh megabytes.
import { attention } from './attention.ts';
import { half } from './half.ts';
import type { Network } from './layers.ts';
import { llamaDecode, llamaPrefill } from './llama.ts';
import { invertedResiduals, mobileNetV2 } from './mobilenet.ts';
import { mobileVit } from './mobilevit.ts';
import { nerf } from './nerf.ts';
import { quantised } from './quantised.ts';
import { convNextTiny, resnet18 } from './resnet.ts';
import { swinTiny } from './swin.ts';
import { bertLayers, visionTransformer } from './transformer.ts';
import { unet } from './unet.ts';

export type { Network } from './layers.ts';

export type Group = 'built' | 'attention' | 'half' | 'int8';

const BUILT: Readonly<Record<string, () => Network>> = {
  'mobilenet-v2-224': mobileNetV2,
  'resnet18-224': resnet18,
  'convnext-tiny-224': convNextTiny,
  'mobilevit-s-256': mobileVit,
  'inverted-residuals': invertedResiduals,
  'bert-base-2x128': bertLayers,
  'vit-s32-224': visionTransformer,
  'swin-tiny-224': swinTiny,
  'nerf-4096': nerf,
  'unet-256': unet,
  'llama-prefill-512': llamaPrefill,
  'llama-decode-512': llamaDecode,
};

const ATTENTION = Object.fromEntries([1024, 2048, 4096].map((n) => [`attention-${n}`, () => attention(n)]));

const COMPRESSED = { 'mobilenet-v2-224': mobileNetV2, 'resnet18-224': resnet18, 'bert-base-2x128': bertLayers };
const through = (change: (make: typeof resnet18) => Network): Readonly<Record<string, () => Network>> =>
  Object.fromEntries(Object.entries(COMPRESSED).map(([name, make]) => [name, () => change(make as typeof resnet18)]));

export const NETWORKS: Readonly<Record<Group, Readonly<Record<string, () => Network>>>> = {
  built: BUILT,
  attention: ATTENTION,
  half: through(half),
  int8: through(quantised),
};
