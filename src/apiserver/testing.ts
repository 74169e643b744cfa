// An API server for tests: on a free loopback port, over a store of its own, with a certificate authority and an administrator.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, type Clock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger, type Logger } from '#base/log.ts';
import type { Store } from '#store/contract.ts';
import { openEmbeddedStore } from '#store/embedded/store.ts';
import type { Authenticator, UserInfo } from './authentication/contract.ts';
import { ALLOW, NO_OPINION, type Authorizer, type RuleResolver } from './authorization/contract.ts';
import { reviewHandlers } from './authorization/review-handlers.ts';
import { privilegedGroups, unionAuthorizer } from './authorization/union.ts';
import type { ServingCertificate } from './http/listener.ts';
import { openapiRoutes } from './openapi/routes.ts';
import { defaultPrinters } from './printers/default-printers.ts';
import type { ApiServer, ApiServerOptions, PluggedParts, ServerParts } from './server-contract.ts';
import { createApiServer } from './server.ts';
import { createTestAuthority, type TestAuthority } from './testing/certificates.ts';

export interface TestServer {
  readonly server: ApiServer;
  readonly store: Store;
  /** `https://127.0.0.1:40123`. */
  readonly url: string;
  readonly authority: TestAuthority;
  /** Of a user in system:masters. */
  readonly admin: ServingCertificate;
  stop(): Promise<void>;
}

export interface TestServerOptions {
  /** Default an embedded one in a temporary folder. Closed with the server. */
  readonly store?: Store;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly parts?: (server: ServerParts, authority: TestAuthority) => Partial<PluggedParts>;
  /** Over what is set here. */
  readonly options?: Partial<ApiServerOptions>;
}

export const ADMIN: UserInfo = { name: 'admin', groups: ['system:masters'] };

/** Reads common name and organisations of a verified client certificate. */
const certificates: Authenticator = {
  name: 'x509',
  authenticate: ({ clientCertificate }) => {
    if (clientCertificate === undefined) return undefined;
    const fields = clientCertificate.subject.split('\n').map((line) => line.split('=') as [string, string]);
    const name = fields.find(([key]) => key === 'CN')?.[1] ?? '';
    return { user: { name, groups: fields.filter(([key]) => key === 'O').map(([, value]) => value) } };
  },
};

/** Administrators are past authorisation already; anybody may look at what every client needs. */
const publicPaths: Authorizer = {
  authorize: ({ isResourceRequest, path }) =>
    !isResourceRequest && /^\/(version|healthz|livez|readyz|api|apis|openapi)/.test(path) ? ALLOW : NO_OPINION,
};

/** For reviews, which stand behind the stage that lets administrators pass. */
const authorizer = unionAuthorizer([privilegedGroups(), publicPaths]);

const NO_RULES: RuleResolver = { rulesFor: () => ({ resourceRules: [], nonResourceRules: [], incomplete: true }) };

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { clock = systemClock, logger = silentLogger } = options;
  const folder = options.store === undefined ? await mkdtemp(join(tmpdir(), 'proa-apiserver-')) : undefined;
  const store = options.store ?? (await openEmbeddedStore({ dir: folder as string, clock, logger }));
  const authority = await createTestAuthority(systemClock.now());
  const serving = await authority.serving({ dns: ['localhost'], ip: ['127.0.0.1'] });
  const server = createApiServer({
    store,
    clock,
    ids: randomIds,
    logger,
    listen: { host: '127.0.0.1', port: 0, tls: { serving, clientCa: authority.certificate } },
    parts: (parts) => ({
      authenticators: [certificates],
      authorizer,
      handlers: reviewHandlers({ authorizer, rules: NO_RULES }),
      routes: openapiRoutes(parts.schema, parts.remoteDocuments),
      printers: defaultPrinters,
      ...options.parts?.(parts, authority),
    }),
    ...options.options,
  });
  await server.start();
  return {
    server,
    store,
    url: `https://127.0.0.1:${server.address?.port}`,
    authority,
    admin: await authority.client(ADMIN),
    stop: async () => {
      await server.stop();
      await store.close();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}
