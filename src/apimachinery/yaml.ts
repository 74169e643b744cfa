// YAML as the API server and kubectl read it, and as they print it. Source: sigs.k8s.io/yaml on go-yaml v2.
import { dump, DUMP_SCHEMA, intCoreTag, intYaml11Tag, NOT_RESOLVED, type Schema } from 'js-yaml';
import { byteOrder } from './go-format.ts';
import { MAX_JSON_DEPTH, parseJson, parseJsonStrict } from './json.ts';
import { YamlError } from './yaml/cursor.ts';
import { Parser } from './yaml/nodes.ts';
import { decodeNode, type Decoded } from './yaml/values.ts';

export { YamlError };

/** What sigs.k8s.io/yaml's Unmarshal puts before a YamlError's message. */
export const YAML_TO_JSON_PREFIX = 'error converting YAML to JSON: ';

/**
 * The first document of `text` as JSON values; null for none. Text that starts with `{` is read as JSON where it can.
 * @throws YamlError
 */
export function parseYaml(text: string): unknown {
  const json = asJson(text);
  return json === undefined ? firstDocument(text).value : json;
}

/** Every document of a stream, empty ones left out. @throws YamlError */
export function parseYamlStream(text: string): readonly unknown[] {
  const json = asJson(text);
  if (json !== undefined) return [json];
  const parser = new Parser(text, MAX_JSON_DEPTH);
  const documents: unknown[] = [];
  for (let root = parser.document(); root !== undefined; root = parser.document()) {
    const { value } = decodeNode(root);
    if (value !== null) documents.push(value);
  }
  return documents;
}

/** What may be a number beyond every float64, which YAML takes for text. */
const NO_NUMBER = /[eE]\+?\d{3}|\d{300}/;

function asJson(text: string): unknown {
  if (!/^\s*[{[]/.test(text) || NO_NUMBER.test(text)) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined; // flow-style YAML: read below, with YAML's error if it is none
  }
}

function firstDocument(text: string): Decoded {
  const root = new Parser(text, MAX_JSON_DEPTH).document();
  return root === undefined ? { value: null, duplicates: [] } : decodeNode(root);
}

/**
 * What strict decoding says about keys given twice: a text for each, `line 4: key "a" already set in map`. Call after
 * parseYaml accepted the text. Source: yaml.UnmarshalStrict.
 */
export function duplicateYamlKeys(text: string): readonly string[] {
  if (asJson(text) !== undefined && parseJsonStrict(text).duplicates.length === 0) return [];
  return firstDocument(text).duplicates;
}

/** All of them in one error. Source: yaml.TypeError. */
export const repeatedYamlKeysText = (found: readonly string[]): string =>
  `yaml: unmarshal errors:\n${found.map((line) => `  ${line}`).join('\n')}`;

/** How values are printed: as js-yaml prints them, and bigints as the whole numbers they are. */
const PRINTED_YAML: Schema = DUMP_SCHEMA.withTags({
  ...intYaml11Tag,
  // What either version of YAML takes for a number is quoted where it is text, as in DUMP_SCHEMA.
  resolve: (...args: Parameters<typeof intYaml11Tag.resolve>) => {
    const read = intYaml11Tag.resolve(...args);
    return read === NOT_RESOLVED ? intCoreTag.resolve(...args) : read;
  },
  identify: (value: unknown) => typeof value === 'bigint' || intYaml11Tag.identify(value),
  represent: (value: number | bigint) => value.toString(),
});

/** A JSON value as YAML: keys sorted, sequences not indented, as `kubectl get -o yaml` shows it. Source: JSONToYAML. */
export function toYaml(value: unknown): string {
  return dump(value, { schema: PRINTED_YAML, lineWidth: -1, noRefs: true, seqNoIndent: true, sortKeys: byteOrder, skipInvalid: true });
}
