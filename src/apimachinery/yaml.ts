// YAML as the API server and kubectl read it, and as they print it. Source: sigs.k8s.io/yaml on go-yaml v2.
import { MAX_JSON_DEPTH, parseJson, parseJsonStrict } from './json.ts';
import { YamlError } from './yaml/cursor.ts';
import { Parser } from './yaml/nodes.ts';
import { decodeNode, type Decoded } from './yaml/values.ts';

export { YamlError };
export { toYaml } from './yaml/print.ts';

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
