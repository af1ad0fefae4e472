// Large pages for memory that nobody has touched yet, on Linux: pages of 4 KiB cost a fault each, and the CPU keeps few
// translations of them. Its own file because weights are read, and programs get memory, in different stages; Node only.
import { createRequire } from 'node:module';

/** Bytes from which weights that stream past meet more small pages than a CPU keeps translations of. */
export const MANY_PAGES = 4 * 2 ** 20;
const PAGE = 4096;
/** MADV_HUGEPAGE of Linux. */
const HUGE_PAGES = 14;

type Advise = (bytes: Uint8Array) => unknown;
let advise: Advise | undefined;

function adviser(): Advise {
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi')['default'];
    const madvise = koffi.load(null).func('int madvise(uintptr_t, size_t, int)');
    return (bytes) => {
      const address = koffi.address(bytes);
      const skipped = -address & BigInt(PAGE - 1);
      madvise(address + skipped, bytes.length - Number(skipped), HUGE_PAGES);
    };
  } catch {
    return () => undefined;
  }
}

/** Asks for large pages; without them, or without a way to ask, all works the same, only slower. */
export function inLargePages(bytes: Uint8Array): void {
  if (process.platform !== 'linux' || bytes.length < MANY_PAGES) return;
  advise ??= adviser();
  advise(bytes);
}
