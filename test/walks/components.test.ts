// A cluster of single components, each a process of its own: what it does, what goes on while one of them is dead, and
// that one that comes back catches up and leaves what runs alone.
import { anyDisk, connectMachine, MACHINE } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { isConditionTrue } from '#api/conditions.ts';
import { nodes, pods as podResource, services } from '#api/resources.ts';
import type { New, Node, Pod, Service } from '#api/types.ts';
import { waitFor } from '#client/wait-for.ts';
import { adminKubeconfig, writeKubeconfig } from '#cluster/kubeconfig.ts';
import { connectCri } from '#cri/client.ts';
import { importImage } from '#cri/image/import.ts';
import { ensurePauseImage, PAUSE_IMAGE } from '#cri/pause/pause-image.ts';
import { buildHostImage } from '#cri/testing/host-image.ts';
import { cniConfig } from '#network/cni-config.ts';
import { controlPlanePki, startApiServer } from '../harness/api-server.ts';
import { run } from '../harness/command.ts';
import { proaCommand, startComponent } from '../harness/component.ts';
import { startContainerd } from '../harness/containerd.ts';
import { eventually } from '../harness/eventually.ts';
import { kubectl } from '../harness/kubectl.ts';
import { importAgentImage, startAgents } from '../harness/network-agent.ts';
import { podSet } from '../harness/pods.ts';
import { temporaryFolder } from '../harness/temp.ts';

const owner = { after };
await connectMachine();
const folder = temporaryFolder(owner);
const pki = await controlPlanePki(owner, MACHINE);

const containerd = await startContainerd(owner, { sandboxImage: PAUSE_IMAGE });
const cri = connectCri({ endpoint: `unix://${containerd.socket}`, clock: systemClock, logger: silentLogger });
after(() => cri.close());
const target = { address: containerd.socket, images: cri.image, clock: systemClock };
await cri.ready();
await ensurePauseImage(target);
await importAgentImage({
  importImage: async (spec) => void (await importImage(await buildHostImage({ ...spec, folder: join(folder, 'image') }), target)),
});
// What `proa agent` does for its node, an administrator does for a kubelet that runs alone.
const network = { podCIDRs: ['10.244.0.0/24'], mtu: 1_500, leaseDir: join(folder, 'leases') };
writeFileSync(join(containerd.cniConfigFolder, '10-test.conflist'), cniConfig(network));

const apiserver = await startApiServer(owner, pki, {}, MACHINE);
function kubeconfig(user: string): string {
  const path = join(folder, `${user}.kubeconfig`);
  writeKubeconfig(path, adminKubeconfig(apiserver.server, pki.certificate('ca'), pki.read(user)));
  return path;
}
const ca = pki.certificatePath('ca');
const [scheduler, controllerManager, kubelet, proxy] = await Promise.all([
  // Without election, so that one that was killed does not wait for the lease it held to end.
  startComponent(owner, 'scheduler', { kubeconfig: kubeconfig('scheduler'), 'leader-elect': 'false' }),
  startComponent(owner, 'controller-manager', {
    kubeconfig: kubeconfig('controller-manager'),
    'leader-elect': 'false',
    'root-ca-file': ca,
  }),
  startComponent(owner, 'kubelet', {
    kubeconfig: kubeconfig('kubelet-client'),
    'hostname-override': 'boat',
    'node-ip': MACHINE,
    'container-runtime-endpoint': `unix://${containerd.socket}`,
    'root-dir': join(folder, 'kubelet'),
    config: anyDisk(folder),
    'tls-cert-file': pki.certificatePath('kubelet-server'),
    'tls-private-key-file': pki.keyPath('kubelet-server'),
    'client-ca-file': ca,
  }),
  startComponent(owner, 'proxy', { kubeconfig: kubeconfig('kube-proxy'), 'hostname-override': 'boat' }),
]);

const admin = kubeconfig('admin');
const pods = await podSet(owner, { kubeconfig: admin, kubectl: await kubectl(owner, admin) }, 'parts');
const { client: api, namespace } = pods;
const waiting = { timeoutMs: 120_000, clock: systemClock, ids: randomIds };
const isReady = (node: Node | undefined): boolean => isConditionTrue(node?.status.conditions, 'Ready');
const boat = (await waitFor(api, nodes, { name: 'boat' }, { ...waiting, until: isReady })) as Node;

const serve = (name: string, selector: object): Promise<Service> =>
  pods.create(services, { metadata: { name }, spec: { selector, ports: [{ port: 80, targetPort: 8080 }] } } as New<Service>);

/** Resolves once the Service leads to the pod of this name; asked by the node itself. */
const answers = ({ spec }: Service, name: string): Promise<void> =>
  eventually(async () => {
    // A packet to an address that has no rule yet is lost, and the next one sent long after.
    const signal = AbortSignal.timeout(1_000);
    assert.equal(await (await fetch(`http://${spec.clusterIP}/hostname`, { signal })).text(), name);
  });

