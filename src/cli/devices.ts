// `tilewright devices`: the targets of this machine, what they would use, and why one cannot be used.
import { Command } from 'commander';
import { cpuFeatures, findToolchain } from '../6-runtime/toolchain.ts';
import { cpuDevice, type Device, webAssemblyDevice } from '../devices/device.ts';
import { TilewrightError } from '../support/errors.ts';

interface TargetReport {
  readonly target: string;
  readonly usable: boolean;
  readonly device: string;
  readonly detail: string;
}

const describe = (d: Device): string =>
  `${d.name}: ${d.vectorBytes * 8}-bit vectors, ${d.vectorRegisters} registers${d.fma ? ', fused multiply-add' : ''}`;

function nativeReport(): TargetReport {
  try {
    const cc = findToolchain();
    return {
      target: 'c',
      usable: true,
      device: describe(cpuDevice(cpuFeatures())),
      detail: `${cc.path} ${cc.version}`,
    };
  } catch (error) {
    if (!(error instanceof TilewrightError)) throw error;
    return { target: 'c', usable: false, device: '', detail: error.message.replaceAll('\n', ' ') };
  }
}

export function deviceReports(): readonly TargetReport[] {
  return [
    { target: 'wasm', usable: true, device: describe(webAssemblyDevice()), detail: `V8 ${process.versions.v8}` },
    nativeReport(),
    { target: 'interpreter', usable: true, device: 'plain loops', detail: 'the reference for numbers; slow' },
  ];
}

export function devicesCommand(): Command {
  return new Command('devices')
    .description('targets of this machine and what they use')
    .option('--json', 'print as JSON')
    .action((options: { json?: boolean }) => {
      const reports = deviceReports();
      if (options.json) console.log(JSON.stringify(reports, null, 2));
      else
        for (const r of reports)
          console.log(`${r.target.padEnd(12)} ${r.usable ? 'usable' : 'NOT USABLE'}  ${r.device}  (${r.detail})`);
    });
}
