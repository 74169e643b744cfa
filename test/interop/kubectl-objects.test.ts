// Every command of the real kubectl that works on objects, against a cluster as a user has it.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { temporaryFolder } from '../harness/temp.ts';
import { pemRequest } from './certificate-request.ts';

const cluster = await startCluster({ after });
const client = cluster.kubectl;
const folder = temporaryFolder({ after });

/** A command line without quoting: words go by blanks. */
const kubectl = (line: string, input?: string): Promise<string> => client.succeed(line.split(' '), input === undefined ? {} : { input });

async function says(line: string, output: RegExp, input?: string): Promise<void> {
  assert.match(await kubectl(line, input), output);
}

async function refused(line: string, message: RegExp, input?: string): Promise<void> {
  const { code, stdout, stderr } = await client.run(line.split(' '), input === undefined ? {} : { input });
  assert.notEqual(code, 0, stdout);
  assert.match(stderr, message);
}

/** Each line in order; a test of its own would hide that later ones build on earlier ones. */
async function inOrder(lines: readonly (readonly [line: string, output: RegExp])[]): Promise<void> {
  for (const [line, output] of lines) await says(line, output);
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const deployment = (name: string, replicas: number, extra = ''): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec: {containers: [{name: main, image: example.test/none:1, imagePullPolicy: Never${extra}}]}
`;

describe('kubectl about the cluster', () => {
  test('names versions, endpoints, resources and fields', async () => {
    await inOrder([
      ['version', /Server Version: v1\.36\./],
      ['cluster-info', /control plane.* is running at .*https:\/\/192\.0\.2\.1:6443/],
      ['api-versions', /^resource\.k8s\.io\/v1$/m],
      ['api-resources --namespaced=false --no-headers', /^nodes +no +v1 +false +Node$/m],
      ['api-resources --categories=all -o name', /^deployments\.apps$/m],
      ['explain pods.spec.containers.resources --recursive', /limits\t<map\[string\]Quantity>/],
      ['explain cronjob --api-version=batch/v1', /VERSION: +v1/],
      ['get --raw /version', /"major": ?"1"/],
      ['get --raw /readyz', /^ok$/],
      ['config current-context', /^proa/],
      ['cluster-info dump --namespaces=default', /"kind": "NodeList"/],
    ]);
  });

  test('answers who may do what', async () => {
    await inOrder([
      ['auth whoami', /kubernetes-admin/],
      ['auth can-i create deployments', /^yes$/m],
      ['create serviceaccount reader', /created/],
      ['create role reader --verb=get,list --resource=pods,configmaps', /created/],
      ['create rolebinding reader --role=reader --serviceaccount=default:reader', /created/],
      ['create clusterrole metrics --verb=get --non-resource-url=/metrics', /created/],
      ['create clusterrolebinding metrics --clusterrole=metrics --group=system:serviceaccounts', /created/],
      ['auth can-i list pods --as=system:serviceaccount:default:reader', /^yes$/m],
      ['auth can-i --list --as=system:serviceaccount:default:reader', /configmaps +\[\] +\[\] +\[get list\]/],
      ['auth whoami --as=ann --as-group=crew', /ann[^]*crew/],
    ]);
    await refused('auth can-i delete pods --as=system:serviceaccount:default:reader', /^$/);
    const token = (await kubectl('create token reader --duration=10m --audience=https://kubernetes.default.svc.cluster.local')).trim();
    const config = join(folder, 'reader.kubeconfig');
    const { server, ca } = await clusterAddress();
    for (const words of [
      `set-cluster c --server=${server} --certificate-authority=${file('ca.crt', ca)}`,
      `set-credentials u --token=${token}`,
      'set-context x --cluster=c --user=u',
      'use-context x',
    ])
      await kubectl(`--kubeconfig=${config} config ${words}`);
    await says(`--kubeconfig=${config} get pods`, /^$/);
    await refused(
      `--kubeconfig=${config} delete configmap --all`,
      /User "system:serviceaccount:default:reader" cannot deletecollection|cannot delete resource "configmaps"/,
    );
    await says('auth reconcile -f -', /role\.rbac\.authorization\.k8s\.io\/reader reconciled/, await kubectl('get role reader -o yaml'));
  });

  test('approves a certificate request, and its user is who the certificate says', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const request = await pemRequest({ publicKey, privateKey, commonName: 'ann', organization: 'crew' });
    const manifest = (name: string): string => `
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: ${name}}
spec:
  request: ${Buffer.from(request).toString('base64')}
  signerName: kubernetes.io/kube-apiserver-client
  usages: [client auth]
  expirationSeconds: 3600
