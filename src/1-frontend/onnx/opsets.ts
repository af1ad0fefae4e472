// Domains and operator-set versions: which the compiler reads, and under which a node stands.
import { NEWEST_OPSET } from '../../ir/graph.ts';
import { printable, refuse } from '../../support/errors.ts';
import type { OperatorSetId } from './gen/onnx_pb.ts';

const OLDEST_OPSET = 1;

/** Domain with one spelling: '' and 'ai.onnx' are the same. */
export const domainName = (domain: string): string => (domain === 'ai.onnx' ? '' : domain);

/** Versions per domain; the last import of a domain counts. UNSUPPORTED_VERSION outside 1 to 28 for the default one. */
export function readOpsets(imports: readonly OperatorSetId[]): Map<string, number> {
  const opsets = new Map<string, number>();
  for (const { domain: spelled, version } of imports) {
    const domain = domainName(spelled);
    const number = Number(version);
    if (domain === '' && (number < OLDEST_OPSET || number > NEWEST_OPSET)) {
      const hint = `Export the model with an operator set from ${OLDEST_OPSET} to ${NEWEST_OPSET}.`;
      refuse('UNSUPPORTED_VERSION', `operator set ${version} is not supported`, { field: 'opset_import' }, hint);
    }
    opsets.set(domain, number);
  }
  return opsets;
}

/** Imports that hold at one place: those of a function before those of the model. */
export type Opsets = readonly ReadonlyMap<string, number>[];

/** The version under which a node of this domain stands; INVALID_MODEL when it is not imported. */
export function versionOf(opsets: Opsets, domain: string): number {
  const version = opsets.find((imports) => imports.has(domain))?.get(domain);
  const spelled = printable(domain || 'ai.onnx');
  return version ?? refuse('INVALID_MODEL', `the model does not import the operator domain "${spelled}"`);
}
