// The default entry point: what Node programs import as `tilewright`. Bundlers for browsers take web/ through the
// package's `browser` condition.
export * from './node.ts';
