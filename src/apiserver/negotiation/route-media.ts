// pure
// Built-in resources are routes with media types of their own, which are looked at before any handler is asked, and in fewer
// words than handlers have. Source: go-restful RouterJSR311.detectRoute, Route.matchesAccept; APIInstaller's Produces.
import { StatusError } from '#apimachinery/errors.ts';
import { CONTENT_TYPES } from './output.ts';

const OBJECTS: readonly string[] = Object.values(CONTENT_TYPES);
const LISTS: readonly string[] = [...OBJECTS, `${CONTENT_TYPES.json};stream=watch`, `${CONTENT_TYPES.protobuf};stream=watch`];

/** What a body may be is known by its route. */
export const noRouteConsumes = (): StatusError => new StatusError('UnsupportedMediaType', '415: Unsupported Media Type', {});

/** @throws StatusError NotAcceptable when no clause names a type of the route as it is written; parameters do not count */
export function checkRouteProduces(accept: string | undefined, verb: string): void {
  if (accept === undefined || accept === '') return;
  const produced = verb === 'list' || verb === 'watch' ? LISTS : OBJECTS;
  const named = accept.split(',').map((clause) => withoutSpaces(clause.split(';')[0] as string));
  if (named.some((type) => type === '*/*' || produced.includes(type))) return;
  throw new StatusError('NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${produced.join(', ')}`, {});
}

/** Of a header, which may be a mebibyte of spaces: no pattern, which would look for an end behind each of them. */
function withoutSpaces(text: string): string {
  let [from, to] = [0, text.length];
  while (text[from] === ' ') from++;
  while (to > from && text[to - 1] === ' ') to--;
  return text.slice(from, to);
}
