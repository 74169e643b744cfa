import { namespaces } from '#api/resources.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from './client.ts';
import { clientContractSuite, type ClientUnderTest } from './contract-suite.ts';
import type { Transport } from './contract.ts';
import { httpsTransport } from './https/transport.ts';
import { fakeTransport, type FakeTransport } from './testing.ts';
import { apiHandler, serve, testAuthority } from './testing/https-server.ts';

function over(transport: Transport, server: FakeTransport, close: () => Promise<void>): ClientUnderTest {
  let count = 0;
  return {
    client: createClient(transport),
    async namespace() {
      const name = `suite-${++count}`;
      server.seed(namespaces, { metadata: { name } });
      return name;
    },
    compact: async () => server.compact(),
    close,
  };
}

clientContractSuite({
  name: 'fake',
  async start() {
    const server = fakeTransport();
    return over(server, server, async () => server.close());
  },
});

clientContractSuite({
  name: 'HTTPS',
  async start() {
    const authority = await testAuthority(systemClock.now());
    const backend = fakeTransport();
    const server = await serve(authority, await authority.server(), apiHandler(backend));
    const transport = httpsTransport({ server: server.url, ca: { pem: authority.ca }, clock: systemClock, logger: silentLogger });
    return over(transport, backend, async () => {
      await transport.close();
      await backend.close();
      await server.close();
    });
  },
});
