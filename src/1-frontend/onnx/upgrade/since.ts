// In which operator set of the default domain each operator first stands, and in which some end. A
// model that uses one outside its time is refused: its meaning there is nobody's definition.

/** First operator set → operators. */
const FIRST: Readonly<Record<number, string>> = {
  1:
    'Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat ' +
    'Constant Conv ConvTranspose DepthToSpace Div Dropout Elu Equal Exp Flatten Floor GRU ' +
    'Gather Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool Greater HardSigmoid Hardmax ' +
    'Identity If InstanceNormalization LRN LSTM LeakyRelu Less Log LogSoftmax Loop ' +
    'LpNormalization LpPool MatMul Max MaxPool MaxRoiPool Mean Min Mul Neg Not Or PRelu Pad ' +
    'Pow RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike Reciprocal ' +
    'ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ' +
    'ReduceProd ReduceSum ReduceSumSquare Relu Reshape Selu Shape Sigmoid Size Slice ' +
    'Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Tanh Tile TopK ' +
    'Transpose Unsqueeze Upsample Xor',
  7: 'Acos Asin Atan Cos Multinomial Sin Tan',
  8: 'Expand Scan',
  9:
    'Acosh Asinh Atanh Compress ConstantOfShape Cosh Erf EyeLike IsNaN MaxUnpool ' +
    'MeanVarianceNormalization NonZero OneHot Scatter Shrink Sign Sinh TfIdfVectorizer ' +
    'Where',
  10:
    'ConvInteger DequantizeLinear IsInf MatMulInteger Mod NonMaxSuppression QLinearConv ' +
    'QLinearMatMul QuantizeLinear Resize ReverseSequence RoiAlign StringNormalizer ' +
    'ThresholdedRelu',
  11:
    'BitShift ConcatFromSequence CumSum Det DynamicQuantizeLinear GatherElements GatherND ' +
    'Range Round ScatterElements ScatterND SequenceAt SequenceConstruct SequenceEmpty ' +
    'SequenceErase SequenceInsert SequenceLength SplitToSequence Unique',
  12:
    'Celu Einsum GreaterOrEqual LessOrEqual NegativeLogLikelihoodLoss ' +
    'SoftmaxCrossEntropyLoss',
  14: 'HardSwish Trilu',
  15: 'Bernoulli CastLike Optional OptionalGetElement OptionalHasElement',
  16: 'GridSample',
  17:
    'BlackmanWindow DFT HammingWindow HannWindow LayerNormalization MelWeightMatrix STFT ' +
    'SequenceMap',
  18:
    'BitwiseAnd BitwiseNot BitwiseOr BitwiseXor CenterCropPad Col2Im GroupNormalization ' +
    'Mish',
  19: 'DeformConv',
  20: 'AffineGrid Gelu ImageDecoder RegexFullMatch StringConcat StringSplit',
  23: 'Attention RMSNormalization RotaryEmbedding',
  24: 'Swish TensorScatter',
  26: 'BitCast CumProd',
  27: 'CausalConvWithState LinearAttention',
  28: 'SwiGLU',
};

/** Operator → first operator set in which it no longer stands, and what took its place. */
export const ENDED: ReadonlyMap<string, { readonly version: number; readonly successor: string }> =
  new Map([
    ['Upsample', { version: 10, successor: 'Resize' }],
    ['Scatter', { version: 11, successor: 'ScatterElements' }],
  ]);

/** Operator → first operator set. Operators that never were in a published set are not listed. */
export const SINCE: ReadonlyMap<string, number> = new Map(
  Object.entries(FIRST).flatMap(([version, names]) =>
    names.split(' ').map((name): [string, number] => [name, Number(version)]),
  ),
);
