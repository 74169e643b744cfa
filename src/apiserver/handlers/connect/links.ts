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

const TAG = /<([a-z][^\s/>]*)((?:"[^"]*"|'[^']*'|[^"'>])*)>/iy;
const ATTRIBUTE = /([^\s"'>/=]+)(\s*=\s*)(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/g;

/** Characters of a tag; what is longer is passed on as it is. */
const MAX_TAG = 1 << 16;

/** A page on its way through, in pieces cut anywhere: one character a byte, so that any encoding of ASCII's kind stays whole. */
export class LinkRewriter {
  readonly #page: Page;
  #kept = '';
  /** What ends a part without tags: `</script`, `-->`. */
  #until: string | undefined;

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
        const end = text.toLowerCase().indexOf(this.#until, at);
        if (end === -1) {
          const safe = isLast ? text.length : Math.max(at, text.length - this.#until.length + 1);
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
      const isCut = !isLast && text.length - at < MAX_TAG;
      if (isCut && '<!--'.startsWith(text.slice(at, at + 4))) break;
      if (text.startsWith('<!--', at)) {
        this.#until = '-->';
        continue;
      }
      TAG.lastIndex = at;
      const tag = TAG.exec(text);
      if (tag === null) {
        if (isCut && /[a-z]/i.test(text.charAt(at + 1))) break;
        out += '<';
        at += 1;
        continue;
      }
      out += this.#tag(tag);
      at = TAG.lastIndex;
    }
    this.#kept = text.slice(at);
    return out;
  }

  #tag([whole, name, attributes]: RegExpExecArray): string {
    const tag = (name as string).toLowerCase();
    if (RAW.has(tag)) this.#until = `</${tag}`;
    const links = LINKS[tag];
    if (links === undefined) return whole;
    const rewritten = (attributes as string).replaceAll(ATTRIBUTE, (attribute, key: string, is: string, ...values: string[]) => {
      if (!links.includes(key.toLowerCase())) return attribute;
      const [double, single, bare] = values;
      const quote = double !== undefined ? '"' : single !== undefined ? "'" : '';
      return `${key}${is}${quote}${linkThroughProxy(double ?? single ?? bare ?? '', this.#page)}${quote}`;
    });
    return `<${name}${rewritten}>`;
  }
}
