import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { nodes, pods } from '#api/resources.ts';
import { testAuthority } from '#client/testing/https-server.ts';
import { ConfigurationError, readConfiguration } from '../config/configuration.ts';
import { node, pod, type RunningScheduler, startScheduler } from '../testing.ts';

/** What the scheduler sends, as far as tests look at it. */
interface Body {
  readonly Pod: { readonly metadata: { readonly name: string } };
  readonly Nodes: { readonly items: readonly { readonly metadata: { readonly name: string } }[] } | null;
  readonly NodeNames: readonly string[] | null;
  readonly NodeNameToVictims: Readonly<Record<string, { readonly Pods: readonly { readonly metadata: { readonly uid: string } }[] }>>;
  readonly PodName: string;
  readonly Node: string;
}

/** By verb; `undefined` leaves the request without an answer, a number is a status code. */
type Answers = Readonly<Record<string, (body: Body) => unknown>>;

interface Extender {
  readonly url: string;
  readonly asked: readonly { readonly verb: string; readonly body: Body }[];
}

const read = async (request: IncomingMessage): Promise<Body> => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString()) as Body;
};

async function serve(t: TestContext, answers: Answers, listen: (handle: RequestListener) => Server = createServer): Promise<Extender> {
  const asked: { verb: string; body: Body }[] = [];
  const server = listen((request, response) => {
    void read(request).then((body) => {
      const verb = (request.url ?? '').slice(1);
      asked.push({ verb, body });
      const answer = answers[verb]?.(body);
      if (answer === 101) response.writeHead(101, { connection: 'upgrade', upgrade: 'x' }).end();
      else if (typeof answer === 'number') response.writeHead(answer).end();
      else if (typeof answer === 'string') response.end(answer);
      else if (answer !== undefined) response.end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const scheme = listen === createServer ? 'http' : 'https';
  return { url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

type Seed = (server: RunningScheduler['server']) => void;

async function run(t: TestContext, extenders: readonly object[], seed: Seed): Promise<RunningScheduler> {
  const running = await startScheduler(seed, { config: { extenders } });
  t.after(() => running.stop());
  return running;
}

const threeNodes: Seed = (server) => void server.seed(nodes, node('n1'), node('n2'), node('n3'));

const nodeOf =
  ({ server }: RunningScheduler, name: string) =>
  (): string | undefined =>
    server.stored(pods).find(({ metadata }) => metadata.name === name)?.spec.nodeName;

const failure =
  ({ events }: RunningScheduler, name: string) =>
  (): string | undefined =>
    events.find((event) => event.pod === name && event.reason === 'FailedScheduling')?.message;

const all = ({ NodeNames, Nodes }: Body): readonly string[] => NodeNames ?? Nodes?.items.map(({ metadata }) => metadata.name) ?? [];

test('an extender filters and scores the nodes that have room; its answer may be written in small letters', async (t) => {
  const extender = await serve(t, {
    filter: (body) => ({ nodenames: all(body).filter((name) => name !== 'n1'), failedNodes: { n1: 'no licence' } }),
    prioritize: (body) => all(body).map((host) => ({ host, score: host === 'n3' ? 10 : 0 })),
  });
  const config = { urlPrefix: extender.url, filterVerb: 'filter', prioritizeVerb: 'prioritize', weight: 5, nodeCacheCapable: true };
  const running = await run(t, [config], (server) => {
    threeNodes(server);
    server.seed(pods, pod('p', { cpu: '1' }), pod('big', { cpu: '9' }));
  });
  assert.equal(await running.until(nodeOf(running, 'p')), 'n3');
  assert.deepEqual(
    extender.asked.map(({ verb, body }) => [verb, body.Pod.metadata.name, body.NodeNames, body.Nodes]),
    [
      ['filter', 'p', ['n1', 'n2', 'n3'], null],
      ['prioritize', 'p', ['n2', 'n3'], null],
    ],
  );
  // A pod that fits nowhere is no question for it.
  await running.until(failure(running, 'big'));
  assert.equal(extender.asked.length, 2);
});

test('an extender that leaves no node is told with its reasons, and asked again when something happens', async (t) => {
  let open = false;
  const extender = await serve(t, {
    filter: (body) =>
      open
        ? { Nodes: body.Nodes }
        : { Nodes: { items: [] }, FailedNodes: { n1: 'busy' }, FailedAndUnresolvableNodes: { n2: 'no licence', n3: 'no licence' } },
  });
  const running = await run(t, [{ urlPrefix: extender.url, filterVerb: 'filter' }], (server) => {
    threeNodes(server);
    server.seed(pods, pod('p', { cpu: '1' }));
  });
  const message = await running.until(failure(running, 'p'));
  assert.match(
    message,
    /^0\/3 nodes are available: 1 busy, 2 no licence\. no new claims to deallocate, preemption: 0\/3 nodes are available: /,
  );
  open = true;
  running.server.seed(nodes, node('n4'));
  assert.ok(await running.until(nodeOf(running, 'p')));
});

test('an extender is asked only about pods that want what it manages, and binds them', async (t) => {
  const bound: string[] = [];
  const extender = await serve(t, {
    filter: (body) => ({ NodeNames: all(body).slice(0, 1) }),
    bind: ({ PodName, Node }) => {
      bound.push(`${PodName} ${Node}`);
      return {};
    },
  });
  const config = {
    urlPrefix: extender.url,
    filterVerb: 'filter',
    bindVerb: 'bind',
    nodeCacheCapable: true,
    managedResources: [{ name: 'example.com/gpu', ignoredByScheduler: true }],
  };
  const running = await run(t, [config], (server) => {
    threeNodes(server);
    server.seed(pods, pod('plain', { cpu: '1' }), pod('gpu', { 'example.com/gpu': '1' }));
  });
  assert.ok(await running.until(nodeOf(running, 'plain')));
  await running.until(() => bound[0]);
  assert.deepEqual(bound, ['gpu n1']);
  assert.deepEqual(new Set(extender.asked.map(({ body }) => body.Pod?.metadata.name ?? body.PodName)), new Set(['gpu']));
  await running.until(() => (running.events.some((event) => event.pod === 'gpu' && event.reason === 'Scheduled') ? true : undefined));
});

test('an extender that is told whole nodes is not taken by the names it answers with', async (t) => {
  const extender = await serve(t, {
    filter: ({ Nodes }) => ({ NodeNames: ['n1'], Nodes: { items: Nodes?.items.filter(({ metadata }) => metadata.name === 'n2') } }),
  });
  const running = await run(t, [{ urlPrefix: extender.url, filterVerb: 'filter' }], (server) => {
    threeNodes(server);
    server.seed(pods, pod('p', { cpu: '1' }));
  });
  assert.equal(await running.until(nodeOf(running, 'p')), 'n2');
});

test('an extender may leave no node to evict pods from; the pod keeps what it was nominated to', async (t) => {
  const extender = await serve(t, { preempt: () => ({ NodeNameToMetaVictims: {} }) });
  const running = await run(t, [{ urlPrefix: extender.url, preemptVerb: 'preempt' }], (server) => {
    server.seed(nodes, node('n1'));
    server.seed(pods, pod('low', { cpu: '3' }, { nodeName: 'n1', priority: 1 }));
    server.seed(pods, pod('high', { cpu: '3' }, { priority: 9 }, { status: { nominatedNodeName: 'n1' } } as object));
  });
  const message = await running.until(failure(running, 'high'));
  assert.match(message, / no new claims to deallocate, preemption: no candidate node for preemption$/);
  const conditions = () => running.server.stored(pods).find(({ metadata }) => metadata.name === 'high')?.status;
  await running.until(() => conditions()?.conditions?.[0]);
  assert.equal(conditions()?.nominatedNodeName, 'n1');
});

test('an extender has a say in whom to evict', async (t) => {
  const extender = await serve(t, {
    preempt: ({ NodeNameToVictims: victims }) => ({
      NodeNameToMetaVictims: { n2: { Pods: victims['n2']?.Pods.map(({ metadata }) => ({ UID: metadata.uid })), NumPDBViolations: 0 } },
    }),
  });
  const running = await run(t, [{ urlPrefix: extender.url, preemptVerb: 'preempt' }], (server) => {
    server.seed(nodes, node('n1'), node('n2'));
    server.seed(
      pods,
      pod('cheap', { cpu: '3' }, { nodeName: 'n1', priority: 1 }),
      pod('dear', { cpu: '3' }, { nodeName: 'n2', priority: 5 }),
    );
    server.seed(pods, pod('high', { cpu: '3' }, { priority: 9 }));
  });
  await running.until(() => running.server.stored(pods).find(({ metadata }) => metadata.name === 'dear')?.metadata.deletionTimestamp);
  assert.equal(running.server.stored(pods).find(({ metadata }) => metadata.name === 'cheap')?.metadata.deletionTimestamp, undefined);
});

for (const c of [
  { name: 'does not answer', answer: () => undefined, httpTimeout: '300ms', error: /^Post "http:.*\/filter": context deadline exceeded$/ },
  { name: 'answers with an error', answer: () => 503, error: /^failed filter with extender at URL http:.*\/filter, code 503$/ },
  { name: 'switches protocols', answer: () => 101, error: /^failed filter with extender at URL http:.*\/filter, code 101$/ },
  { name: 'answers with no JSON', answer: () => '<html>', error: /JSON/ },
  { name: 'says that it failed', answer: () => ({ Error: 'licence server away' }), error: /^licence server away$/ },
  {
    name: 'invents a node',
    answer: () => ({ NodeNames: ['n1', 'atlantis'] }),
    error: /^extender "http:.*" claims a filtered node "atlantis" which is not found in the input node list$/,
  },
  { name: 'answers with another shape', answer: () => ({ NodeNames: { n1: true } }), error: /^NodeNames is no list$/ },
]) {
  test(`an extender that ${c.name} fails the attempts it is needed for, holds up no other pod, and is left out where it may be`, async (t) => {
    const bad = await serve(t, { filter: c.answer });
    const config = {
      urlPrefix: bad.url,
      filterVerb: 'filter',
      nodeCacheCapable: true,
      // One that answers is given the time it takes on a busy machine.
      httpTimeout: c.httpTimeout ?? '5m',
      managedResources: [{ name: 'example.com/gpu', ignoredByScheduler: true }],
    };
    const seed: Seed = (server) => {
      threeNodes(server);
      server.seed(pods, pod('gpu', { 'example.com/gpu': '1' }), pod('plain', { cpu: '1' }));
    };
    const strict = await run(t, [config], seed);
    assert.ok(await strict.until(nodeOf(strict, 'plain')));
    assert.match(await strict.until(failure(strict, 'gpu')), c.error);
    const lenient = await run(t, [{ ...config, ignorable: true }], seed);
    assert.ok(await lenient.until(nodeOf(lenient, 'gpu')));
  });
}

test('an extender is reached over TLS with a certificate, and not under a name that is not its own', async (t) => {
  const authority = await testAuthority(systemClock.now());
  const [serving, client] = [await authority.server('extender.example.com'), await authority.client('scheduler')];
  const extender = await serve(t, { filter: (body) => ({ NodeNames: all(body) }) }, (handle) =>
    createTlsServer({ cert: serving.cert, key: serving.key, ca: authority.ca, requestCert: true, rejectUnauthorized: true }, handle),
  );
  const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
  const tlsConfig = { caData: base64(authority.ca), certData: base64(client.cert), keyData: base64(client.key) };
  const config = { urlPrefix: extender.url, filterVerb: 'filter', nodeCacheCapable: true, enableHTTPS: true };
  const seed: Seed = (server) => {
    threeNodes(server);
    server.seed(pods, pod('p', { cpu: '1' }));
  };
  const right = await run(t, [{ ...config, tlsConfig: { ...tlsConfig, serverName: 'extender.example.com' } }], seed);
  assert.ok(await right.until(nodeOf(right, 'p')));
  const wrong = await run(t, [{ ...config, tlsConfig }], seed);
  assert.match(await wrong.until(failure(wrong, 'p')), /^Post "https:.*\/filter": Hostname\/IP does not match/);
});

for (const [name, extenders, text] of [
  [
    'scores that count nothing',
    [{ prioritizeVerb: 'p' }],
    'extenders[0].weight: Invalid value: 0: must have a positive weight applied to it',
  ],
  [
    'two that bind',
    [{ bindVerb: 'b' }, { bindVerb: 'b' }],
    'extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind',
  ],
  [
    'a resource that is none',
    [{ managedResources: [{ name: 'cpu' }] }],
    'extenders[0].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name',
  ],
] as const) {
  test(`readConfiguration refuses extenders with ${name}`, () =>
    assert.throws(() => readConfiguration({ extenders }), new ConfigurationError(text)));
}