`;
    await says('apply -f -', /created/, manifest('ann'));
    await says('get csr ann', /kubernetes-admin +1h +Pending|60m +Pending/);
    await says('certificate approve ann', /approved/);
    await kubectl('wait csr/ann --for=jsonpath={.status.certificate} --timeout=30s');
    await says('get csr ann', /Approved,Issued/);
    const certificate = await kubectl('get csr ann -o jsonpath={.status.certificate}');
    const key = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    const paths = [file('ann.crt', Buffer.from(certificate, 'base64').toString()), file('ann.key', key)];
    const { server, ca } = await clusterAddress();
    await says(
      `--kubeconfig=/dev/null --server=${server} --certificate-authority=${file('ca.crt', ca)} --client-certificate=${paths[0]} --client-key=${paths[1]} auth whoami`,
      /ann[^]*crew/,
    );
    await says('apply -f -', /created/, manifest('bob'));
    await says('certificate deny bob', /denied/);
    await says('get csr bob', /Denied/);
  });
});

async function clusterAddress(): Promise<{ readonly server: string; readonly ca: string }> {
  const view = JSON.parse(await kubectl('config view --raw -o json')) as {
    readonly clusters: readonly { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } }[];
  };
  const found = view.clusters[0]?.cluster;
  assert.ok(found);
  return { server: found.server, ca: Buffer.from(found['certificate-authority-data'], 'base64').toString() };
}

describe('kubectl create', () => {
  test('makes every kind it has a generator for', async () => {
    const value = file('settings.env', 'COLOUR=blue\nSIZE=2\n');
    await inOrder([
      ['create namespace shop', /namespace\/shop created/],
      ['create configmap env --from-env-file=' + value, /created/],
      [`create configmap whole --from-file=${value} --from-literal=a=b`, /created/],
      ['create secret generic login --from-literal=user=ann --from-literal=password=s3cret', /created/],
      ['create secret docker-registry pull --docker-server=example.test --docker-username=u --docker-password=p', /created/],
      ['create quota small --hard=pods=20,services=20', /created/],
      ['create priorityclass high --value=1000 --description=first', /created/],
      ['create poddisruptionbudget web --selector=app=web --min-available=1', /created/],
      ['create ingress web --rule=example.test/*=web:80 --class=none', /created/],
      ['create service clusterip plain --tcp=80:8080', /created/],
      ['create service nodeport door --tcp=80:8080 --node-port=30123', /created/],
      ['create service loadbalancer front --tcp=80:8080', /created/],
      ['create service externalname other --external-name=example.test', /created/],
      ['create job once --image=example.test/none:1 -- true', /created/],
      ['create cronjob nightly --image=example.test/none:1 --schedule=@daily', /created/],
      ['create deployment tool --image=example.test/none:1 --replicas=0', /created/],
      ['create job again --from=cronjob/nightly', /created/],
      ['run lone --image=example.test/none:1 --labels=app=lone --env=A=1 --port=80', /created/],
    ]);
    await says('get secret login -o jsonpath={.data.password}', new RegExp(`^${Buffer.from('s3cret').toString('base64')}$`));
    await says('get configmap env -o jsonpath={.data.SIZE}', /^2$/);
    await refused('create namespace shop', /namespaces "shop" already exists/);
    await refused('create configmap Bad_Name', /a lowercase RFC 1123 subdomain/);
    await refused('create service nodeport twin --tcp=80:8080 --node-port=30123', /provided port is already allocated/);
    await kubectl('delete job once again');
    await kubectl('delete cronjob nightly');
    await kubectl('delete pod lone --now');
  });
});

describe('kubectl apply', () => {
  test('keeps what others set, and unsets what is left out', async () => {
    await says('apply -f -', /deployment\.apps\/front created/, deployment('front', 0));
    await says('apply -f -', /unchanged/, deployment('front', 0));
    await says('scale deployment front --replicas=0 --current-replicas=0', /scaled/);
    await says('label deployment front team=sea', /labeled/);
    await says('apply -f -', /configured/, deployment('front', 0, ', env: [{name: A, value: b}]'));
    await says('apply -f -', /configured/, deployment('front', 0));
    const { metadata, spec } = await client.json<{
      readonly metadata: { readonly labels: Record<string, string> };
      readonly spec: { readonly template: { readonly spec: { readonly containers: readonly { readonly env?: unknown }[] } } };
    }>(['get', 'deployment', 'front']);
    assert.deepEqual(metadata.labels, { app: 'front', team: 'sea' });
    assert.equal(spec.template.spec.containers[0]?.env, undefined);
    await says('apply view-last-applied deployment/front', /image: example\.test\/none:1/);
    await says('apply -f - --dry-run=server', /configured \(server dry run\)/, deployment('front', 5));
    await says('get deployment front -o jsonpath={.spec.replicas}', /^0$/);
  });

  test('on the server: owners, conflicts and force', async () => {
    const settings = (colour: string): string => `{apiVersion: v1, kind: ConfigMap, metadata: {name: shared}, data: {colour: ${colour}}}`;
    await says('apply --server-side --field-manager=one -f -', /serverside-applied/, settings('blue'));
    await refused(
      'apply --server-side --field-manager=two -f -',
      /Apply failed with 1 conflict: conflict with "one": \.data\.colour/,
      settings('red'),
    );
    await says('apply --server-side --field-manager=two --force-conflicts -f -', /serverside-applied/, settings('red'));
    await says('get configmap shared -o jsonpath={.data.colour} --show-managed-fields', /^red$/);
    await says('get configmap shared -o yaml --show-managed-fields', /manager: two\n +operation: Apply/);
    await says(
      'apply --server-side --field-manager=two -f -',
      /serverside-applied/,
      '{apiVersion: v1, kind: ConfigMap, metadata: {name: shared}}',
    );
    await says('get configmap shared -o jsonpath={.data}', /^$/);
    // From client-side to server-side: kubectl takes its own fields over.
    await says('apply --server-side -f -', /serverside-applied/, deployment('front', 0));
  });

  test('prunes what a set no longer names', async () => {
    const two = ['a', 'b'].map((name) => `{apiVersion: v1, kind: ConfigMap, metadata: {name: ${name}, labels: {set: x}}}`);
    await kubectl('apply -f - --prune -l set=x --prune-allowlist=core/v1/ConfigMap', two.join('\n---\n'));
    await says('apply -f - --prune -l set=x --prune-allowlist=core/v1/ConfigMap', /configmap\/b pruned/, two[0]);
    await says('get configmap -l set=x -o name', /^configmap\/a\n$/);
  });

  test('from a kustomization, and shows the difference first', async () => {
    const place = join(folder, 'kustom');
    mkdirSync(place);
    writeFileSync(join(place, 'deployment.yaml'), deployment('kustom', 0));
    writeFileSync(
      join(place, 'kustomization.yaml'),
      'resources: [deployment.yaml]\nnamePrefix: my-\nlabels: [{pairs: {by: kustomize}}]\nconfigMapGenerator: [{name: c, literals: [a=b]}]\n',
    );
    await says(`kustomize ${place}`, /name: my-kustom/);
    const missing = await client.run(['diff', '-k', place]);
    assert.equal(missing.code, 1);
    assert.match(missing.stdout, /\+ {2}name: my-kustom/);
    await says(`apply -k ${place}`, /deployment\.apps\/my-kustom created/);
    assert.equal((await client.run(['diff', '-k', place])).code, 0);
    await says(`delete -k ${place}`, /my-kustom" deleted/);
  });
});

describe('kubectl changes objects', () => {
  test('by patches of every type, labels and annotations', async () => {
    await kubectl('apply -f -', deployment('back', 0, ', env: [{name: A, value: a}]'));
    const patch = async (type: string, body: unknown): Promise<void> => {
      assert.match(await client.succeed(['patch', 'deployment', 'back', `--type=${type}`, `--patch=${JSON.stringify(body)}`]), /patched/);
    };
    const container = (fields: object): object => ({ spec: { template: { spec: { containers: [{ name: 'main', ...fields }] } } } });
    await patch('strategic', container({ env: [{ name: 'B', value: 'b' }] }));
    await patch('json', [{ op: 'test', path: '/spec/replicas', value: 0 }]);
    await patch('json', [{ op: 'add', path: '/metadata/annotations/x~1y', value: 'z' }]);
    await patch('merge', { spec: { paused: true, minReadySeconds: 3 } });
    const got = await client.json<{
      readonly metadata: { readonly annotations: Record<string, string> };
      readonly spec: {
        readonly paused: boolean;
        readonly template: { readonly spec: { readonly containers: readonly { readonly env: unknown }[] } };
      };
    }>(['get', 'deployment', 'back']);
    assert.equal(got.metadata.annotations['x/y'], 'z');
    assert.equal(got.spec.paused, true);
    assert.deepEqual(got.spec.template.spec.containers[0]?.env, [
      { name: 'B', value: 'b' },
      { name: 'A', value: 'a' },
    ]);
    await inOrder([
      ['label deployment back tier=1', /labeled/],
      ['label deployment back tier=2 --overwrite', /labeled/],
      ['label deployment back tier-', /unlabeled/],
      ['annotate deployment back note=here', /annotated/],
      ['annotate deployment back note-', /annotated/],
      ['patch deployment back --subresource=status --type=merge -p {"status":{"observedGeneration":0}}', /patched/],
    ]);
    await refused('label deployment back tier=b@d', /a valid label must be an empty string or consist of/);
    await refused(
      'patch deployment back --type=json -p [{"op":"remove","path":"/spec/none"}]',
      /the server rejected our request|nonexistent/,
    );
    await refused('patch deployment back -p {"spec":{"selector":{"matchLabels":{"app":"x"}}}}', /field is immutable/);
  });

  test('by set, edit and replace', async () => {
    await inOrder([
      ['set image deployment/back main=example.test/none:2', /image updated/],
      ['set env deployment/back C=c A-', /env updated/],
      ['set resources deployment back --limits=cpu=200m,memory=64Mi --requests=cpu=100m', /resource requirements updated/],
      ['set serviceaccount deployment back reader', /serviceaccount updated/],
      ['set selector service plain app=back', /selector updated/],
      ['rollout resume deployment/back', /resumed/],
      ['rollout pause deployment/back', /paused/],
      ['rollout restart deployment/front', /restarted/],
    ]);
    const editor = file('editor.sh', '#!/bin/sh\nsed -i "s/minReadySeconds: 3/minReadySeconds: 7/" "$1"\n');
    chmodSync(editor, 0o755);
    const edited = await client.succeed(['edit', 'deployment', 'back'], { env: { KUBE_EDITOR: editor } });
    assert.match(edited, /edited/);
    await says('get deployment back -o jsonpath={.spec.minReadySeconds}', /^7$/);
    await says('get deployment back -o custom-columns=I:.spec.template.spec.containers[0].image --no-headers', /^example\.test\/none:2$/m);

    const current = await kubectl('get deployment back -o json');
    await says('replace -f -', /replaced/, current.replace('"minReadySeconds": 7', '"minReadySeconds": 0'));
    await refused('replace -f -', /the object has been modified; please apply your changes to the latest version/, current);
    await says('replace --force -f -', /replaced/, deployment('back', 0));
  });

  test('expose, autoscale, scale and their outputs', async () => {
    await inOrder([
      ['expose deployment back --port=80 --target-port=8080 --name=back', /exposed/],
      ['autoscale deployment back --min=1 --max=3 --cpu=80%', /autoscaled/],
      ['get hpa back', /Deployment\/back/],
      ['delete hpa back', /deleted/],
      ['get service back -o wide', /app=back/],
      ['get deployments,services -l app=back', /deployment\.apps\/back[^]*service\/back/],
      ['get all --all-namespaces', /kube-system +service\/kube-dns/],
      ['get services --sort-by=.metadata.name -o name', /^service\/back\nservice\/door\n/],
      ['get services --field-selector=metadata.name=back -o name', /^service\/back\n$/],
      ['get deployments --chunk-size=1 -o name', /deployment\.apps\/back\ndeployment\.apps\/front/],
      ['get deployments -o go-template={{range.items}}{{.metadata.name}},{{end}}', /back,front,/],
      ['get deployments --show-labels -L app --show-kind', /deployment\.apps\/front +\S+ +\d+ +\d+ +\S+ +front +app=front/],
      ['describe service back', /Selector: +app=back/],
      ['describe deployment back', /StrategyType: +RollingUpdate/],
      ['describe quota small', /pods +0 +20/],
      ['get events --field-selector=involvedObject.name=boat', /NodeReady/],
      ['events --types=Normal --for=node/boat', /NodeReady/],
    ]);
  });

  test('cordon, taint and drain a node', async () => {
    await inOrder([
      ['cordon boat', /cordoned/],
      ['get nodes', /Ready,SchedulingDisabled/],
      ['uncordon boat', /uncordoned/],
      ['taint node boat key=value:PreferNoSchedule', /tainted/],
      ['taint node boat key:PreferNoSchedule-', /untainted/],
      ['label node boat disk=fast', /labeled/],
      ['describe node boat', /disk=fast[^]*Non-terminated Pods/],
    ]);
  });
});

describe('kubectl waits, watches and deletes', () => {
  test('wait for conditions, fields, creation and deletion', async () => {
    await inOrder([
      ['wait node/boat --for=condition=Ready --timeout=30s', /condition met/],
      ['wait deployment/back --for=jsonpath={.spec.replicas}=0 --timeout=30s', /condition met/],
      ['wait namespace/default --for=create --timeout=30s', /condition met/],
    ]);
    await refused('wait configmap/shared --for=delete --timeout=1s', /timed out waiting for the condition/);
    await kubectl('delete configmap shared');
    await kubectl('wait configmap/shared --for=delete --timeout=60s');
  });

  test('get --watch tells each change once', async () => {
    const watching = client.start(['get', 'configmaps', '--watch', '--output-watch-events', '--show-labels']);
    await watching.line(/ADDED +kube-root-ca.crt/);
    for (const step of ['create configmap seen', 'label configmap seen v=2', 'delete configmap seen']) await kubectl(step);
    await watching.line(/DELETED +seen /);
    const lines = watching.output.split('\n').filter((line) => line.includes('seen'));
    assert.deepEqual(
      lines.map((line) => line.replace(/ +\S+ +\S+ +(?=\S+$)/, ' ').replace(/ +/g, ' ')),
      ['ADDED seen <none>', 'MODIFIED seen v=2', 'DELETED seen v=2'],
    );
  });

  test('delete in every way', async () => {
    await inOrder([
      ['delete deployment front --cascade=orphan', /deleted/],
      ['get replicasets -l app=front -o name', /replicaset\.apps\/front-/],
      ['delete replicasets -l app=front --wait=true --timeout=30s', /deleted/],
      ['delete deployment back --cascade=foreground --timeout=60s', /deleted/],
      ['delete services door plain front other', /deleted/],
      ['delete configmap --all', /deleted/],
      ['delete pod none --ignore-not-found', /^$/],
      ['delete namespace shop --timeout=60s', /deleted/],
    ]);
    await refused('delete pod none', /pods "none" not found/);
    await refused('get widgets', /the server doesn't have a resource type "widgets"/);
  });

  test('proxy passes the API on without credentials', async () => {
    const proxy = client.start(['proxy', '--port=0']);
    const port = /:(\d+)$/.exec(await proxy.line(/Starting to serve on/))?.[1];
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/namespaces/default`);
    assert.equal(((await answer.json()) as { readonly kind: string }).kind, 'Namespace');
  });
});

