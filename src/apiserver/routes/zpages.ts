// `/statusz` and `/flagz` of the API server. Source: apiserver pkg/server/statusz, pkg/server/flagz.
import type { Clock } from '#base/clock.ts';
import { flagz, type Page, statusz } from '#api/zpages.ts';
import type { Answer } from '../handlers/answer.ts';
import type { Route } from './contract.ts';

const COMPONENT = 'kube-apiserver';

export interface ZPagesDeps {
  readonly clock: Clock;
  readonly isFeatureOn: (featureGate: string) => boolean;
  /** What the server was started with, by flag; no secrets. */
  readonly flags: Readonly<Record<string, string>>;
  readonly routes: () => readonly Route[];
}

/** Each behind its gate. */
export function zpagesRoutes({ clock, isFeatureOn, flags, routes }: ZPagesDeps): readonly Route[] {
  const startedAt = clock.now();
  const route = (path: string, page: (accept: string) => Page): Route => ({
    path,
    match: 'exact',
    listed: true,
    handle: (call) => answer(page(call.header('accept') ?? '')),
  });
  const paths = (): readonly string[] => routes().flatMap(({ path, listed }) => (listed ? [path] : []));
  return [
    ...(isFeatureOn('ComponentStatusz')
      ? [route('/statusz', (accept) => statusz(accept, { component: COMPONENT, startedAt, now: clock.now(), paths: paths() }))]
      : []),
    ...(isFeatureOn('ComponentFlagz') ? [route('/flagz', (accept) => flagz(accept, COMPONENT, flags))] : []),
  ];
}

const answer = ({ type, body, headers }: Page): Answer => ({
  kind: 'bytes',
  code: 200,
  headers: { 'content-type': type, ...headers },
  body: Buffer.from(body),
});
