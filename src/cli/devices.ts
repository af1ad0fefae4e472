// `tilewright devices`: the targets of this machine, what they would use, and why one cannot be used.
import { Command } from 'commander';
import { cpuFeatures, findToolchain } from '../6-runtime/toolchain.ts';
import { nodeBackend } from '../backends/node.ts';
import { cpuDevice, type Device } from '../devices/device.ts';
import { TilewrightError } from '../support/errors.ts';

type TargetReport = Readonly<{ target: string; usable: boolean; device: string; detail: string }>;

const describe = (d: Device): string =>
  `${d.name}: ${d.vectorBytes * 8}-bit vectors, ${d.vectorRegisters} registers${d.fma === 'none' ? '' : ', fused multiply-add'}`;

function nativeReport(): TargetReport {
  try {
    const { path, version } = findToolchain();
    return { target: 'c', usable: true, device: describe(cpuDevice(cpuFeatures())), detail: `${path} ${version}` };
  } catch (error) {
    if (!(error instanceof TilewrightError)) throw error;
    return { target: 'c', usable: false, device: '', detail: error.message.replaceAll('\n', ' ') };
  }
}

export function devicesCommand(): Command {
  return new Command('devices')
    .description('targets of this machine and what they use')
    .option('--json', 'print as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { machine } = await nodeBackend('wasm');
      const wasm = { target: 'wasm', usable: true, device: describe(machine!.device) };
      const plain = { target: 'interpreter', usable: true, device: 'plain loops' };
      const reports: readonly TargetReport[] = [
        { ...wasm, detail: `V8 ${process.versions.v8}` },
        nativeReport(),
        { ...plain, detail: 'the reference for numbers; slow' },
      ];
      if (json) return console.log(JSON.stringify(reports));
      for (const { target, usable, device, detail } of reports) {
        console.log(`${target.padEnd(12)} ${usable ? 'usable' : 'NOT USABLE'}  ${device}  (${detail})`);
      }
    });
}