describe('kubectl is refused as upstream refuses', () => {
  const pod = (fields: string): string => `{apiVersion: v1, kind: Pod, metadata: {name: bad}, spec: {${fields}}}`;
  for (const c of [
    { name: 'broken YAML', input: 'a: [', message: /error parsing STDIN|error converting YAML to JSON/ },
    {
      name: 'an unknown field',
      input: pod('containers: [{name: a, image: b, colour: red}]'),
      message: /unknown field "spec.containers\[0\].colour"/,
    },
    {
      name: 'a wrong type',
      input: pod('containers: {}'),
      message: /cannot unmarshal object into Go struct field PodSpec\.spec\.containers|expected array/,
    },
    { name: 'no containers', input: pod('containers: []'), message: /spec\.containers: Required value/ },
    {
      name: 'an unknown kind',
      input: '{apiVersion: v1, kind: Widget, metadata: {name: x}}',
      message: /no matches for kind "Widget" in version "v1"/,
    },
    {
      name: 'negative replicas',
      input: deployment('bad', -1),
      message: /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/,
    },
    {
      name: 'a selector that does not match',
      input: deployment('bad', 0).replace('metadata: {labels: {app: bad}}', 'metadata: {labels: {app: other}}'),
      message: /spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`/,
    },
    {
      name: 'a ConfigMap over a mebibyte',
      input: JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { a: 'x'.repeat(1_600_000) } }),
      message: /Too long: may not be more than 1048576 bytes|must have at most 1048576 bytes/,
    },
  ]) {
    test(c.name, () => refused('create -f -', c.message, c.input));
  }

  test('a duplicate field, which kubectl itself would drop', () =>
    refused(
      'create --raw /api/v1/namespaces/default/configmaps?fieldValidation=Strict -f -',
      /strict decoding error: duplicate field "data\.a"/,
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"1","a":"2"}}',
    ));
});
