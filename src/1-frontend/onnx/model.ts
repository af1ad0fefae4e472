// ModelProto bytes → Model: versions, functions and the main graph.
import type { FunctionDef, Model, Upgrade } from '../../ir/graph.ts';
import { checkLimit, limitsWith } from '../../ir/limits.ts';
import { refuse, withPlace } from '../../support/errors.ts';
import { type Function as FunctionProto, type Model as ModelProto, ModelSchema } from './gen/onnx_pb.ts';
import { functionName, GraphImporter } from './graph.ts';
import { domainName, type Opsets, readOpsets } from './opsets.ts';
import { checkNoRecursion, namesReadAnywhere } from './order.ts';
import { type ReadOptions, TensorReader } from './tensor.ts';
import { decodeMessage } from './wire.ts';

const OLDEST_IR = 3;
const NEWEST_IR = 13;
/** First IR version in which an initialised input may be overridden by the caller. */
const DEFAULTS_IR = 4;

function irVersion({ irVersion: version }: ModelProto): number {
  const place = { field: 'ir_version' };
  if (version === undefined) {
    return refuse('INVALID_MODEL', 'the file has no ir_version', place, 'It is probably not an ONNX model.');
  }
  if (version >= OLDEST_IR && version <= NEWEST_IR) return Number(version);
  const hint = `Save the model with an IR version from ${OLDEST_IR} to ${NEWEST_IR}.`;
  return refuse('UNSUPPORTED_VERSION', `IR version ${version} is not supported`, place, hint);
}

const functionKey = (proto: FunctionProto): string =>
  `${domainName(proto.domain)}\u0000${functionName(proto.name, proto.overload)}`;

function readFunctions(protos: readonly FunctionProto[], opsets: Opsets[number], importer: GraphImporter) {
  const functions = new Map<string, FunctionDef>();
  for (const proto of protos) {
    withPlace({ op: proto.name }, () => {
      const key = functionKey(proto);
      if (proto.name === '') refuse('INVALID_MODEL', 'a function has no name', { field: 'functions.name' });
      if (functions.has(key)) refuse('INVALID_MODEL', 'the function is defined twice');
      functions.set(key, importer.function(proto, [readOpsets(proto.opsetImport), opsets]));
    });
  }
  checkNoRecursion(functions);
  return functions;
}

/**
 * Reads a ModelProto, with every node as `upgrade` gives it. Constants are views into `bytes` where the encoding allows,
 * at any byte offset. Throws TilewrightError: INVALID_MODEL, UNSUPPORTED_*, LIMIT_EXCEEDED or EXTERNAL_DATA.
 */
export function importModel(bytes: Uint8Array, upgrade: Upgrade, options: ReadOptions = {}): Model {
  const limits = limitsWith(options.limits);
  const proto = decodeMessage(ModelSchema, bytes, limits);
  const version = irVersion(proto);
  const main = proto.graph ?? refuse('INVALID_MODEL', 'the model has no graph', { field: 'graph' });
  const opsets = readOpsets(proto.opsetImport);
  if (opsets.size === 0) refuse('INVALID_MODEL', 'the model imports no operator set', { field: 'opset_import' });
  checkLimit(limits, 'functionCalls', proto.functions.length);
  let names: ReadonlySet<string> | undefined;
  const importer = new GraphImporter({
    tensors: new TensorReader(limits, options.files),
    upgrade,
    functions: new Set(proto.functions.map(functionKey)),
    isRead: (name) => (names ??= namesReadAnywhere(proto)).has(name),
  });
  const functions = readFunctions(proto.functions, opsets, importer);
  const graph = withPlace({ field: 'graph' }, () => importer.graph(main, [opsets], version < DEFAULTS_IR));
  const metadata = new Map(proto.metadataProps.map((p) => [p.key, p.value]));
  const producer = [proto.producerName, proto.producerVersion].filter((s) => s !== '').join(' ');
  return { graph, irVersion: version, opsets, producer, functions, metadata };
}
