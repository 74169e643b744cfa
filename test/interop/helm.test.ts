// The real helm over the life of a release, with a chart that has what charts have: values, helpers, hooks, definitions of
// custom resources and their objects, a test.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { helm } from '../harness/kubectl.ts';
import { temporaryFolder } from '../harness/temp.ts';

const FILES: Readonly<Record<string, string>> = {
  'Chart.yaml': 'apiVersion: v2\nname: ship\nversion: 1.2.3\nappVersion: "7"\nkubeVersion: ">=1.30.0-0"\n',
  'values.yaml': 'replicas: 1\ncolour: blue\nimage: example.test/tools:1\n',
  'crds/sails.yaml': `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: sails.example.test}
spec:
  group: example.test
  scope: Namespaced
  names: {kind: Sail, plural: sails, singular: sail, shortNames: [sl]}
  versions:
    - name: v1
      served: true
      storage: true
      additionalPrinterColumns: [{name: Area, type: integer, jsonPath: .spec.area}]
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [area]
              properties: {area: {type: integer, minimum: 1}, colour: {type: string, default: white}}
`,
  'templates/_helpers.tpl': '{{- define "ship.labels" -}}\napp: {{ .Release.Name }}\n{{- end -}}\n',
  'templates/sail.yaml': `
apiVersion: example.test/v1
kind: Sail
metadata: {name: {{ .Release.Name }}-main}
spec: {area: {{ mul .Values.replicas 10 }}}
`,
  'templates/config.yaml': `
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-config}
data: {colour: {{ .Values.colour }}, served: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}}
`,
  'templates/rbac.yaml': `
apiVersion: v1
kind: ServiceAccount
metadata: {name: {{ .Release.Name }}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: {{ .Release.Name }}}
rules: [{apiGroups: [example.test], resources: [sails], verbs: [get, list, watch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: {{ .Release.Name }}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ .Release.Name }}}
subjects: [{kind: ServiceAccount, name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}]
`,
  'templates/deployment.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {{- include "ship.labels" . | nindent 4 }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {{- include "ship.labels" . | nindent 6 }}
  template:
    metadata:
      labels: {{- include "ship.labels" . | nindent 8 }}
      annotations: {checksum: {{ .Values.colour | sha256sum | quote }}}
    spec:
      serviceAccountName: {{ .Release.Name }}
      terminationGracePeriodSeconds: 0
      containers:
        - name: main
          image: {{ .Values.image }}
          command: [sh, -c, 'cat /config/colour; echo; exec sleep 100000']
          volumeMounts: [{name: config, mountPath: /config}]
      volumes: [{name: config, configMap: {name: {{ .Release.Name }}-config}}]
`,
  'templates/before.yaml': `
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-before
  annotations: {helm.sh/hook: 'pre-install,pre-upgrade', helm.sh/hook-delete-policy: before-hook-creation}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: {{ .Values.image }}, command: [sh, -c, 'echo before {{ .Release.Revision }}']}]
`,
  'templates/tests/look.yaml': `
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-look
  annotations: {helm.sh/hook: test, helm.sh/hook-delete-policy: before-hook-creation}
spec:
  restartPolicy: Never
  containers: [{name: main, image: {{ .Values.image }}, command: [sh, -c, 'echo seen']}]
`,
  'templates/NOTES.txt': 'Colour {{ .Values.colour }}.\n',
};

const cluster = await startCluster({ after });
await cluster.importImage({ name: 'example.test/tools:1', programs: ['sh', 'sleep', 'cat'] });
const client = await helm({ after }, cluster.kubeconfig);
const chart = join(temporaryFolder({ after }), 'ship');
for (const [name, content] of Object.entries(FILES)) {
  const path = join(chart, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

const get = (line: string): Promise<string> => cluster.kubectl.succeed(['get', ...line.split(' ')]);

test('install runs the hook, makes the definition, and waits for what it made', async () => {
  const said = await client.succeed(['install', 'proa', chart, '--wait', '--timeout=120s']);
  assert.match(said, /STATUS: deployed/);
  assert.match(said, /Colour blue\./);
  assert.match(await get('jobs proa-before -o jsonpath={.status.succeeded}'), /^1$/);
  assert.match(await get('sl proa-main'), /NAME +AREA\nproa-main +10\n/);
  assert.match(await get('sail proa-main -o jsonpath={.spec.colour}'), /^white$/);
  assert.match(await get('configmap proa-config -o jsonpath={.data.served}'), /^true$/);
  assert.match(await get('deployment proa -o jsonpath={.status.availableReplicas}'), /^1$/);
});

test('test runs the pod of the chart and prints its log', async () => {
  const said = await client.succeed(['test', 'proa', '--logs', '--timeout=120s']);
  assert.match(said, /Phase: +Succeeded/);
  assert.match(said, /seen/);
});

test('upgrade and rollback change what runs', async () => {
  await client.succeed(['upgrade', 'proa', chart, '--set=colour=red,replicas=2', '--wait', '--timeout=120s']);
  await cluster.kubectl.start(['logs', '--follow', '--selector=app=proa']).line(/red/);
  assert.match(await get('sail proa-main -o jsonpath={.spec.area}'), /^20$/);
  await client.succeed(['rollback', 'proa', '1', '--wait', '--timeout=120s']);
  await cluster.kubectl.succeed(['rollout', 'status', 'deployment/proa', '--timeout=60s']);
  assert.match(await get('configmap proa-config -o jsonpath={.data.colour}'), /^blue$/);
  assert.match(await client.succeed(['history', 'proa']), /3 .*Rollback to 1/);
  assert.match(await client.succeed(['status', 'proa']), /STATUS: deployed[^]*Deployment/);
});

test('an upgrade that is refused leaves the release as it was', async () => {
  const { code, stderr } = await client.run(['upgrade', 'proa', chart, '--set=replicas=-1']);
  assert.notEqual(code, 0);
  assert.match(stderr, /spec\.area in body should be greater than or equal to 1/);
  assert.match(await client.succeed(['history', 'proa']), /4 .*failed/);
  assert.match(await get('deployment proa -o jsonpath={.spec.replicas}'), /^1$/);
});

test('uninstall takes everything but the definition', async () => {
  await client.succeed(['uninstall', 'proa', '--wait', '--timeout=60s']);
  assert.equal(await get('deployments,configmaps,sails,roles -l app.kubernetes.io/managed-by=Helm -o name'), '');
  assert.match(await get('crd sails.example.test -o name'), /sails/);
  assert.doesNotMatch(await get('deployments,configmaps -o name'), /proa/);
});
