// pure
// Links of a page that came through the proxy, led back through it. Source: apimachinery util/proxy transport.go.
import { posix } from 'node:path';

export interface Page {
  /** Path of the proxy itself: `/api/v1/namespaces/default/pods/web/proxy`. */
  readonly prefix: string;
  /** `host:port` the page was asked of, and the one the client asked. */
  readonly hosts: { readonly target: string; readonly client: string };
}

const LINK = /^(?<scheme>[a-z][a-z0-9+.-]*:)?(?:\/\/(?<host>[^/?#]*))?(?<path>[^?#]*)(?<rest>.*)$/is;

/** `link` as it must read below the proxy; what leads to other hosts or is relative stays. Source: Transport.rewriteURL. */
export function linkThroughProxy(link: string, { prefix, hosts }: Page): string {
  const { scheme = '', host = '', path = '', rest = '' } = LINK.exec(link)?.groups ?? {};
  const isElsewhere = host !== '' && host !== hosts.target && host !== hosts.client;
  if (isElsewhere || !path.startsWith('/')) return link;
  const origin = host !== '' && host === hosts.client ? `${scheme}//${host}` : '';
  return `${origin}${path.startsWith(prefix) ? path : posix.join(prefix, path)}${rest}`;
}

/** Attributes that hold links, by tag. Source: atomsToAttrs. */
const LINKS: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/** Tags whose content holds no tags but their own end. */
const RAW: ReadonlySet<string> = new Set(['iframe', 'noembed', 'noframes', 'script', 'style', 'textarea', 'title', 'xmp']);

const NAME_OF_TAG = /[a-z][^\s/>]*/iy;
const ATTRIBUTE = /[^\s"'>/=]+/y;
const IS = /\s*=\s*/y;
const VALUE = /"([^"]*)"|'([^']*)'|([^\s"'>]+)/y;

/** What ends a part without tags. */
const END_OF_COMMENT = /-->/g;
const END_OF_RAW: ReadonlyMap<string, RegExp> = new Map([...RAW].map((tag) => [tag, new RegExp(`</${tag}`, 'gi')]));
/** Characters of the longest of these, but for the last one. */
const MAX_CUT_END = '</noframes'.length - 1;

/** Characters of a tag; what is longer is passed on as it is, and none of it is looked at a second time. */
const MAX_TAG = 1 << 16;

/**
 * A page on its way through, in pieces cut anywhere: one character a byte, so that any encoding of ASCII's kind stays whole. Who wrote
 * it may mean harm: each character is looked at a bounded number of times, whatever stands around it.
 */
export class LinkRewriter {
  readonly #page: Page;
  #kept = '';
  /** Of a tag that `#kept` begins with: how much of it was looked at, and the quote that is open there. */
  #looked = 1;
  #quote = '';
  /** What ends a part without tags. */
  #until: RegExp | undefined;

  constructor(page: Page) {
    this.#page = page;
  }

  write(text: string): string {
    return this.#go(this.#kept + text, false);
  }

  end(): string {
    return this.#go(this.#kept, true);
  }

  #go(text: string, isLast: boolean): string {
    let out = '';
    let at = 0;
    while (at < text.length) {
      if (this.#until !== undefined) {
        const end = find(this.#until, text, at);
        if (end === -1) {
          const safe = isLast ? text.length : Math.max(at, text.length - MAX_CUT_END);
          out += text.slice(at, safe);
          at = safe;
          break;
        }
        out += text.slice(at, end);
        at = end;
        this.#until = undefined;
      }
      const open = text.indexOf('<', at);
      out += text.slice(at, open === -1 ? text.length : open);
      at = open === -1 ? text.length : open;
      if (open === -1) break;
      if (!isLast && '<!--'.startsWith(text.slice(at, at + 4)) && text.length - at < 4) break;
      if (text.startsWith('<!--', at)) {
        this.#until = END_OF_COMMENT;
        continue;
      }
      if (!/[a-z]/i.test(text.charAt(at + 1))) {
        if (!isLast && at + 1 === text.length) break;
        out += '<';
        at += 1;
        continue;
      }
      const end = this.#endOfTag(text, at);
      if (end === -1) {
        if (!isLast && text.length - at < MAX_TAG) break;
        out += text.slice(at);
        at = text.length;
      } else {
        out += end - at > MAX_TAG ? text.slice(at, end) : this.#tag(text.slice(at, end));
        at = end;
      }
      this.#looked = 1;
      this.#quote = '';
    }
    this.#kept = text.slice(at);
    return out;
  }

  /** Behind the `>` of the tag that begins at `start`, quoted ones aside; -1 where it has not come yet. */
  #endOfTag(text: string, start: number): number {
    for (let at = start + this.#looked; at < text.length; at++) {
      const char = text[at] as string;
      if (this.#quote !== '') {
        if (char === this.#quote) this.#quote = '';
      } else if (char === '"' || char === "'") this.#quote = char;
      else if (char === '>') return at + 1;
    }
    this.#looked = text.length - start;
    return -1;
  }

  /** @param whole from `<` to `>` */
  #tag(whole: string): string {
    const name = match(NAME_OF_TAG, whole, 1)?.[0] ?? '';
    const tag = name.toLowerCase();
    this.#until = END_OF_RAW.get(tag);
    const links = LINKS[tag];
    return links === undefined ? whole : `<${name}${this.#attributes(whole.slice(1 + name.length), links)}`;
  }

  #attributes(text: string, links: readonly string[]): string {
    let out = '';
    let at = 0;
    while (at < text.length) {
      const key = match(ATTRIBUTE, text, at)?.[0];
      out += key ?? text.charAt(at);
      at += key?.length ?? 1;
      if (key === undefined) continue;
      const is = match(IS, text, at)?.[0];
      const value = is === undefined ? null : match(VALUE, text, at + is.length);
      if (is === undefined || value === null) continue;
      const [whole, double, single, bare] = value;
      const quote = double !== undefined ? '"' : single !== undefined ? "'" : '';
      const link = double ?? single ?? bare ?? '';
      out += links.includes(key.toLowerCase()) ? `${is}${quote}${linkThroughProxy(link, this.#page)}${quote}` : `${is}${whole}`;
      at += is.length + whole.length;
    }
    return out;
  }
}

function find(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.exec(text)?.index ?? -1;
}

/** What a sticky pattern finds right at `at`. */
function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
