// pure
// `/statusz` and `/flagz`: what a component is and how it was started, for people as text and for programs as objects.
// Source: apiserver pkg/server/statusz, pkg/server/flagz at v1.36 (ComponentStatusz, ComponentFlagz).
import { StatusError } from '#apimachinery/errors.ts';
import { parseAccept } from '#apimachinery/media-type.ts';
import { formatTime } from '#apimachinery/time.ts';
import { toYaml } from '#apimachinery/yaml.ts';
import { VERSION } from './build.ts';

export interface Page {
  readonly type: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

interface Form {
  readonly kind: 'Statusz' | 'Flagz';
  readonly text: () => string;
  readonly object: (version: string) => object;
}

const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';

/** Newest first; those behind it are deprecated. */
const VERSIONS = ['v1beta1', 'v1alpha1'];
const GROUP = 'config.k8s.io';
const STRUCTURED: Readonly<Record<string, (value: object) => string>> = { json: (value) => JSON.stringify(value), yaml: toYaml };
const ACCEPTED = 'application/json, application/yaml, text/plain';

/** @throws StatusError NotAcceptable */
function negotiated(accept: string, { kind, text, object }: Form): Page {
  const plain: Page = { type: 'text/plain; charset=utf-8', body: text(), headers: {} };
  if (accept.trim() === '') return plain;
  for (const { type, subtype, params } of parseAccept(accept)) {
    const { as = '', g = '', v = '' } = params;
    if (as === '' && (type === '*' || (type === 'text' && (subtype === '*' || subtype === 'plain')))) return plain;
    const write = type === 'application' ? STRUCTURED[subtype] : undefined;
    if (write === undefined || as !== kind || g !== GROUP || !VERSIONS.includes(v)) continue;
    const warning = `299 - "This version of the ${kind.toLowerCase()} endpoint is deprecated. Please use a newer version."`;
    return { type: `application/${subtype}`, body: write(object(v)), headers: v === VERSIONS[0] ? {} : { Warning: warning } };
  }
  throw new StatusError('NotAcceptable', `only the following media types are accepted: ${ACCEPTED}`);
}

export interface Status {
  /** `kubelet` */
  readonly component: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly now: number;
  /** What it serves: the first part of each is told. */
  readonly paths: readonly string[];
}

/** Paths that are no help in finding what is wrong. */
const NOT_FOR_DEBUGGING: ReadonlySet<string> = new Set(['/apis', '/api', '/openid', '/openapi', '/.well-known']);

/** `accept`: the header, empty where there is none. @throws StatusError NotAcceptable */
export function statusz(accept: string, { component, startedAt, now, paths }: Status): Page {
  const uptime = Math.max(0, Math.floor((now - startedAt) / 1000));
  const binaryVersion = `${VERSION.major}.${VERSION.minor}.0`;
  const emulationVersion = `${VERSION.emulationMajor}.${VERSION.emulationMinor}`;
  const folders = [...new Set(paths.map((path) => `/${path.split('/')[1] ?? ''}`))]
    .filter((folder) => folder !== '/' && !NOT_FOR_DEBUGGING.has(folder))
    .toSorted();
  return negotiated(accept, {
    kind: 'Statusz',
    text: () => `
${component} statusz
${WARNING}

Started: ${unixDate(startedAt)}
Up: ${Math.floor(uptime / 3600)} hr ${two(Math.floor(uptime / 60) % 60)} min ${two(uptime % 60)} sec
Go version: ${VERSION.goVersion}
Binary version: ${binaryVersion}
Emulation version: ${emulationVersion}
${folders.length === 0 ? '' : `Paths: ${folders.join(' ')}`}
`,
    object: (version) => ({
      kind: 'Statusz',
      apiVersion: `${GROUP}/${version}`,
      metadata: { name: component },
      startTime: formatTime(startedAt),
      uptimeSeconds: uptime,
      goVersion: VERSION.goVersion,
      binaryVersion,
      emulationVersion,
      paths: folders,
    }),
  });
}

/** @throws StatusError NotAcceptable */
export function flagz(accept: string, component: string, flags: Readonly<Record<string, string>>): Page {
  const sorted = Object.fromEntries(Object.entries(flags).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const lines = Object.entries(sorted).map(([name, value]) => `${name}=${value}\n`);
  return negotiated(accept, {
    kind: 'Flagz',
    text: () => `\n${component} flagz\n${WARNING}\n${lines.join('')}`,
    object: (version) => ({ kind: 'Flagz', apiVersion: `${GROUP}/${version}`, metadata: { name: component }, flags: sorted }),
  });
}

const two = (value: number): string => String(value).padStart(2, '0');

/** `Mon Jan  2 15:04:05 UTC 2006`. Source: Go time.UnixDate. */
function unixDate(ms: number): string {
  const at = new Date(ms);
  const [weekday, , month] = at.toUTCString().split(' ');
  const day = String(at.getUTCDate()).padStart(2, ' ');
  return `${weekday?.slice(0, 3)} ${month} ${day} ${at.toISOString().slice(11, 19)} UTC ${at.getUTCFullYear()}`;
}
