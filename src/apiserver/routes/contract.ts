// Paths outside resources: health, discovery, OpenAPI, metrics. Each is one Route; ./table.ts finds it.
import type { Answer } from '../handlers/answer.ts';
import type { RequestContext } from '../request.ts';

export interface RouteCall {
  readonly request: RequestContext;
  /** Value of a request header by lower-case name; on loopback only `accept`. */
  header(name: string): string | undefined;
}

export interface Route {
  /** `/version`; with `prefix` also everything below it: `/openapi/v3` and `/openapi/v3/apis/apps/v1`. */
  readonly path: string;
  readonly match: 'exact' | 'prefix';
  /** Listed at `/`. */
  readonly listed: boolean;
  /** HEAD is refused as any other method is, in a Status; for paths below it perhaps only some. Source: routes of go-restful. */
  readonly getOnly?: true | ((path: string) => boolean);
  /** Whether every method is answered as GET is, for what upstream leaves to a handler that does not ask. Default false. */
  readonly anyMethod?: (path: string) => boolean;
  /** Only GET and HEAD get here, but for `anyMethod`. @throws StatusError */
  handle(call: RouteCall): Answer | Promise<Answer>;
}
