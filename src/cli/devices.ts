// `tilewright devices`: the targets of this machine and what they compile for, the other known devices and why none of
// them does, and with --probe what was measured beside what is described.
import { Command } from 'commander';
import { cpuFeatures, findToolchain } from '../6-runtime/toolchain.ts';
import { NODE_TARGETS, nodeBackend, probedBackend } from '../backends/node.ts';
import { DEVICES, type Device, namedDevice } from '../devices/device.ts';
import { TilewrightError } from '../support/errors.ts';
import { figuresText, whyUnused } from '../web/report/devices.ts';
import { usage } from './options.ts';

/** The description that a user names. */
export const describedDevice = (name: string): Device =>
  namedDevice(name) ?? usage(`no device ${name} is described`, `Use one of ${DEVICES.map((d) => d.name).join(', ')}.`);

type TargetReport = Readonly<{ target: string; usable: boolean; detail: string; device?: Device; measured?: Device }>;

const DETAILS: Readonly<Record<string, () => string>> = {
  wasm: () => `V8 ${process.versions.v8}`,
  c: () => `${findToolchain().path} ${findToolchain().version}`,
  interpreter: () => 'plain loops: slow, the reference for numbers',
};

async function targetReport(target: string, probe: boolean): Promise<TargetReport> {
  try {
    const backend = await nodeBackend(target);
    const report = { target, usable: true, detail: DETAILS[target]() };
    const device = backend.machine?.device;
    if (!device || !probe) return device ? { ...report, device } : report;
    const { machine } = await probedBackend(backend, true);
    return { ...report, device, measured: machine!.device };
  } catch (error) {
    if (!(error instanceof TilewrightError)) throw error;
    return { target, usable: false, detail: error.message.replaceAll('\n', ' ') };
  }
}

export function devicesCommand(): Command {
  return new Command('devices')
    .description('targets of this machine and what they compile for; other devices, and why not for them')
    .option('--probe', 'measure this machine, keep the figures, and show them beside the described ones')
    .option('--json', 'print as JSON')
    .action(async ({ probe = false, json }: { probe?: boolean; json?: boolean }) => {
      const targets: TargetReport[] = [];
      for (const target of NODE_TARGETS) targets.push(await targetReport(target, probe));
      const unused = DEVICES.filter((d) => targets.every((t) => t.device !== d));
      const others = unused.map((device) => ({ name: device.name, why: whyUnused(device, cpuFeatures()), device }));
      if (json) return console.log(JSON.stringify({ targets, others }));
      for (const { target, usable, detail, device, measured } of targets) {
        console.log(`${target.padEnd(12)} ${usable ? 'usable' : 'NOT USABLE'}  ${device?.name ?? ''}  (${detail})`);
        if (device && measured) console.log(figuresText(device, measured));
      }
      console.log('\nknown devices that no target compiles for here:');
      for (const { name, why } of others) console.log(`  ${name.padEnd(18)} ${why}`);
    });
}
