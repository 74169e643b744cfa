// pure
// Values of any form inside the messages of OpenAPI in protobuf: a name and a text of YAML.
import { isObject } from '#apimachinery/json-value.ts';

/** A map as gnostic writes one: its members with their names, in their order. */
export function namedList<T>(map: Readonly<Record<string, T>>, convert: (value: T) => unknown): readonly object[] {
  return Object.entries(map).map(([name, value]) => ({ name, value: convert(value) }));
}

export const anyValue = (value: unknown): object => ({ yaml: yamlText(value) });

/** Members `x-…` and their values. */
export const extensions = (rest: Readonly<Record<string, unknown>>): readonly object[] => namedList(rest, anyValue);

/** Lists of flat objects as upstream writes them; the rest as JSON, which is a part of YAML. Source: gnostic compiler.Marshal. */
function yamlText(value: unknown): string {
  if (!Array.isArray(value) || value.length === 0 || !value.every(isFlat)) return JSON.stringify(value);
  const lines = value.flatMap((item) =>
    Object.entries(item).map(([name, text], i) => `${i === 0 ? '-' : ' '} ${name}: ${PLAIN.test(text) ? text : JSON.stringify(text)}\n`),
  );
  return lines.join('');
}

/** What YAML reads as a text without quotes, and surely as nothing else. */
const PLAIN = /^(?!(?:true|false|yes|no|on|off|null|y|n)$)[a-z][\w./-]*$/i;

const isFlat = (item: unknown): item is Readonly<Record<string, string>> =>
  isObject(item) && Object.keys(item).length > 0 && Object.values(item).every((one) => typeof one === 'string');
