// A webhook server and a configuration for it, for tests.
import type { AdmissionRequest } from '#api/gen/admission-v1.ts';
import type { KubeObject } from '#api/types.ts';
import type { ServerParts } from '../../server-contract.ts';
import type { TestAuthority } from '../../testing/certificates.ts';
import { startHttpsServer, type AnswerWith, type HttpsServer } from '../../testing/https-server.ts';
import { ALLOW, NO_OPINION, type Authorizer } from '../../authorization/contract.ts';
import type { AdmissionChain } from '../contract.ts';
import { mutatingWebhooks } from './mutating.ts';
import { validatingWebhooks } from './validating.ts';
import { Versions } from './versions.ts';

export interface Asked extends Omit<AdmissionRequest, 'object' | 'oldObject'> {
  readonly object: KubeObject | null;
  readonly oldObject: KubeObject | null;
}

/** What a webhook answers: members of the response, or whatever it does with the answer itself. */
export type Verdict = Readonly<Record<string, unknown>> | ((answer: AnswerWith, request: Asked) => void);

export interface WebhookServer extends HttpsServer {
  /** Requests by path, without the query. */
  asked(path: string): readonly Asked[];
  forget(): void;
}

export const base64 = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64');

export const patching = (patch: unknown): Readonly<Record<string, unknown>> => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: base64(patch),
});

/** Whom expressions may ask: jane may do everything, nobody else anything. */
const authorizer: Authorizer = { authorize: ({ user }) => (user.name === 'jane' ? ALLOW : NO_OPINION) };

/** Webhooks of both kinds and no other plugin. */
export function onlyWebhooks({
  reader,
  clock,
  ids,
  outbound,
  services,
  catalog,
  schema,
  admissionMetrics: metrics,
}: ServerParts): AdmissionChain {
  const deps = { reader, clock, ids, outbound, services, versions: new Versions(catalog, schema), metrics, authorizer };
  return { mutating: [mutatingWebhooks(deps)], validating: [validatingWebhooks(deps)] };
}

/** @param hooks by path: `/deny` */
export async function startWebhookServer(
  authority: TestAuthority,
  hooks: Readonly<Record<string, (request: Asked) => Verdict>>,
): Promise<WebhookServer> {
  const asked = new Map<string, Asked[]>();
  const server = await startHttpsServer(authority, ({ path, body }, answer) => {
    const name = path.split('?')[0] as string;
    const { apiVersion, request } = JSON.parse(body) as { readonly apiVersion: string; readonly request: Asked };
    asked.set(name, [...(asked.get(name) ?? []), request]);
    const verdict = (hooks[name] as (request: Asked) => Verdict)(request);
    if (typeof verdict === 'function') verdict(answer, request);
    else answer.json(200, { apiVersion, kind: 'AdmissionReview', response: { uid: request.uid, allowed: true, ...verdict } });
  });
  return Object.defineProperties(
    { ...server, asked: (path: string) => asked.get(path) ?? [], forget: () => asked.clear() },
    { connections: { get: () => server.connections } },
  ) as WebhookServer;
}
