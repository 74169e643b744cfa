import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import { listenerOf } from './listeners.ts';

test('listenerOf names the process that listens, not a child of it that still has the socket', async (t) => {
  const server = createServer().listen(0);
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { fd } = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
  // Until one would come first if processes were looked at in the order of their names: 100 is before 41.
  for (let last = ''; last === '' || last > String(process.pid);) {
    const child = spawn('sleep', ['1000000'], { stdio: ['ignore', 'ignore', 'ignore', fd] });
    t.after(() => child.kill('SIGKILL'));
    await once(child, 'spawn');
    last = String(child.pid);
  }
  assert.match(listenerOf(port) ?? '', new RegExp(`^\\S+ \\(process ${process.pid}\\)$`));
});

test('listenerOf knows nobody where nobody listens', () => {
  assert.equal(listenerOf(1), undefined);
});
