// Accept and Content-Type headers. Source: apiserver negotiation, goautoneg, mime.ParseMediaType.

export interface MediaClause {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
  readonly params: Readonly<Record<string, string>>;
}

/** One `type/subtype;a=b`; undefined for what is none. Parameter names in lower case. */
export function parseMediaType(
  text: string,
): { readonly type: string; readonly subtype: string; readonly params: Readonly<Record<string, string>> } | undefined {
  const [head = '', ...rest] = text.split(';');
  const [type = '', subtype = '', ...more] = head.trim().toLowerCase().split('/');
  if (type === '' || more.length > 0) return undefined;
  if (subtype === '' && type !== '*') return undefined;
  const params: Record<string, string> = {};
  for (const part of rest) {
    const equals = part.indexOf('=');
    if (equals === -1) continue;
    const value = part.slice(equals + 1).trim();
    params[part.slice(0, equals).trim().toLowerCase()] =
      value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value;
  }
  return { type, subtype: subtype === '' ? '*' : subtype, params };
}

/** Clauses of an Accept header, best first: by quality, then more specific, then as given. */
export function parseAccept(header: string): readonly MediaClause[] {
  const clauses: MediaClause[] = [];
  for (const part of header.split(',')) {
    const media = parseMediaType(part);
    if (media === undefined) continue;
    const { q, ...params } = media.params;
    const quality = q === undefined ? 1 : Number(q);
    clauses.push({ type: media.type, subtype: media.subtype, quality: Number.isNaN(quality) ? 1 : quality, params });
  }
  const specificity = ({ type, subtype }: MediaClause): number => (type === '*' ? 0 : subtype === '*' ? 1 : 2);
  return clauses.toSorted((a, b) => b.quality - a.quality || specificity(b) - specificity(a));
}

const TOKEN = String.raw`[!#$%&'*+.^_\x60|~0-9A-Za-z-]+`;
const QUOTED = String.raw`"(?:[^"\\\r\n]|\\[^\r\n])*"`;
/** Spaces stand where only one part of it can take them: each way to share them out would be tried. */
const CONTENT_TYPE = new RegExp(`^(${TOKEN}/${TOKEN})((?:\\s*;\\s*${TOKEN}\\s*=\\s*(?:${TOKEN}|${QUOTED}))*)(?:\\s*;)?$`);
const PARAMETER = new RegExp(`(${TOKEN})\\s*=\\s*(?:${TOKEN}|${QUOTED})`, 'g');

/** `type/subtype` of a Content-Type in lower case; undefined where any part of it cannot be read. Source: mime.ParseMediaType. */
export function mediaTypeOf(contentType: string): string | undefined {
  const [, type = '', parameters = ''] = CONTENT_TYPE.exec(contentType.trim()) ?? [];
  const names = [...parameters.matchAll(PARAMETER)].map(([, name = '']) => name.toLowerCase());
  return type === '' || new Set(names).size < names.length ? undefined : type.toLowerCase();
}
