// Objects that their kinds' own rules refuse. Each is sent in every encoding; what it says of itself is the same in all.
import type { StatusCause } from '#apimachinery/errors.ts';
import { job } from './server.ts';

export interface RefusedObject {
  readonly name: string;
  readonly method?: 'POST' | 'PUT';
  readonly path: string;
  readonly object: { readonly apiVersion: string; readonly kind: string } & Readonly<Record<string, unknown>>;
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: { readonly name?: string; readonly group?: string; readonly kind: string; readonly causes?: readonly StatusCause[] };
}

const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

const configMap = (metadata: object, more: object = {}): RefusedObject['object'] => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata,
  ...more,
});
const deployment = (spec: object): RefusedObject['object'] => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    ...spec,
  },
});

/** One cause, as the message, the details and the reason repeat it. */
function invalid(
  of: { readonly group?: string; readonly kind: string; readonly name: string },
  ...causes: readonly (StatusCause & { readonly message: string; readonly field: string })[]
): Pick<RefusedObject, 'code' | 'reason' | 'message' | 'details'> {
  const texts = causes.map(({ field, message }) => `${field}: ${message}`);
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const subject = of.group === undefined ? of.kind : `${of.kind}.${of.group}`;
  return {
    code: 422,
    reason: 'Invalid',
    message: `${subject} "${of.name}" is invalid: ${list}`,
    details: {
      ...(of.name === '' ? {} : { name: of.name }),
      ...(of.group === undefined ? {} : { group: of.group }),
      kind: of.kind,
      causes,
    },
  };
}

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an " +
  "alphanumeric character (e.g. 'example.com', regex used for validation is " +
  "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

