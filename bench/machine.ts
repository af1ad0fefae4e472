// What benchmarks are measured on, as their results say it: versions, and the CPU with the description that
// its features choose, because hosts in clouds hide which of a line they are. And where results are kept: in the folder
// of the project, in which npm runs its scripts, wherever the JavaScript of a benchmark lies.
import fs from 'node:fs';
import os from 'node:os';
import { cpuFeatures } from '../src/6-runtime/toolchain.ts';
import { cpuDevice } from '../src/devices/device.ts';
import { version } from '../src/version.ts';

export const MACHINE = {
  tilewright: version,
  node: process.version,
  cpu: `${os.cpus()[0].model} (${cpuDevice(cpuFeatures()).name})`,
};

/** The results of a suite. */
export const resultFile = (suite: string): string => `bench/results/${suite}.json`;

/** Keeps the results of a suite in place of its last ones. */
export const saveResult = <T extends { readonly suite: string }>(result: T): void =>
  fs.writeFileSync(resultFile(result.suite), `${JSON.stringify(result, null, 1)}\n`);
