import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createApi, request as askKubelet } from 'node:https';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { after, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { connectCri } from '#cri/client.ts';
import { importImage, type ImportTarget } from '#cri/image/import.ts';
import { ensurePauseImage, PAUSE_IMAGE } from '#cri/pause/pause-image.ts';
import { buildHostImage } from '#cri/testing/host-image.ts';
import { startContainerd } from '#test/harness/containerd.ts';
import { kubectl } from '#test/harness/kubectl.ts';
import { defer } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { createKubeletServer } from './server.ts';
import { testAuthority } from './testing/certificates.ts';
import { fakeHost, openAccess, testPod } from './testing/fake-host.ts';

const IMAGE = 'example.test/programs:1';
const owner = { after };
const containerd = await startContainerd(owner, { sandboxImage: PAUSE_IMAGE });
const cri = connectCri({ endpoint: `unix://${containerd.socket}`, clock: systemClock, logger: silentLogger });
const target: ImportTarget = { address: containerd.socket, images: cri.image, clock: systemClock };
await cri.ready();
await ensurePauseImage(target);
await importImage(await buildHostImage({ name: IMAGE, folder: join(temporaryFolder(owner), 'image') }), target);

const logDirectory = temporaryFolder(owner);
const sandboxConfig = {
  metadata: { name: 'web', namespace: 'default', uid: 'uid-of-web' },
  logDirectory,
  dnsConfig: { servers: ['127.0.0.1'] },
  linux: { securityContext: { namespaceOptions: { network: 'NODE', pid: 'CONTAINER' } } },
} as const;
const { podSandboxId } = await cri.runtime.runPodSandbox({ config: sandboxConfig });
const command = ['sh', '-c', 'echo begun; read line; echo "got $line"; exec sleep 1000'];
const config = { metadata: { name: 'app' }, image: { image: IMAGE }, command, stdin: true, logPath: 'app.log' };
const { containerId } = await cri.runtime.createContainer({ podSandboxId, config, sandboxConfig });
await cri.runtime.startContainer({ containerId });
defer(owner, async () => {
  await cri.runtime.stopPodSandbox({ podSandboxId });
  await cri.runtime.removePodSandbox({ podSandboxId });
  cri.close();
});

const authority = await testAuthority();
const serving = await authority.issue('node');
const client = await authority.issue('apiserver', ['system:masters']);
const pod = testPod('web');
const server = createKubeletServer({
  host: fakeHost({
    pod,
    cri,
    containerId,
    sandboxId: podSandboxId,
    log: () => Promise.resolve({ containerId, path: join(logDirectory, 'app.log'), running: true }),
  }),
  tls: () => ({ ...serving, clientCa: authority.certificate }),
  access: openAccess,
  address: { host: '127.0.0.1', port: 0 },
  clock: systemClock,
  logger: silentLogger,
});
const kubeletPort = await server.start();
defer(owner, () => server.stop());

/** Of an API server, as much as kubectl asks: the pod, and its subresources passed on to the kubelet. */
const api = createApi({ cert: serving.certificate, key: serving.key, ALPNProtocols: ['http/1.1'] });
const toKubelet = (url: string): string => {
  const { pathname, searchParams } = new URL(url, 'https://api');
  const verb = pathname.split('/').at(-1) ?? '';
  const names: Record<string, string> = { stdin: 'input', stdout: 'output', stderr: 'error' };
  const query = new URLSearchParams();
  for (const [name, value] of searchParams)
    query.append(names[name] ?? name, value === 'true' && name in names ? '1' : value === 'true' && name === 'tty' ? '1' : value);
  const path = {
    exec: '/exec/default/web/app',
    attach: '/attach/default/web/app',
    portforward: '/portForward/default/web',
    log: '/containerLogs/default/web/app',
  }[verb];
  return `${path}?${query.toString()}`;
};
const asApiServer = { host: '127.0.0.1', port: kubeletPort, ca: authority.certificate, cert: client.certificate, key: client.key };
const upgradedWith = new Set<string>();
api.on('request', (request, response) => {
  const path = new URL(request.url ?? '/', 'https://api').pathname;
  if (path.endsWith('/log')) {
    const asked = askKubelet({ ...asApiServer, path: toKubelet(request.url ?? ''), agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 500);
      answer.pipe(response);
    });
    response.once('close', () => asked.destroy());
    asked.end();
    return;
  }
  const known: Record<string, unknown> = {
    '/api/v1/namespaces/default/pods/web': pod,
    '/api': { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] },
    '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [] },
    '/api/v1': {
      kind: 'APIResourceList',
      groupVersion: 'v1',
      resources: [{ name: 'pods', singularName: 'pod', namespaced: true, kind: 'Pod', verbs: ['get', 'list'], shortNames: ['po'] }],
    },
  };
  response.writeHead(known[path] === undefined ? 404 : 200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(known[path] ?? { kind: 'Status', status: 'Failure', code: 404, reason: 'NotFound' }));
});
api.on('upgrade', (request, socket, head) => {
  const kubelet = connectTls({ ...asApiServer, ALPNProtocols: ['http/1.1'] });
  // What was refused kubectl asks for in an older way, so only the answer tells.
  kubelet.once('data', (answer: Buffer) => {
    if (!answer.toString('latin1').startsWith('HTTP/1.1 101 ')) return;
    upgradedWith.add(request.headers['sec-websocket-protocol'] ?? String(request.headers.upgrade));
  });
  const lines: string[] = [];
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) lines.push(`${request.rawHeaders[i]}: ${request.rawHeaders[i + 1]}\r\n`);
  kubelet.write(`${request.method} ${toKubelet(request.url ?? '')} HTTP/1.1\r\n${lines.join('')}\r\n`);
  if (head.length > 0) kubelet.write(head);
  for (const [from, to] of [
    [socket, kubelet],
    [kubelet, socket],
  ] as const) {
    from.on('error', () => from.destroy());
    from.once('close', () => to.destroy());
    from.pipe(to);
  }
});
api.listen(0, '127.0.0.1');
await once(api, 'listening');
defer(owner, () => {
  api.closeAllConnections();
  api.close();
});

