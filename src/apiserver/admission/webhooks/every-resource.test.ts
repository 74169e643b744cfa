// Every verb of every resource and subresource in every version, before webhooks of both kinds: each is told the write as it
// was made, and, where its rules name one version of a resource alone, in that version.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { connect, type ClientHttp2Session } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { mutatingwebhookconfigurations, serviceaccounts, validatingwebhookconfigurations } from '#api/resources.ts';
import { Schema, type ResourceInfo, type SubresourceInfo } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { apiVersionOf, groupResourceString, type GroupVersionKind } from '#apimachinery/resource.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { defaultParts, ensureDefaults } from '../../defaults.ts';
import { ADMIN, startTestServer, type TestServer } from '../../testing.ts';
import { builtInObjects } from '../../testing/built-in-objects.ts';
import { http2, type HttpAnswer } from '../../testing/http.ts';
import { optionalContent, optionalName, optionalStatus } from '../../testing/optional-objects.ts';
import { base64, startWebhookServer, type Asked, type Verdict, type WebhookServer } from './testing.ts';

const HOOKS = ['/mutating/made', '/mutating/equivalent', '/validating/made', '/validating/equivalent'] as const;
/** That of what events of `builtInObjects` are about. */
const NAMESPACE = 'default';
/** Nobody asks about these, lest nobody could mend them. */
const EXEMPT = /^(mutating|validating)(webhookconfigurations|admissionpolic(ies|ybindings))\.admissionregistration\.k8s\.io$/;

const schema = new Schema({ serves: () => true });
const objects = new Map((await builtInObjects()).map((one) => [one.resource, one] as const));
const reviewed = { resourceAttributes: { namespace: NAMESPACE, verb: 'get', resource: 'pods' } };
const REVIEWS: Readonly<Record<string, object>> = {
  'tokenreviews.authentication.k8s.io': { spec: { token: 'nobody-knows' } },
  'selfsubjectreviews.authentication.k8s.io': {},
  'localsubjectaccessreviews.authorization.k8s.io': { spec: { user: 'jane', ...reviewed } },
  'subjectaccessreviews.authorization.k8s.io': { spec: { user: 'jane', ...reviewed } },
  'selfsubjectaccessreviews.authorization.k8s.io': { spec: reviewed },
  'selfsubjectrulesreviews.authorization.k8s.io': { spec: { namespace: NAMESPACE } },
};

let server: TestServer;
let hooks: WebhookServer;
let session: ClientHttp2Session;
before(async () => {
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }) as string;
  const serviceAccounts = { issuer: 'https://here.example.test', signingKey, jwksUri: 'https://here.example.test/openid/v1/jwks' };
  server = await startTestServer({
    options: { schema: new Schema({ serves: () => true }), kubelet: () => ({ clientCertificate: '', clientKey: '' }) },
    parts: (parts, { certificate }) => defaultParts(parts, { authentication: { clientCa: certificate, serviceAccounts } }),
  });
  hooks = await startWebhookServer(
    server.authority,
    Object.fromEntries(HOOKS.map((path) => [path, (asked: Asked) => answerOf(path, asked)])),
  );
  const client = createClient(server.server.loopback(ADMIN));
  await ensureDefaults(client, { clock: systemClock, logger: silentLogger });
  await client.create(serviceaccounts, { metadata: { name: 'default', namespace: NAMESPACE } });
  const configuration = (path: string, versions: readonly string[], matchPolicy: string, rules: readonly object[]): object => ({
    name: `${path.slice(1).replace('/', '-')}.example.test`,
    clientConfig: { url: `${hooks.url}${path}`, caBundle: base64(server.authority.certificate) },
    sideEffects: 'None',
    admissionReviewVersions: versions,
    matchPolicy,
    rules: rules.map((rule) => ({ operations: ['*'], ...rule })),
  });
  const everything = [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'] }];
  const both = (kind: string): never =>
    ({
      metadata: { name: 'all' },
      webhooks: [
        configuration(`/${kind}/made`, ['v1'], 'Exact', everything),
        configuration(`/${kind}/equivalent`, ['v1beta1'], 'Equivalent', [...FIRST.values()].map(ruleOf)),
      ],
    }) as never;
  await client.create(mutatingwebhookconfigurations, both('mutating'));
  await client.create(validatingwebhookconfigurations, both('validating'));
  const { authority, admin, url } = server;
  session = connect(url, { ca: authority.certificate, cert: admin.certificate, key: admin.key });
});
after(async () => {
  session.destroy();
  await hooks.stop();
  await server.stop();
});

