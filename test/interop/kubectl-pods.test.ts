// Every command of the real kubectl that reaches into running pods, against a cluster as a user has it.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { temporaryFolder } from '../harness/temp.ts';

const cluster = await startCluster({ after });
const client = cluster.kubectl;
const folder = temporaryFolder({ after });
await cluster.importImage({
  name: 'example.test/tools:1',
  programs: ['node', 'sh', 'sleep', 'cat', 'kill', 'tar', 'ls', 'rm', 'stty', 'ps', 'env', 'seq', 'test'],
});

/** A command line without quoting: words go by blanks. */
const kubectl = (line: string): Promise<string> => client.succeed(line.split(' '));

/** Counts, says what it reads, and answers over HTTP. */
const PROGRAM = `
let n = 0; setInterval(() => console.log('tick ' + n++), 100);
process.stdin.on('data', (d) => console.log('heard ' + d.toString().trim()));
require('http').createServer((q, r) => r.end('page ' + q.url)).listen(8080);
process.on('SIGTERM', () => process.exit(0));
`;

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'app' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: 'app' } },
    template: {
      metadata: { labels: { app: 'app' } },
      spec: {
        terminationGracePeriodSeconds: 2,
        initContainers: [{ name: 'first', image: 'example.test/tools:1', command: ['sh', '-c', 'echo one; echo two; echo three'] }],
        containers: [
          {
            name: 'app',
            image: 'example.test/tools:1',
            stdin: true,
            command: ['node', '-e', PROGRAM],
            ports: [{ containerPort: 8080, name: 'http' }],
            readinessProbe: { httpGet: { port: 'http' }, periodSeconds: 1 },
          },
          { name: 'side', image: 'example.test/tools:1', command: ['sh', '-c', 'echo beside; exec sleep 100000'] },
        ],
      },
    },
  },
};
await client.succeed(['apply', '-f', '-'], { input: JSON.stringify(deployment) });
await client.succeed(['expose', 'deployment', 'app', '--port=80', '--target-port=http']);
await kubectl('rollout status deployment/app --timeout=120s');
const [pod = ''] = (await kubectl('get pods -l app=app -o jsonpath={.items[*].metadata.name}')).split(' ');

describe('kubectl logs', () => {
  test('reads the log whole, by its end, by container, and with times', async () => {
    // Of a container that has ended: a log that grows may have grown by a line when its end is read.
    assert.equal(await kubectl(`logs ${pod} -c first`), 'one\ntwo\nthree\n');
    assert.equal(await kubectl(`logs ${pod} -c first --tail=2`), 'two\nthree\n');
    assert.equal(await kubectl(`logs ${pod} -c first --limit-bytes=6`), 'one\ntw');
    assert.match(await kubectl(`logs ${pod} -c first --timestamps --tail=1`), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z three\n$/);
    assert.equal(await kubectl(`logs ${pod} -c first --since=0s --tail=0`), '');
    assert.match(await kubectl('logs deployment/app --all-containers --prefix'), /\[pod\/app-\S+\/side\] beside/);
    assert.match(await kubectl('logs -l app=app -c side'), /beside/);
  });

  test('follows it', async () => {
    const whole = client.start(['logs', '--follow', pod, '-c', 'app']);
    await whole.line(/^tick 1$/);
    assert.match(whole.output, /^tick 0\ntick 1(\n|$)/);
    await whole.stop('SIGINT');
    const following = client.start(['logs', '--follow', '--tail=1', pod, '-c', 'app']);
    const next = Number(/\d+/.exec(await following.line(/^tick/))?.[0]) + 3;
    await following.line(new RegExp(`^tick ${next}$`));
    await following.stop('SIGINT');
  });

  test('reads what is recent, and leaves the rest out', async () => {
    const following = client.start(['logs', '--follow', pod, '-c', 'app']);
    await following.line(/^tick 40$/); // four seconds after the first, and whole seconds are compared
    await following.stop('SIGINT');
    const [recent = '', all = ''] = await Promise.all(['1s', '24h'].map((since) => kubectl(`logs ${pod} -c app --since=${since}`)));
    assert.match(all, /^tick 0$/m);
    assert.doesNotMatch(recent, /^tick 0$/m);
    assert.ok(recent.split('\n').length < all.split('\n').length);
  });

  test('names what is not there', async () => {
    assert.match((await client.run(['logs', pod, '-c', 'none'])).stderr, /container none is not valid for pod app-/);
    assert.match(
      (await client.run(['logs', pod, '-c', 'app', '--previous'])).stderr,
      /previous terminated container "app" in pod "app-\S+" not found/,
    );
    assert.match((await client.run(['logs', 'none'])).stderr, /pods "none" not found/);
  });
});

