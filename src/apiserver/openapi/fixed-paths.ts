// Paths that are no resources: discovery, /version and keys of service accounts. Pure.
import { refTo, type Operation, type Paths } from './document.ts';
import { capital, groupTag } from './tags.ts';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';

function reading(tag: string, operationId: string, description: string, component: string, types: readonly string[]): Operation {
  const content = Object.fromEntries(types.map((type) => [type, { schema: refTo(component) }]));
  return {
    tags: [tag],
    description,
    operationId,
    responses: { 200: { description: 'OK', content }, 401: { description: 'Unauthorized' } },
  };
}

const MEDIA_TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];

/** `/apis/apps/v1/`: which resources there are. */
export const resourceListPath = (root: string, group: string, version: string): Paths => ({
  [`${root}/`]: {
    get: reading(
      `${groupTag(group)}_${version}`,
      `get${capital(groupTag(group))}${capital(version)}APIResources`,
      'Which resources there are.',
      `${META}APIResourceList`,
      MEDIA_TYPES,
    ),
  },
});

/** By path of the document: `apis/apps`, `version`. */
export function fixedPaths(groups: readonly string[]): ReadonlyMap<string, Paths> {
  const all = new Map<string, Paths>();
  for (const group of groups) {
    const [path, kind, suffix] =
      group === '' ? (['api', 'APIVersions', 'APIVersions'] as const) : ([`apis/${group}`, 'APIGroup', 'APIGroup'] as const);
    all.set(path, {
      [`/${path}/`]: {
        get: reading(groupTag(group), `get${capital(groupTag(group))}${suffix}`, 'Which versions there are.', META + kind, MEDIA_TYPES),
      },
    });
  }
  all.set('apis', { '/apis/': { get: reading('apis', 'getAPIVersions', 'Which groups there are.', `${META}APIGroupList`, MEDIA_TYPES) } });
  all.set('version', {
    '/version/': {
      get: reading('version', 'getCodeVersion', 'Version of the server.', 'io.k8s.apimachinery.pkg.version.Info', ['application/json']),
    },
  });
  for (const [path, type, tag, operationId, description] of KEY_PATHS) {
    const answers = {
      200: { description: 'OK', content: { [type]: { schema: { type: 'string' } as const } } },
      401: { description: 'Unauthorized' },
    };
    all.set(path, { [`/${path}/`]: { get: { tags: [tag], description, operationId, responses: answers } } });
  }
  return all;
}

/** Where relying parties find the keys of service account tokens. Source: apiserver pkg/server/routes/openidmetadata.go. */
const KEY_PATHS = [
  [
    '.well-known/openid-configuration',
    'application/json',
    'WellKnown',
    'getServiceAccountIssuerOpenIDConfiguration',
    'Who issues tokens of service accounts, and where its keys are.',
  ],
  [
    'openid/v1/jwks',
    'application/jwk-set+json',
    'openid',
    'getServiceAccountIssuerOpenIDKeyset',
    'Keys that tokens of service accounts are signed with.',
  ],
] as const;