/** Mutating ones add what no type has: it falls away again, in whatever version they were asked. */
const answerOf = (path: string, { object }: Asked): Verdict => ({
  warnings: [path],
  ...(path.startsWith('/mutating') && object !== null
    ? { patchType: 'JSONPatch', patch: base64([{ op: 'add', path: '/foo', value: 'test' }]) }
    : {}),
});

/** By the name of a resource, with that of a subresource: the one version that the rules of equivalent webhooks name. */
const FIRST = new Map<string, Target>();

interface Target {
  readonly info: ResourceInfo;
  readonly subresource: SubresourceInfo | undefined;
}

const resourceName = ({ info, subresource }: Target): string =>
  subresource === undefined ? info.resource : `${info.resource}/${subresource.name}`;
const ruleOf = (target: Target): object => ({
  apiGroups: [target.info.group],
  apiVersions: [target.info.version],
  resources: [resourceName(target)],
});

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const inOrder = [...schema.resources()].toSorted((a, b) => compare(a.group, b.group) || compare(a.version, b.version));
const targets = inOrder.flatMap((info): readonly Target[] => [
  { info, subresource: undefined },
  ...[...info.subresources.values()].map((subresource) => ({ info, subresource })),
]);
for (const target of targets) if (!FIRST.has(resourceName(target))) FIRST.set(resourceName(target), target);

const gvkOf = ({ info, subresource }: Target): GroupVersionKind => {
  const { group, version, kind } = subresource?.kind ?? info;
  return { group, version, kind };
};
const gvrOf = ({ info: { group, version, resource } }: Target): object => ({ group, version, resource });

const root = ({ group, version }: ResourceInfo): string => (group === '' ? `/api/${version}` : `/apis/${group}/${version}`);
const collectionOf = (info: ResourceInfo): string => `${root(info)}${info.namespaced ? `/namespaces/${NAMESPACE}` : ''}/${info.resource}`;
const nameOf = (info: ResourceInfo): string => objects.get(groupResourceString(info))?.names?.[0] ?? optionalName(info);
const pathOf = (info: ResourceInfo): string => `${collectionOf(info)}/${nameOf(info)}`;

function objectOf(info: ResourceInfo): object {
  const group = groupResourceString(info);
  const content = optionalContent(info) ?? REVIEWS[group] ?? objects.get(group)?.content;
  assert.ok(content, `${group} has an object`);
  const identity = { apiVersion: apiVersionOf(info), kind: info.kind };
  return REVIEWS[group] === undefined ? { ...identity, metadata: { name: nameOf(info) }, ...content } : { ...identity, ...content };
}

