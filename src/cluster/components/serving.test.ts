import assert from 'node:assert/strict';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { tokenreviews } from '#api/resources.ts';
import type { SubjectAccessReview, TokenReview } from '#api/types.ts';
import { type Client, ConnectionError } from '#client/contract.ts';
import { createAuthority, issueCertificate } from '../pki/certificate.ts';
import { componentServer } from './serving.ts';

/** Knows the tokens `scraper` and `visitor`, and lets the first read figures. */
const reviewer = {
  async create(resource: unknown, { spec }: TokenReview | SubjectAccessReview) {
    if (resource === tokenreviews) {
      const { token } = spec as TokenReview['spec'];
      if (token === 'storm') throw new ConnectionError('no answer');
      return { status: token === 'scraper' || token === 'visitor' ? { authenticated: true, user: { username: token } } : {} };
    }
    const { user, groups, nonResourceAttributes } = spec as SubjectAccessReview['spec'];
    assert.deepEqual(groups, ['system:authenticated']);
    return {
      status: { allowed: user === 'scraper' && nonResourceAttributes?.verb === 'get' && nonResourceAttributes.path !== '/debug' },
    };
  },
} as unknown as Client;

test('componentServer tells its health to everybody and its figures to whom the API server lets', async (t) => {
  const deps = { clock: systemClock, ids: randomIds };
  const authority = await createAuthority('ca', 1, deps);
  const pair = await issueCertificate(
    authority,
    { commonName: 'localhost', usages: ['server'], dnsNames: ['localhost'], validDays: 1 },
    deps,
  );
  const health = { good: true };
  const server = componentServer(pair, {
    component: 'kube-scheduler',
    clock: systemClock,
    flags: { 'secure-port': '10259' },
    client: reviewer,
    expose: () => 'figure 1\n',
    healthy: () => health.good,
    exposeResources: () => 'resources 1\n',
    configz: { c: {} },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const get = (path: string, token?: string, accept = ''): Promise<string> =>
    new Promise((resolve, reject) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}`, ...(accept === '' ? {} : { accept }) };
      request({ host: '127.0.0.1', servername: 'localhost', port, path, ca: authority.certificate, headers, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => (body += part));
        response.on('end', () =>
          resolve(
            `${response.statusCode} ${body.trim().split('\n')[0]}${/^kubernetes_build_info\{.*git_version="v1\.36\.0.*\} 1$/m.test(body) ? ', built' : ''}`,
          ),
        );
      })
        .on('error', reject)
        .end();
    });
  assert.equal(await get('/readyz'), '200 ok');
  assert.equal(await get('//'), '401 Unauthorized'); // no URL by itself
  assert.equal(await get('/metrics/resources', 'scraper'), '200 resources 1');
  health.good = false;
  assert.equal(await get('/healthz'), '500 [+]ping ok');
  health.good = true;
  assert.equal(await get('/metrics'), '401 Unauthorized');
  assert.equal(await get('/metrics', 'nobody'), '401 Unauthorized');
  assert.equal(await get('/metrics', 'visitor'), '403 forbidden: User "visitor" cannot get path "/metrics"');
  assert.equal(await get('/metrics', 'scraper'), '200 figure 1, built');
  assert.equal(await get('/metrics/slis', 'visitor'), '403 forbidden: User "visitor" cannot get path "/metrics/slis"');
  assert.match(await get('/metrics/slis', 'scraper'), /^200 # HELP kubernetes_healthcheck /);
  assert.equal(await get('/configz', 'visitor'), '403 forbidden: User "visitor" cannot get path "/configz"');
  assert.equal(await get('/configz', 'scraper'), '200 {"c":{}}');
  assert.equal(await get('/flagz', 'visitor'), '403 forbidden: User "visitor" cannot get path "/flagz"');
  assert.equal(await get('/statusz', 'scraper'), '200 kube-scheduler statusz');
  assert.equal(await get('/flagz', 'scraper'), '200 kube-scheduler flagz');
  assert.equal(
    await get('/flagz', 'scraper', 'application/json;g=config.k8s.io;v=v1beta1;as=Flagz'),
    '200 {"kind":"Flagz","apiVersion":"config.k8s.io/v1beta1","metadata":{"name":"kube-scheduler"},"flags":{"secure-port":"10259"}}',
  );
  assert.match(await get('/flagz', 'scraper', 'image/png'), /^406 /);
  assert.equal(await get('/metrics', 'storm'), '500 Internal Server Error');
});
