import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { namespaces } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { clientContractSuite, type ClientUnderTest } from '#client/contract-suite.ts';
import type { Transport } from '#client/contract.ts';
import { fixedCredentials } from '#client/https/credentials.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { ADMIN, startTestServer, type TestServer } from './testing.ts';

function over(transport: Transport, { server, stop }: TestServer): ClientUnderTest {
  const client = createClient(transport);
  let count = 0;
  return {
    client,
    async namespace() {
      const name = `suite-${++count}`;
      await client.create(namespaces, { metadata: { name } });
      return name;
    },
    compact: () => server.forgetHistory(),
    close: async () => {
      await transport.close();
      await stop();
    },
  };
}

clientContractSuite({
  name: 'loopback',
  async start() {
    const running = await startTestServer();
    return over(running.server.loopback(ADMIN), running);
  },
});

clientContractSuite({
  name: 'HTTPS to a real server',
  async start() {
    const running = await startTestServer();
    const { authority, admin, url } = running;
    const credentials = fixedCredentials({ certificate: { cert: admin.certificate, key: admin.key } });
    return over(
      httpsTransport({ server: url, ca: { pem: authority.certificate }, credentials, clock: systemClock, logger: silentLogger }),
      running,
    );
  },
});