describe('kubectl exec and attach', () => {
  test('passes input, both outputs and the exit code', async () => {
    const exec = (...words: readonly string[]): readonly string[] => ['exec', '-i', pod, '-c', 'app', '--', ...words];
    const { code, stdout, stderr } = await client.run(exec('sh', '-c', 'cat; echo wrong >&2; exit 42'), { input: 'in and out' });
    assert.deepEqual({ code, stdout }, { code: 42, stdout: 'in and out' });
    assert.match(stderr, /^wrong\ncommand terminated with exit code 42\n$/);
    const megabytes = Buffer.alloc(8 << 20, 'x');
    assert.equal((await client.succeed(exec('cat'), { input: megabytes })).length, megabytes.length);
    assert.match((await client.run(exec('no-such-program'))).stderr, /executable file not found in \$PATH/);
  });

  test('a program that ends before its input does is still heard to the end', async () => {
    for (let round = 0; round < 5; round++) {
      const args = ['exec', '-i', pod, '-c', 'app', '--', 'sh', '-c', 'echo short; exit 3'];
      const { code, stdout } = await client.run(args, { input: Buffer.alloc(32 << 10, 'y') });
      assert.deepEqual({ code, stdout }, { code: 3, stdout: 'short\n' });
    }
  });

  test('a terminal gets the size of the user’s, is typed to, and ends with its own status', async () => {
    // The size comes by a channel of its own, so that the program waits for it; what is typed before it runs could be lost.
    const program = 'while test "$(stty size)" != "33 91"; do sleep 0.05; done; echo sized; read status; exit "$status"';
    const words = ['exec', '-it', pod, '-c', 'app', '--', 'sh', '-c', program];
    const terminal = client.startInTerminal(words, { rows: 33, columns: 91 });
    await terminal.line(/^sized/);
    terminal.child.stdin?.write('7\n');
    await terminal.ended();
    assert.equal(terminal.child.exitCode, 7);
  });

  test('attach joins the container: what it says, and what it hears', async () => {
    const attached = client.start(['attach', '-i', pod, '-c', 'app']);
    await attached.line(/^tick/);
    attached.child.stdin?.write('ahoy\n');
    await attached.line(/^heard ahoy$/);
    await attached.stop('SIGKILL');
  });
});

describe('kubectl cp', () => {
  test('copies files and folders both ways', async () => {
    const bytes = Buffer.alloc(3 << 20, 'proa');
    mkdirSync(join(folder, 'tree/deep'), { recursive: true });
    writeFileSync(join(folder, 'tree/deep/file'), bytes);
    await kubectl(`cp ${join(folder, 'tree')} ${pod}:/tmp/tree -c app`);
    assert.equal((await kubectl(`exec ${pod} -c app -- ls /tmp/tree/deep`)).trim(), 'file');
    await kubectl(`cp ${pod}:/tmp/tree ${join(folder, 'back')} -c app`);
    assert.deepEqual(readFileSync(join(folder, 'back/deep/file')), bytes);
  });
});

describe('kubectl port-forward', () => {
  for (const target of [pod, 'deployment/app', 'service/app']) {
    const kind = target.split('/').length === 2 ? target.split('/')[0] : 'pod';
    test(`to a ${kind}`, async () => {
      const forward = client.start(['port-forward', target, kind === 'service' ? ':80' : ':8080']);
      const port = Number(/127\.0\.0\.1:(\d+)/.exec(await forward.line(/Forwarding from 127/))?.[1]);
      const answers = await Promise.all(Array.from({ length: 20 }, async (_, i) => (await fetch(`http://127.0.0.1:${port}/${i}`)).text()));
      assert.deepEqual(
        answers,
        Array.from({ length: 20 }, (_, i) => `page /${i}`),
      );
      await forward.stop('SIGINT');
    });
  }

  test('to a port where nobody listens says so', async () => {
    const forward = client.start(['port-forward', pod, ':9']);
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(await forward.line(/Forwarding from 127/))?.[1]);
    connect(port, '127.0.0.1')
      .on('error', () => {})
      .end('x');
    await forward.line(/connection refused/);
    await forward.stop('SIGINT');
  });
});

describe('kubectl reaches pods in other ways', () => {
  test('through the proxy of the API server', async () => {
    assert.equal(await kubectl(`get --raw /api/v1/namespaces/default/pods/${pod}:8080/proxy/deep?x=1`), 'page /deep?x=1');
    assert.equal(await kubectl('get --raw /api/v1/namespaces/default/services/app:80/proxy/there'), 'page /there');
    assert.match(await kubectl('get --raw /api/v1/nodes/boat/proxy/healthz'), /^ok$/);
  });

  test('debug adds a container that shares the target, and copies a pod', async () => {
    const debug = client.start([
      'debug',
      pod,
      '--image=example.test/tools:1',
      '--target=app',
      '-c',
      'look',
      '--',
      'sh',
      '-c',
      'ps ax; sleep 600',
    ]);
    await debug.ended();
    await kubectl(`wait pod/${pod} --for=jsonpath={.status.ephemeralContainerStatuses[0].state.running} --timeout=60s`);
    const logs = client.start(['logs', '-f', pod, '-c', 'look']);
    await logs.line(/node -e/);
    await kubectl(`debug ${pod} --copy-to=copy --container=app --set-image=*=example.test/tools:1 -- sleep 600`);
    await kubectl('wait pod/copy --for=condition=PodScheduled --timeout=60s');
    await kubectl('delete pod copy --now');
  });

  test('run attaches to a pod of one command and removes it', async () => {
    const args = ['run', 'once', '--rm', '-i', '--image=example.test/tools:1', '--restart=Never', '--', 'sh', '-c', 'cat; echo done'];
    const { stdout } = await client.run(args, { input: 'given ' });
    assert.match(stdout, /given done/);
    assert.match((await client.run(['get', 'pod', 'once'])).stderr, /not found/);
  });

  test('describe tells the story of a pod', async () => {
    const story = await kubectl(`describe pod ${pod}`);
    for (const part of [
      /Controlled By: +ReplicaSet\/app-/,
      /Init Containers:\n +first:/,
      /Readiness: +http-get http:\/\/:http\/ delay=0s timeout=1s period=1s/,
      /QoS Class: +BestEffort/,
      /Scheduled +\S+ +default-scheduler +Successfully assigned default\/app-/,
    ])
      assert.match(story, part);
  });
});