const [web] = await startAgents(pods, [{ name: 'web', labels: { app: 'web' } }]);
assert.ok(web);
const service = await serve('web', { app: 'web' });

const untouched = async (): Promise<void> => {
  const now = await api.get(podResource, { name: 'web', namespace });
  const lifeOf = ({ metadata, status }: Pod) => [
    metadata.uid,
    status.podIP,
    status.containerStatuses?.map((each) => [each.containerID, each.restartCount]),
  ];
  assert.deepEqual(lifeOf(now), lifeOf(web.pod));
  const since = (node: Node) => node.status.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
  assert.equal(since(await api.get(nodes, { name: 'boat' })), since(boat), 'the node was Ready all the time');
};

test('the node gets its pod network, pods run, and a Service leads to them', async () => {
  await answers(service, 'web');
  const { spec } = (await waitFor(api, nodes, { name: 'boat' }, { ...waiting, until: (node) => node?.spec.podCIDR !== undefined })) as Node;
  assert.deepEqual(spec.podCIDRs, network.podCIDRs);
  const { spec: kubernetes } = await api.get(services, { name: 'kubernetes', namespace: 'default' });
  assert.equal(await web.lookup(kubernetes.clusterIP ?? ''), kubernetes.clusterIP);
  assert.match(
    (await web.ask(`http://${kubernetes.clusterIP}:443/`)).join(),
    /^(HPE_|ECONNRESET|Client sent)/,
    'the API server, spoken to without TLS',
  );
});

test('fields are owned under the name of the program that wrote them', async () => {
  const { metadata } = await api.get(nodes, { name: 'boat' });
  const managers = new Set(metadata.managedFields?.map(({ manager }) => manager));
  assert.deepEqual(managers, new Set(['kube-controller-manager', 'kubelet']));
});

test('a proxy that was killed leaves its rules in force, and catches up', async () => {
  await proxy.kill();
  await answers(service, 'web');
  const fresh = await serve('proxied', { app: 'web' });
  await proxy.restart();
  await answers(fresh, 'web');
  await untouched();
});

test('a controller manager that was killed gives a new Service its endpoints when it is back', async () => {
  await controllerManager.kill();
  const fresh = await serve('controlled', { app: 'web' });
  await controllerManager.restart();
  await answers(fresh, 'web');
  await untouched();
});

test('a scheduler that was killed places what waits when it is back', async () => {
  await scheduler.kill();
  const started = startAgents(pods, [{ name: 'placed' }]);
  await pods.until('placed', ({ spec }) => spec.nodeName === undefined);
  await scheduler.restart();
  await started;
  await untouched();
});

test('a kubelet that was killed leaves containers running, and catches up with what came and went', async () => {
  await kubelet.kill();
  await answers(service, 'web');
  const started = startAgents(pods, [{ name: 'came', labels: { app: 'came' } }]);
  await api.delete(podResource, { name: 'placed', namespace });
  await kubelet.restart();
  await started;
  await pods.gone('placed');
  await answers(await serve('came', { app: 'came' }), 'came');
  await untouched();
});

test('an API server that was killed keeps what it took, and every component works on when it is back', async () => {
  await apiserver.kill();
  await answers(service, 'web');
  await apiserver.restart();
  await startAgents(pods, [{ name: 'again', labels: { app: 'again' } }]);
  await answers(await serve('again', { app: 'again' }), 'again');
  await untouched();
});

test('together they take everything away again', async () => {
  const { items } = await api.list(podResource, { namespace });
  await Promise.all(
    items.map(async ({ metadata: { name } }) => {
      await api.delete(podResource, { name, namespace });
      await pods.gone(name);
    }),
  );
});

describe('what cannot run says why in one line, and ends with 1:', { concurrency: true }, () => {
  for (const [args, says] of [
    [['scheduler'], 'proa: scheduler needs --kubeconfig FILE'],
    [['scheduler', '--kubeconfig=/none'], 'proa: the kubeconfig /none cannot be read (ENOENT)'],
    [['scheduler', `--kubeconfig=${admin}`, '--config=/none'], 'proa: --config /none cannot be read (ENOENT)'],
    [
      ['controller-manager', `--kubeconfig=${admin}`, `--root-ca-file=${ca}`, '--controllers=*,jobs'],
      'proa: --controllers: "jobs" is not in the list of known controllers',
    ],
    [['proxy', '--no-such-flag'], "proa: unknown option '--no-such-flag'\n(see proa proxy --help)"],
  ] as const) {
    test(`proa ${args.join(' ')}`, async () => {
      const [node, ...rest] = proaCommand(...args);
      assert.deepEqual(await run(node, rest), { code: 1, stdout: '', stderr: `${says}\n` });
    });
  }

  test('proa apiserver on a port that is taken', async () => {
    const flags = { 'secure-port': new URL(apiserver.server).port };
    await assert.rejects(startApiServer(owner, pki, flags, MACHINE), {
      message: /:\nproa: 192\.0\.2\.1:\d+ is taken by another program$/,
    });
  });
});
