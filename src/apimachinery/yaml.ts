// YAML as the API server and kubectl read it, and as they print it.
// Source: sigs.k8s.io/yaml on go-yaml v2; libyaml's words for what is wrong.
import { dump, EVENT_ID, getScalarValue, load, loadAll, parseEvents, YAMLException, type Event } from 'js-yaml';
import { byteOrder, goQuote } from './go-format.ts';
import { MAX_JSON_DEPTH, parseJson, parseJsonStrict } from './json.ts';
import { KUBERNETES_YAML, PRINTED_YAML } from './yaml-tags.ts';

/** Text that is no YAML, or YAML that JSON cannot say; the message is upstream's: `yaml: line 3: …`. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
}

/** What sigs.k8s.io/yaml's Unmarshal puts before a YamlError's message. */
export const YAML_TO_JSON_PREFIX = 'error converting YAML to JSON: ';

/** Nodes that aliases may add to a document. Source: go-yaml alias_ratio_range_low. */
const MAX_ALIASED_NODES = 400_000;

const OPTIONS = { schema: KUBERNETES_YAML, json: true, maxDepth: MAX_JSON_DEPTH, maxTotalMergeKeys: 100_000 } as const;

/**
 * The first document of `text` as JSON values; null for none. Text that starts with `{` is read as JSON where it can.
 * @throws YamlError
 */
export function parseYaml(text: string): unknown {
  const json = asJson(text);
  if (json !== undefined) return json;
  const [first] = guarded(text, () => documents(text));
  return jsonable(first ?? null, text);
}

/** Every document of a stream, empty ones left out. @throws YamlError */
export function parseYamlStream(text: string): readonly unknown[] {
  const json = asJson(text);
  if (json !== undefined) return [json];
  return guarded(text, () => loadAll(text, OPTIONS))
    .filter((document) => document !== null && document !== undefined)
    .map((document) => jsonable(document, text));
}

/** A later document must not spoil the first one. */
function documents(text: string): readonly unknown[] {
  const next = /^---(?:\s|$)/gm;
  const starts = [...text.matchAll(next)].map((m) => m.index);
  const second = starts.find((start) => /^[^#\s%-]|^-(?!--)/m.test(text.slice(0, start)));
  return second === undefined ? loadAll(text, OPTIONS) : [load(text.slice(0, second), OPTIONS)];
}

function asJson(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return parseJson(text);
  } catch {
    return undefined; // flow-style YAML: read below, with YAML's error if it is none
  }
}

function guarded<T>(text: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof YAMLException) throw new YamlError(libyamlText(error, text));
    throw error;
  }
}

/** Refuses what JSON cannot say and what aliases blow up. */
function jsonable(value: unknown, text: string): unknown {
  let budget = MAX_ALIASED_NODES + text.length;
  const above = new Set<unknown>();
  const visit = (node: unknown): void => {
    if (--budget < 0) throw new YamlError('yaml: document contains excessive aliasing');
    if (typeof node === 'number' && !Number.isFinite(node)) {
      throw new YamlError(`json: unsupported value: ${Number.isNaN(node) ? 'NaN' : node > 0 ? '+Inf' : '-Inf'}`);
    }
    if (typeof node !== 'object' || node === null) return;
    if (above.has(node)) throw new YamlError(`yaml: anchor '${openAnchor(text)}' value contains itself`);
    above.add(node);
    for (const member of Array.isArray(node) ? node : Object.values(node)) visit(member);
    above.delete(node);
  };
  visit(value);
  return value;
}

/** The anchor of the first collection that refers to itself. */
function openAnchor(text: string): string {
  const open: string[] = [];
  for (const event of parseEvents(text, OPTIONS)) {
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        open.push('');
        break;
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE:
        open.push(text.slice(event.anchorStart, event.anchorEnd));
        break;
      case EVENT_ID.ALIAS: {
        const name = text.slice(event.anchorStart, event.anchorEnd);
        if (open.includes(name)) return name;
        break;
      }
      case EVENT_ID.SCALAR:
        break;
      default:
        open.pop();
    }
  }
  return '';
}

type Part = 'scanner' | 'parser' | 'document';

/** libyaml counts lines from 0 and forgets to add one in its parser; a first line is not named. */
function located(part: Part, line: number, problem: string): string {
  const shown = part === 'scanner' ? (line === 0 ? 0 : line + 1) : part === 'parser' ? line : 0;
  return shown === 0 ? `yaml: ${problem}` : `yaml: line ${shown}: ${problem}`;
}

const CANNOT_START = 'found character that cannot start any token';