export const OBJECTS: readonly RefusedObject[] = [
  {
    name: 'a name that is no DNS subdomain',
    path: MAPS,
    object: configMap({ name: 'Not_A_Name' }),
    ...invalid(
      { kind: 'ConfigMap', name: 'Not_A_Name' },
      { reason: 'FieldValueInvalid', message: `Invalid value: "Not_A_Name": ${SUBDOMAIN}`, field: 'metadata.name' },
    ),
  },
  {
    name: 'a Service whose name is no DNS label',
    path: '/api/v1/namespaces/default/services',
    object: { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a.b' }, spec: { ports: [{ port: 80 }] } },
    ...invalid(
      { kind: 'Service', name: 'a.b' },
      { reason: 'FieldValueInvalid', message: 'Invalid value: "a.b": must not contain dots', field: 'metadata.name' },
    ),
  },
  {
    name: 'negative replicas',
    path: DEPLOYMENTS,
    object: deployment({ replicas: -1 }),
    ...invalid(
      { group: 'apps', kind: 'Deployment', name: 'web' },
      { reason: 'FieldValueInvalid', message: 'Invalid value: -1: must be greater than or equal to 0', field: 'spec.replicas' },
    ),
  },
  {
    name: 'a selector that does not match its template',
    path: DEPLOYMENTS,
    object: deployment({ selector: { matchLabels: { app: 'other' } } }),
    ...invalid(
      { group: 'apps', kind: 'Deployment', name: 'web' },
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        field: 'spec.template.metadata.labels',
      },
    ),
  },
  {
    name: 'a pod without containers',
    path: '/api/v1/namespaces/default/pods',
    object: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'empty' }, spec: { containers: [] } },
    ...invalid({ kind: 'Pod', name: 'empty' }, { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.containers' }),
  },
  {
    name: 'a port out of range and one named twice',
    path: '/api/v1/namespaces/default/services',
    object: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: {
        ports: [
          { name: 'a', port: 70_000 },
          { name: 'a', port: 80 },
        ],
      },
    },
    ...invalid(
      { kind: 'Service', name: 'web' },
      { reason: 'FieldValueInvalid', message: 'Invalid value: 70000: must be between 1 and 65535, inclusive', field: 'spec.ports[0].port' },
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: 70000: must be between 1 and 65535, inclusive',
        field: 'spec.ports[0].targetPort',
      },
      { reason: 'FieldValueDuplicate', message: 'Duplicate value: "a"', field: 'spec.ports[1].name' },
    ),
  },
  {
    name: 'other data of an immutable ConfigMap',
    method: 'PUT',
    path: `${MAPS}/fixed`,
    object: configMap({ name: 'fixed' }, { data: { k: 'w' }, immutable: true }),
    ...invalid(
      { kind: 'ConfigMap', name: 'fixed' },
      { reason: 'FieldValueForbidden', message: 'Forbidden: field is immutable when `immutable` is set', field: 'data' },
    ),
  },
  {
    name: 'another type of a Secret',
    method: 'PUT',
    path: '/api/v1/namespaces/default/secrets/typed',
    object: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'typed' }, type: 'example.com/two' },
    ...invalid(
      { kind: 'Secret', name: 'typed' },
      { reason: 'FieldValueInvalid', message: 'Invalid value: "example.com/two": field is immutable', field: 'type' },
    ),
  },
  {
    name: 'another selector of a Deployment',
    method: 'PUT',
    path: `${DEPLOYMENTS}/settled`,
    object: {
      ...deployment({
        selector: { matchLabels: { more: 'yes' } },
        template: { metadata: { labels: { app: 'settled', more: 'yes' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      }),
      metadata: { name: 'settled' },
    },
    ...invalid(
      { group: 'apps', kind: 'Deployment', name: 'settled' },
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: {"matchLabels":{"more":"yes"}}: field is immutable',
        field: 'spec.selector',
      },
    ),
  },
  {
    name: 'a Job without a name',
    path: '/apis/batch/v1/namespaces/default/jobs',
    object: {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {},
      spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } } },
    },
    ...invalid(
      { group: 'batch', kind: 'Job', name: '' },
      {
        reason: 'FieldValueRequired',
        message: 'Required value: name or generateName is required',
        field: 'metadata.name',
      },
    ),
  },
  {
    name: 'other completions of a Job',
    method: 'PUT',
    path: '/apis/batch/v1/namespaces/default/jobs/settled',
    object: {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'settled' },
      spec: job(3),
    },
    ...invalid(
      { group: 'batch', kind: 'Job', name: 'settled' },
      { reason: 'FieldValueInvalid', message: 'Invalid value: 3: field is immutable', field: 'spec.completions' },
    ),
  },
  {
    name: 'an object that is there already',
    path: MAPS,
    object: configMap({ name: 'here' }),
    code: 409,
    reason: 'AlreadyExists',
    message: 'configmaps "here" already exists',
    details: { name: 'here', kind: 'configmaps' },
  },
  {
    name: 'a namespace that there is not',
    path: '/api/v1/namespaces/none/configmaps',
    object: configMap({ name: 'a' }),
    code: 404,
    reason: 'NotFound',
    message: 'namespaces "none" not found',
    details: { name: 'none', kind: 'namespaces' },
  },
  {
    name: 'a namespace that ends',
    path: '/api/v1/namespaces/ending/configmaps',
    object: configMap({ name: 'a' }),
    code: 403,
    reason: 'Forbidden',
    message: 'configmaps "a" is forbidden: unable to create new content in namespace ending because it is being terminated',
    details: {
      name: 'a',
      kind: 'configmaps',
      causes: [{ reason: 'NamespaceTerminating', message: 'namespace ending is being terminated', field: 'metadata.namespace' }],
    },
  },
  {
    name: 'a namespace that is not the one of the path',
    path: MAPS,
    object: configMap({ name: 'a', namespace: 'other' }),
    code: 400,
    reason: 'BadRequest',
    message: 'the namespace of the provided object does not match the namespace sent on the request',
  },
  {
    name: 'a name that is not the one of the path',
    method: 'PUT',
    path: `${MAPS}/here`,
    object: configMap({ name: 'there' }),
    code: 400,
    reason: 'BadRequest',
    message: 'the name of the object (there) does not match the name on the URL (here)',
  },
  {
    name: 'an update of what there is not',
    method: 'PUT',
    path: `${MAPS}/gone`,
    object: configMap({ name: 'gone' }),
    code: 404,
    reason: 'NotFound',
    message: 'configmaps "gone" not found',
    details: { name: 'gone', kind: 'configmaps' },
  },
  {
    name: 'an update of an older version',
    method: 'PUT',
    path: `${MAPS}/here`,
    object: configMap({ name: 'here', resourceVersion: '1' }),
    code: 409,
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled on configmaps "here": the object has been modified; please apply your changes to the latest ' +
      'version and try again',
    details: { name: 'here', kind: 'configmaps' },
  },
];
