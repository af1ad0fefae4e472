// The version that artifacts, caches and `--version` carry.
export const version = '0.1.0';
