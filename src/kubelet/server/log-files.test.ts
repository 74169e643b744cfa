import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '#test/harness/temp.ts';
import { serveLogFiles } from './log-files.ts';

test('a reader of a log file who leaves in the middle is no failure', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'long.log'), Buffer.alloc(32 << 20, 'line\n'));
  const served = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    serveLogFiles(response, folder, '/long.log').then(served.resolve, served.reject);
  }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const asked = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, agent: false });
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  assert.equal(answer.headers['content-length'], String(32 << 20));
  asked.destroy();
  await served.promise;
});