const kubeconfig = join(temporaryFolder(owner), 'kubeconfig');
writeFileSync(
  kubeconfig,
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'c',
        cluster: {
          server: `https://127.0.0.1:${(api.address() as AddressInfo).port}`,
          'certificate-authority-data': Buffer.from(authority.certificate).toString('base64'),
        },
      },
    ],
    users: [{ name: 'u', user: { token: 'known' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  }),
);
const kube = await kubectl(owner, kubeconfig);

const WAYS = [
  { name: 'WebSocket', env: {} },
  { name: 'SPDY', env: { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' } },
];

for (const { name, env } of WAYS) {
  test(`kubectl exec -i gives output, errors and the exit code (${name})`, async () => {
    const script = 'cat; echo bad >&2; exit 3';
    const { code, stdout, stderr } = await kube.run(['exec', '-i', 'web', '--', 'sh', '-c', script], { env, input: 'x'.repeat(300_000) });
    assert.deepEqual([code, stdout.length, stderr], [3, 300_000, 'bad\ncommand terminated with exit code 3\n']);
  });

  test(`kubectl port-forward carries several connections (${name})`, async (t) => {
    const echo = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    t.after(() => echo.close());
    const forwarding = kube.start(['port-forward', 'web', `:${(echo.address() as AddressInfo).port}`], { env });
    const line = await forwarding.line(/Forwarding from 127\.0\.0\.1:(\d+)/);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(line)?.[1]);
    for (const size of [10, 500_000]) {
      const both = [1, 2].map(async () => {
        const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
        socket.end('y'.repeat(size));
        return (await text(socket)).length;
      });
      assert.deepEqual(await Promise.all(both), [size, size]);
    }
    await forwarding.stop();
  });
}

test('kubectl used each way of the two', () => {
  const ways = [...upgradedWith];
  assert.ok(ways.some((way) => way.includes('v5.channel.k8s.io')));
  assert.ok(ways.includes('SPDY/3.1+portforward.k8s.io'));
  assert.ok(ways.includes('SPDY/3.1'));
});

test('kubectl attach -i types into the container, whose log is followed', async () => {
  const following = kube.start(['logs', '-f', 'web']);
  await following.line(/^begun$/);
  // Its input stays open: containerd ends the session of a client whose input has ended.
  const attached = kube.start(['attach', '-i', 'web']);
  attached.child.stdin?.write('hello\n');
  await following.line(/^got hello$/);
  await attached.stop();
  await following.stop();
});
