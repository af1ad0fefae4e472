// ModelProto bytes → Model: versions, functions and the main graph.
import type { FunctionDef, Graph, Model } from '../../ir/graph.ts';
import { checkLimit, type ModelLimits } from '../../ir/limits.ts';
import { isKnown, TilewrightError, withPlace } from '../../support/errors.ts';
import type { FileSource } from './files.ts';
import { checkNoRecursion } from './functions.ts';
import { type Function as FunctionProto, type Model as ModelProto, ModelSchema } from './gen/onnx_pb.ts';
import { functionName, GraphImporter } from './graph.ts';
import { domainName, readOpsets } from './opsets.ts';
import { namesReadAnywhere } from './order.ts';
import { TensorReader } from './tensor.ts';
import { decodeMessage } from './wire.ts';

const OLDEST_IR = 3;
const NEWEST_IR = 13;
/** First IR version in which an initialised input may be overridden by the caller. */
const DEFAULTS_IR = 4;

function irVersion(proto: ModelProto): number {
  const { irVersion: version } = proto;
  if (version === undefined) {
    throw new TilewrightError(
      'INVALID_MODEL',
      'the file has no ir_version',
      { field: 'ir_version' },
      'It is probably not an ONNX model.',
    );
  }
  if (version < OLDEST_IR || version > NEWEST_IR) {
    throw new TilewrightError(
      'UNSUPPORTED_VERSION',
      `IR version ${version} is not supported`,
      { field: 'ir_version' },
      `Save the model with an IR version from ${OLDEST_IR} to ${NEWEST_IR}.`,
    );
  }
  return Number(version);
}

/** Refusals that name nothing, because the model gives no names, at least say that it is the graph. */
function importMainGraph(run: () => Graph): Graph {
  try {
    return run();
  } catch (error) {
    const bare = error instanceof TilewrightError && !isKnown(error.place);
    throw bare ? error.at({ field: 'graph' }) : error;
  }
}

function functionKey(proto: FunctionProto): string {
  return `${domainName(proto.domain)}\u0000${functionName(proto.name, proto.overload)}`;
}

function readFunctions(
  protos: readonly FunctionProto[],
  opsets: ReadonlyMap<string, number>,
  importer: GraphImporter,
): Map<string, FunctionDef> {
  const functions = new Map<string, FunctionDef>();
  for (const proto of protos) {
    withPlace({ op: proto.name }, () => {
      const name = functionName(proto.name, proto.overload);
      const key = functionKey(proto);
      if (proto.name === '')
        throw new TilewrightError('INVALID_MODEL', 'a function has no name', { field: 'functions.name' });
      if (functions.has(key)) {
        throw new TilewrightError('INVALID_MODEL', 'the function is defined twice');
      }
      const own = [readOpsets(proto.opsetImport), opsets];
      functions.set(key, { ...importer.function(proto, own), name });
    });
  }
  checkNoRecursion(functions);
  return functions;
}

/**
 * Imports a model. Constants are views into `bytes` where the encoding allows. Throws TilewrightError: INVALID_MODEL,
 * UNSUPPORTED_*, LIMIT_EXCEEDED or EXTERNAL_DATA.
 */
export function importModel(bytes: Uint8Array, limits: ModelLimits, files?: FileSource): Model {
  const proto = decodeMessage(ModelSchema, bytes, limits);
  const version = irVersion(proto);
  const main = proto.graph;
  if (!main) {
    throw new TilewrightError('INVALID_MODEL', 'the model has no graph', { field: 'graph' });
  }
  const opsets = readOpsets(proto.opsetImport);
  if (opsets.size === 0) {
    throw new TilewrightError('INVALID_MODEL', 'the model imports no operator set', { field: 'opset_import' });
  }
  checkLimit(limits, 'functionCalls', proto.functions.length);
  let names: ReadonlySet<string> | undefined;
  const importer = new GraphImporter(new TensorReader(limits, files), {
    functions: new Set(proto.functions.map(functionKey)),
    isRead: (name) => (names ??= namesReadAnywhere(proto)).has(name),
  });
  const functions = readFunctions(proto.functions, opsets, importer);
  const graph = importMainGraph(() => importer.graph(main, [opsets], version < DEFAULTS_IR));
  const metadata = new Map(proto.metadataProps.map((p) => [p.key, p.value]));
  const producer = [proto.producerName, proto.producerVersion].filter((s) => s !== '').join(' ');
  return { graph, irVersion: version, opsets, producer, functions, metadata };
}
