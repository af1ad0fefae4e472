// Operators that are not supported, each with the reason a user is told. Keys are domain\0name.
const DEFAULT_DOMAIN: Readonly<Record<string, string>> = {
  StringNormalizer: 'strings have no place in compiled programs; normalise text before the model',
  StringConcat: 'strings have no place in compiled programs; handle text before the model',
  StringSplit: 'strings have no place in compiled programs; split text before the model',
  RegexFullMatch: 'strings have no place in compiled programs; match text before the model',
  TfIdfVectorizer: 'it is a text feature extractor; vectorise before the model',
  ImageDecoder: 'image files are decoded before the model, by the browser or an image library',
};

const TRAINING: readonly string[] = ['Adagrad', 'Adam', 'Momentum', 'Gradient'];

/** Whole domains, under the name `*`. */
const DOMAINS: Readonly<Record<string, string>> = {
  'ai.onnx.ml': 'classical machine learning (trees, encoders) is out of scope',
};

export const EXCLUDED: ReadonlyMap<string, string> = new Map([
  ...Object.entries(DOMAINS).map(([domain, why]): [string, string] => [`${domain}\u0000*`, why]),
  ...Object.entries(DEFAULT_DOMAIN).map(([name, why]): [string, string] => [`\u0000${name}`, why]),
  ...TRAINING.map((name): [string, string] => [`ai.onnx.preview.training\u0000${name}`, 'training is out of scope']),
]);
