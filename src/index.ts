// The default entry point: what Node programs import as `tilewright`. Bundlers for browsers take browser.ts through the
// package's `browser` condition.
export * from './node.ts';