async function send(method: string, path: string, body?: object, type = 'application/json'): Promise<HttpAnswer> {
  const headers = { accept: 'application/json', ...(body === undefined ? {} : { 'content-type': type }) };
  return http2(session, path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
}

async function expect(codes: readonly number[], ...call: Parameters<typeof send>): Promise<KubeObject> {
  const answer = await send(...call);
  assert.ok(codes.includes(answer.status), `${call[0]} ${call[1]}: ${answer.status} ${answer.body.toString()}`);
  return JSON.parse(answer.body.toString()) as KubeObject;
}

const merge = 'application/merge-patch+json';

async function existing(info: ResourceInfo): Promise<KubeObject> {
  const found = await send('GET', pathOf(info));
  if (found.status === 200) return JSON.parse(found.body.toString()) as KubeObject;
  return expect([201], 'POST', collectionOf(info), objectOf(info));
}

interface Expected {
  readonly operation: string;
  readonly name: string;
  readonly object: boolean;
  readonly oldObject: boolean;
  readonly options: string | undefined;
}

const CREATED = { operation: 'CREATE', object: true, oldObject: false, options: 'CreateOptions' } as const;
const UPDATED = { operation: 'UPDATE', object: true, oldObject: true, options: 'UpdateOptions' } as const;
const DELETED = { operation: 'DELETE', object: false, oldObject: true, options: 'DeleteOptions' } as const;
const CONNECTED = { operation: 'CONNECT', object: true, oldObject: false, options: undefined } as const;

/** Does the write, and sees that all four webhooks were told of it, and that their warnings came. */
async function told(target: Target, expected: Expected, write: () => Promise<HttpAnswer>): Promise<void> {
  hooks.forget();
  const answer = await write();
  const exempt = EXEMPT.test(groupResourceString(target.info));
  const first = FIRST.get(resourceName(target)) as Target;
  const namespace = target.info.namespaced ? NAMESPACE : target.info.kind === 'Namespace' ? expected.name : '';
  for (const path of HOOKS) {
    const asked = hooks
      .asked(path)
      .filter(({ userInfo, operation }) => userInfo.username === ADMIN.name && operation === expected.operation);
    const form = path.endsWith('/made') ? target : first;
    const matching = asked.filter(({ resource, subResource = '' }) => {
      const { group, version, resource: name } = form.info;
      return (
        resource.group === group &&
        resource.version === version &&
        resource.resource === name &&
        subResource === (form.subresource?.name ?? '')
      );
    });
    if (exempt) {
      assert.deepEqual(asked, [], path);
      continue;
    }
    const [one] = matching;
    assert.ok(one, `${path} was not asked; ${answer.status} ${answer.body.toString().slice(0, 500)}`);
    const { kind, requestKind, requestResource, name = '', object, oldObject, options } = one;
    const seen = (value: KubeObject | null): string => (value === null ? '' : `${value.apiVersion} ${value.kind}`);
    const wanted = `${apiVersionOf(gvkOf(form))} ${gvkOf(form).kind}`;
    assert.deepEqual(
      {
        kind,
        requestKind,
        requestResource,
        name,
        namespace: one.namespace ?? '',
        object: seen(object),
        oldObject: seen(oldObject),
        options: (options as unknown as { readonly kind: string } | null)?.kind,
      },
      {
        kind: gvkOf(form),
        requestKind: gvkOf(target),
        requestResource: gvrOf(target),
        name: expected.name,
        namespace,
        object: expected.object ? wanted : '',
        oldObject: expected.oldObject ? wanted : '',
        options: expected.options,
      },
      path,
    );
    const warnings = String(answer.headers['warning'] ?? '');
    assert.ok(warnings.includes(`"${path}"`), `${path} warns: ${warnings}`);
  }
}

/** Writes that are refused for other reasons have been told of, too. */
async function good(pending: Promise<HttpAnswer>): Promise<HttpAnswer> {
  const answer = await pending;
  assert.ok(answer.status < 300, `${answer.status} ${answer.body.toString()}`);
  return answer;
}

/** PUTs what is there with an annotation, anew where a controller wrote in between. @param from where it is read */
async function changed(path: string, more: object, from = path): Promise<HttpAnswer> {
  for (;;) {
    const found = await expect([200], 'GET', from);
    const object = { ...found, metadata: { ...found.metadata, annotations: { updated: 'yes' } }, ...more };
    const answer = await send('PUT', path, object);
    if (answer.status !== 409) return answer;
  }
}

const statusOf = ({ info, subresource }: Target): object => {
  const status = subresource?.name === 'status' ? optionalStatus(info) : undefined;
  return status === undefined ? {} : { status };
};

async function gone(info: ResourceInfo): Promise<void> {
  const path = pathOf(info);
  for (;;) {
    const left = await send('GET', path);
    if (left.status === 404) return;
    const object = JSON.parse(left.body.toString()) as KubeObject;
    if (info.kind === 'Namespace') await send('PUT', `${path}/finalize`, { ...object, spec: {} });
    else await send('PATCH', path, { metadata: { finalizers: null } }, merge);
  }
}

const GRACELESS = { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, propagationPolicy: 'Background' };

const WHOLE: Readonly<Record<string, (target: Target) => Promise<void>>> = {
  create: async (target) => {
    const { info } = target;
    const object = objectOf(info) as KubeObject;
    if (info.verbs.includes('get')) await send('DELETE', pathOf(info), GRACELESS).then(() => gone(info));
    await told(target, { ...CREATED, name: (object.metadata as KubeObject['metadata'] | undefined)?.name ?? '' }, () =>
      good(send('POST', collectionOf(info), object)),
    );
  },
  update: async (target) => {
    const { info } = target;
    await existing(info);
    await told(target, { ...UPDATED, name: nameOf(info) }, () => good(changed(pathOf(info), {})));
  },
  patch: async (target) => {
    const { info } = target;
    await existing(info);
    const patch = { metadata: { annotations: { patched: 'yes' } } };
    await told(target, { ...UPDATED, name: nameOf(info) }, () => good(send('PATCH', pathOf(info), patch, merge)));
  },
  delete: async (target) => {
    const { info } = target;
    await existing(info);
    await told(target, { ...DELETED, name: nameOf(info) }, () => good(send('DELETE', pathOf(info), GRACELESS)));
    await gone(info);
    if (info.kind === 'Namespace') return;
    // And where it only begins, for a finalizer.
    await existing(info);
    await good(send('PATCH', pathOf(info), { metadata: { finalizers: ['example.test/held'] } }, merge));
    await told(target, { ...DELETED, name: nameOf(info) }, () => good(send('DELETE', pathOf(info), GRACELESS)));
    await gone(info);
  },
  deletecollection: async (target) => {
    const { info } = target;
    await existing(info);
    await good(send('PATCH', pathOf(info), { metadata: { labels: { chosen: 'yes' } } }, merge));
    await told(target, { ...DELETED, name: '' }, () => good(send('DELETE', `${collectionOf(info)}?labelSelector=chosen%3Dyes`, GRACELESS)));
    await gone(info);
  },
};

const identityOf = (target: Target): object => ({ apiVersion: apiVersionOf(gvkOf(target)), kind: gvkOf(target).kind });
const POD = inOrder.find(({ group, resource }) => group === '' && resource === 'pods') as ResourceInfo;

/** What is created below an object, by name. */
const CREATED_BELOW: Readonly<Record<string, (name: string) => object>> = {
  token: () => ({ spec: { audiences: ['api'] } }),
  binding: (name) => ({ metadata: { name }, target: { kind: 'Node', name: 'some' } }),
  eviction: (name) => ({ metadata: { name }, deleteOptions: GRACELESS }),
};

const BELOW: Readonly<Record<string, (target: Target & { readonly subresource: SubresourceInfo }) => Promise<void>>> = {
  create: async (target) => {
    const { info, subresource } = target;
    await existing(info);
    const object = { ...identityOf(target), ...CREATED_BELOW[subresource.name]?.(nameOf(info)) };
    await told(target, { ...CREATED, name: nameOf(info) }, () => good(send('POST', `${pathOf(info)}/${subresource.name}`, object)));
    if (info === POD) await gonePod();
  },
  update: async (target) => {
    const { info, subresource } = target;
    const path = `${pathOf(info)}/${subresource.name}`;
    await existing(info);
    const from = subresource.verbs.includes('get') ? path : pathOf(info);
    await told(target, { ...UPDATED, name: nameOf(info) }, () => good(changed(path, statusOf(target), from)));
  },
  patch: async (target) => {
    const { info, subresource } = target;
    await existing(info);
    const patch = { metadata: { annotations: { patched: 'yes' } }, ...statusOf(target) };
    await told(target, { ...UPDATED, name: nameOf(info) }, () => good(send('PATCH', `${pathOf(info)}/${subresource.name}`, patch, merge)));
  },
};

async function gonePod(): Promise<void> {
  await send('DELETE', pathOf(POD), GRACELESS);
  await gone(POD);
}

const METHODS: Readonly<Record<string, readonly string[]>> = {
  create: ['POST', 'GET'],
  update: ['PUT', 'HEAD', 'OPTIONS'],
  patch: ['PATCH'],
  delete: ['DELETE'],
};

/** Whether there is anything behind it is another matter. */
async function connects(target: Target & { readonly subresource: SubresourceInfo }, verb: string): Promise<void> {
  const { info, subresource } = target;
  await existing(info);
  for (const method of METHODS[verb] ?? [])
    await told(target, { ...CONNECTED, name: nameOf(info) }, () => send(method, `${pathOf(info)}/${subresource.name}`));
}

const VERBS = ['create', 'update', 'patch', 'delete', 'deletecollection'] as const;

describe('webhooks are told', () => {
  for (const target of targets) {
    const { info, subresource } = target;
    const verbs = VERBS.filter((verb) => (subresource ?? info).verbs.includes(verb));
    if (verbs.length === 0) continue;
    test(`of ${verbs.join(', ')} of ${resourceName(target)} in ${apiVersionOf(info)}`, async () => {
      for (const verb of verbs) {
        if (subresource === undefined && info.resource === 'bindings') await binds(target);
        else if (subresource === undefined) await (WHOLE[verb] as (of: Target) => Promise<void>)(target);
        else if (subresource.connect) await connects({ info, subresource }, verb);
        else await (BELOW[verb] as (of: typeof target & { readonly subresource: SubresourceInfo }) => Promise<void>)({ info, subresource });
      }
    });
  }
});

async function binds(target: Target): Promise<void> {
  await existing(POD);
  const name = nameOf(POD);
  const object = { ...identityOf(target), ...CREATED_BELOW['binding']?.(name) };
  await told(target, { ...CREATED, name }, () => good(send('POST', collectionOf(target.info), object)));
  await gonePod();
}
