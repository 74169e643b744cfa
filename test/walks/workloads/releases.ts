// Releases by Deployments: canaries, blue and green, pauses, scaling half way, one that does not come up.
import assert from 'node:assert/strict';
import { deployments, replicasets } from '#api/resources.ts';
import type { ReplicaSet } from '#api/types.ts';
import { deployment, idle, IMAGE, type Space, WET } from './space.ts';

const SERVER = `require('http').createServer((q, r) => r.setHeader('connection', 'close').end(process.env.VERSION)).listen(8080)`;

const web = (version: string) =>
  idle({
    command: ['node', '-e', SERVER],
    env: [{ name: 'VERSION', value: version }],
    readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 },
  });

/** Pods of `track` answer with its name. */
const release = (track: string, replicas: number) => {
  const labels = { app: 'web', track };
  const { spec, ...rest } = deployment(track, replicas, { terminationGracePeriodSeconds: 1, containers: [web(track)] });
  return { ...rest, spec: { ...spec, selector: { matchLabels: labels }, template: { ...spec.template, metadata: { labels } } } };
};

const service = (selector: object) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web' },
  spec: { selector, ports: [{ port: 80, targetPort: 8080 }] },
});

/** Asks one question after the other, as many as there are; prints how often each answer came. */
const ASK = (questions: number): string => `
const http = require('http'), answers = {};
const ask = () => new Promise((done) => {
  const note = (answer) => { answers[answer] = (answers[answer] ?? 0) + 1; done(answer); };
  http.get('http://web/', { agent: false }, (r) => { let text = ''; r.on('data', (c) => text += c).on('end', () => note(text)); }).on('error', (e) => note(e.message));
});
(async () => { for (let i = 0; i < ${questions}; i++) await ask(); console.log(JSON.stringify(answers)); })()`;

/** Asks until it has had enough answers of \`green\` in a row; says so at the first. */
const ASK_UNTIL_GREEN = ASK(0).replace(
  /\(async[^]*$/,
  `(async () => {
    for (let last = 0; last < 300;) last = (await ask()) === 'green' ? last + 1 : 0;
    console.log(JSON.stringify(answers));
  })()`,
);

const client = (script: string) => ({
  restartPolicy: 'Never' as const,
  tolerations: [WET],
  containers: [{ name: 'main', image: IMAGE, imagePullPolicy: 'Never' as const, command: ['node', '-e', script] }],
});

export async function canary(space: Space): Promise<void> {
  await space.apply(release('stable', 3), release('canary', 1), service({ app: 'web' }));
  for (const track of ['stable', 'canary']) await space.rolledOut(`deployment/${track}`);
  await space.kubectl([
    'wait',
    '--for=jsonpath={.endpoints[3].conditions.ready}=true',
    'endpointslice',
    '-l',
    'kubernetes.io/service-name=web',
    '--timeout=170s',
  ]);
  await space.run('client', client(ASK(400)));
  const answers = JSON.parse(await space.output('client')) as Record<string, number>;
  assert.deepEqual(Object.keys(answers).toSorted(), ['canary', 'stable']);
  // A quarter of 400, give or take seven standard deviations.
  assert.ok((answers['canary'] ?? 0) > 40 && (answers['canary'] ?? 0) < 160, JSON.stringify(answers));
}

export async function blueGreen(space: Space): Promise<void> {
  await space.apply(release('blue', 2), release('green', 2), service({ app: 'web', track: 'blue' }));
  for (const track of ['blue', 'green']) await space.rolledOut(`deployment/${track}`);
  await space.run('client', client(ASK_UNTIL_GREEN));
  await space.kubectl(['wait', '--for=condition=Ready', 'pod/client', '--timeout=170s']);
  await space.apply(service({ app: 'web', track: 'green' }));
  await space.kubectl(['scale', 'deployment/blue', '--replicas=0']);
  const answers = JSON.parse(await space.output('client')) as Record<string, number>;
  assert.ok(
    Object.keys(answers).every((answer) => answer === 'blue' || answer === 'green'),
    JSON.stringify(answers),
  );
}

const imageOf = ({ spec }: ReplicaSet): string => (spec.template.spec.containers[0]?.image ?? '').replace(/^example.test\//, '');

export async function halfWay(space: Space): Promise<void> {
  const sets = async (): Promise<string> =>
    (await space.client.list(replicasets, { namespace: space.namespace, labelSelector: 'app=app' })).items
      .map((rs) => `${imageOf(rs)} ${rs.spec.replicas}`)
      .toSorted()
      .join(', ');
  const until = (is: (found: { readonly status: { readonly updatedReplicas?: number; readonly replicas?: number } }) => boolean) =>
    space.object(deployments, 'app', (found) => found.status.observedGeneration === found.metadata.generation && is(found));
  const rollingUpdate = { maxSurge: 2, maxUnavailable: 0 };
  await space.apply(deployment('app', 4, {}, { strategy: { type: 'RollingUpdate', rollingUpdate } }));
  await space.rolledOut('deployment/app');

  // Changes while it is paused are one release when it goes on.
  await space.kubectl(['rollout', 'pause', 'deployment/app']);
  await space.kubectl(['set', 'env', 'deployment/app', 'A=1']);
  await space.kubectl(['set', 'env', 'deployment/app', 'B=1']);
  await until(({ status }) => (status.updatedReplicas ?? 0) === 0);
  assert.equal(await sets(), 'tools:1 4');
  await space.kubectl(['rollout', 'resume', 'deployment/app']);
  await space.rolledOut('deployment/app');
  assert.equal(await sets(), 'tools:1 0, tools:1 4');
  assert.match(await space.kubectl(['rollout', 'history', 'deployment/app']), /\n1 .*\n2 .*\n\n$/);

  // One that does not come up: it stops half way, and says so when its time is over.
  const deadline = (seconds: number) =>
    space.kubectl(['patch', 'deployment/app', '--type=merge', '-p', JSON.stringify({ spec: { progressDeadlineSeconds: seconds } })]);
  await deadline(2);
  await space.kubectl(['set', 'image', 'deployment/app', 'main=example.test/none:1']);
  const stuck = await space.refused(['rollout', 'status', 'deployment/app']);
  assert.match(stuck, /deployment "app" exceeded its progress deadline/);
  assert.equal(await sets(), 'none:1 2, tools:1 0, tools:1 4');
  const { status } = await space.client.get(deployments, { name: 'app', namespace: space.namespace });
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing');
  assert.deepEqual([progressing?.status, progressing?.reason], ['False', 'ProgressDeadlineExceeded']);
  assert.equal(status.availableReplicas, 4);

  await deadline(600);

  // Scaled while it is stuck, old and new grow by their share.
  await space.kubectl(['scale', 'deployment/app', '--replicas=10']);
  await until((found) => found.status.replicas === 12);
  assert.equal(await sets(), 'none:1 4, tools:1 0, tools:1 8');
  await space.kubectl(['rollout', 'undo', 'deployment/app']);
  await space.rolledOut('deployment/app');
  assert.equal(await sets(), 'none:1 0, tools:1 0, tools:1 10');
  assert.match(await space.kubectl(['rollout', 'history', 'deployment/app']), /\n1 .*\n3 .*\n4 .*\n\n$/);
}
