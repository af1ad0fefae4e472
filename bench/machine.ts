// What benchmarks are measured on, as their results say it: versions, and the CPU with the description that
// its features choose, because hosts in clouds hide which of a line they are.
import os from 'node:os';
import { cpuFeatures } from '../src/6-runtime/toolchain.ts';
import { cpuDevice } from '../src/devices/device.ts';
import { version } from '../src/version.ts';

export const MACHINE = {
  tilewright: version,
  node: process.version,
  cpu: `${os.cpus()[0].model} (${cpuDevice(cpuFeatures()).name})`,
};
