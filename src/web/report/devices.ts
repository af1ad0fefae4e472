// What is known of devices, as text: why nothing compiles for one, and what was measured beside what is described.
import { type Device, lacking } from '../../devices/device.ts';

/** Why no target compiles for a device where the CPU has these features. */
export function whyUnused(device: Device, features: ReadonlySet<string>): string {
  const missing = lacking(device, features);
  if (missing.length > 0) return `this CPU lacks ${missing.join(', ')}`;
  return device.note ?? 'this CPU could run it, but has more';
}

/** What a probe measures, by name. */
function figures({ clock, latency, arithmeticPorts, loadPorts, launch, levels, peaks }: Device): [string, number][] {
  return [
    ...Object.entries({ clock, latency, arithmeticPorts, loadPorts, launch }),
    ...peaks.map((p): [string, number] => [`${p.dtype} ${p.form} Gop/s`, p.rate]),
    ...levels.flatMap((l) =>
      Object.entries({ KiB: l.bytes / 1024, 'GB/s': l.bandwidth, ns: l.latency ?? Number.NaN }).map(
        ([unit, x]): [string, number] => [`${l.name} ${unit}`, x],
      ),
    ),
  ];
}

/** What was measured beside what is described, a line per figure. */
export function figuresText(device: Device, measured: Device): string {
  const described = new Map(figures(device));
  const line = ([name, x]: [string, number]): string => {
    const was = `${described.get(name) ?? ''}`.replace('NaN', '');
    return `  ${name.padEnd(18)} ${was.padStart(10)} ${`${x}`.padStart(10)}`;
  };
  return figures(measured).map(line).join('\n');
}