function libyamlText(error: YAMLException, text: string): string {
  const { reason } = error;
  const line = error.mark?.line ?? 0;
  const lines = text.split(/\r\n|\r|\n/);
  const at = (lines[line] ?? '').slice(error.mark?.column ?? 0);
  const alias = /^unidentified alias "(.*)"$/.exec(reason);
  if (alias !== null) return located('document', line, `unknown anchor '${alias[1]}' referenced`);
  if (reason.startsWith('unsupported map key')) return reason;
  if (reason === 'invalid map key') return `yaml: ${reason}`;
  if (reason.includes('merge')) return 'yaml: map merge requires map or sequence of maps as the value';
  if (/^[@`%]/.test(at)) return located('scanner', line, CANNOT_START);
  if (/^\t/.test(lines[line] ?? '')) return located('scanner', line, CANNOT_START);
  if (/\btabs?\b/.test(reason)) return located('scanner', line, 'found a tab character that violates indentation');
  if (/^[},\]]/.test(at)) return located('parser', line, 'did not find expected node content');
  if (reason === 'bad indentation of a sequence entry')
    return located('parser', Math.max(line - 1, 0), "did not find expected '-' indicator");
  if (reason === 'bad indentation of a mapping entry') {
    return at.startsWith(':')
      ? located('scanner', line, 'mapping values are not allowed in this context')
      : located('parser', line, 'did not find expected key');
  }
  if (reason.includes('quoted scalar')) return located('scanner', lines.length - 1, 'found unexpected end of stream');
  if (reason.includes('escape')) return located('scanner', line, 'found unknown escape character');
  if (reason.includes('within a flow collection')) {
    return located('parser', line + 1, `did not find expected ',' or '${text.lastIndexOf('[') > text.lastIndexOf('{') ? ']' : '}'}'`);
  }
  if (reason === 'end of the stream or a document separator is expected') {
    return located(
      'parser',
      line,
      /^[ \t]*-\s/m.test(text) ? "did not find expected '-' indicator" : 'did not find expected <document start>',
    );
  }
  return located('parser', line + 1, reason);
}

/**
 * What strict decoding says about keys given twice: a text for each, `line 4: key "a" already set in map`. Call after
 * parseYaml accepted the text. Source: yaml.UnmarshalStrict.
 */
export function duplicateYamlKeys(text: string): readonly string[] {
  if (asJson(text) !== undefined && parseJsonStrict(text).duplicates.length === 0) return [];
  return guarded(text, () => duplicates(text, parseEvents(text, { maxDepth: MAX_JSON_DEPTH })));
}

/** All of them in one error. Source: yaml.TypeError. */
export const repeatedYamlKeysText = (found: readonly string[]): string =>
  `yaml: unmarshal errors:\n${found.map((line) => `  ${line}`).join('\n')}`;

interface Open {
  /** Keys so far; undefined for a sequence. */
  readonly keys: Set<string> | undefined;
  /** The key whose value comes next. */
  key: string | undefined;
}

function duplicates(text: string, events: readonly Event[]): readonly string[] {
  const found: string[] = [];
  const stack: Open[] = [];
  /** A node begins at `start`; `scalar` is its text where it can be a key. */
  const node = (start: number, scalar: string | undefined): void => {
    const open = stack.at(-1);
    if (open?.keys === undefined) return;
    if (open.key === undefined) {
      open.key = scalar ?? '';
      return;
    }
    if (open.keys.has(open.key) && open.key !== '<<') {
      found.push(`line ${text.slice(0, start).split('\n').length}: key ${goQuote(open.key)} already set in map`);
    }
    open.keys.add(open.key);
    open.key = undefined;
  };
  let documentsSeen = 0;
  for (const event of events) {
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        if (++documentsSeen > 1) return found;
        stack.push({ keys: undefined, key: undefined });
        break;
      case EVENT_ID.MAPPING:
      case EVENT_ID.SEQUENCE:
        node(event.start, undefined);
        stack.push({ keys: event.type === EVENT_ID.MAPPING ? new Set() : undefined, key: undefined });
        break;
      case EVENT_ID.SCALAR:
        node(event.valueStart, getScalarValue(text, event));
        break;
      case EVENT_ID.ALIAS:
        node(event.anchorStart, undefined);
        break;
      default:
        stack.pop();
    }
  }
  return found;
}

/** A JSON value as YAML: keys sorted, sequences not indented, as `kubectl get -o yaml` shows it. Source: JSONToYAML. */
export function toYaml(value: unknown): string {
  return dump(value, { schema: PRINTED_YAML, lineWidth: -1, noRefs: true, seqNoIndent: true, sortKeys: byteOrder, skipInvalid: true });
}
