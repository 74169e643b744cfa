// The whole server as a fuzzer meets it: default parts, OpenAPI, and one custom resource.
import { generateKeyPairSync } from 'node:crypto';
import { isConditionTrue } from '#api/conditions.ts';
import { customresourcedefinitions, serviceaccounts } from '#api/resources.ts';
import type { CustomResourceDefinition, New } from '#api/types.ts';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger, type Logger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { waitFor } from '#client/wait-for.ts';
import { defaultParts, ensureDefaults } from '../defaults.ts';
import { openapiRoutes } from '../openapi/routes.ts';
import { ADMIN, startTestServer, type TestServer } from '../testing.ts';
import { THING_DEFINITION } from './fuzz-samples.ts';

/** @param logger is told of every failure of the server's own */
export async function startFuzzedServer(logger: Logger): Promise<TestServer> {
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }) as string;
  const serviceAccounts = { issuer: 'https://kubernetes.default.svc', signingKey, jwksUri: 'https://127.0.0.1/openid/v1/jwks' };
  const target = await startTestServer({
    logger,
    parts: (parts, authority) => {
      const defaults = defaultParts(parts, { authentication: { clientCa: authority.certificate, serviceAccounts } });
      return { ...defaults, routes: [...(defaults.routes ?? []), ...openapiRoutes(parts.schema, parts.remoteDocuments)] };
    },
  });
  const admin = createClient(target.server.loopback(ADMIN));
  await ensureDefaults(admin, { clock: systemClock, logger: silentLogger });
  await admin.create(serviceaccounts, { metadata: { name: 'default', namespace: 'default' } });
  const { metadata } = await admin.create(customresourcedefinitions, THING_DEFINITION as New<CustomResourceDefinition>);
  await waitFor(
    admin,
    customresourcedefinitions,
    { name: metadata.name },
    { until: (crd) => isConditionTrue(crd?.status.conditions, 'Established'), timeoutMs: 60_000, clock: systemClock, ids: randomIds },
  );
  return target;
}
