import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { systemClock } from '#base/clock.ts';
import type { WireStatus } from '#apimachinery/errors.ts';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { Schema } from '#api/schema.ts';
import { warningHeaders } from './warning-header.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { http1, http2, http2Session, json, text, type HttpAnswer, type HttpCall } from '../testing/http.ts';
import { MemoryStore } from '../testing/memory-store.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const JSON_BODY = { 'content-type': 'application/json' };
const configMap = (name: string, data: Record<string, string> = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });

/** What the tests of one file share; each uses names of its own. */
let server: TestServer;
before(async () => {
  server = await startTestServer({
    store: new MemoryStore(systemClock),
    parts: () => ({
      routes: [
        {
          path: '/broken',
          match: 'exact',
          listed: false,
          handle: () => {
            throw new TypeError('a bug');
          },
        },
      ],
    }),
  });
});
after(() => server.stop());

const post = (path: string, body: string, call: HttpCall = {}): Promise<HttpAnswer> =>
  http1(server, path, { method: 'POST', headers: JSON_BODY, body, ...call });

function refusal(answer: HttpAnswer, code: number, reason: string): WireStatus {
  const status = json<WireStatus>(answer);
  assert.deepEqual(
    [answer.status, status.kind, status.status, status.reason, status.code],
    [code, 'Status', 'Failure', reason, code],
    text(answer),
  );
  return status;
}

describe('the HTTPS front', () => {
  test('answers over HTTP/1.1 and HTTP/2 with the same bytes', async () => {
    await post(CONFIG_MAPS, configMap('same', { a: 'ü' }));
    const session = http2Session(server);
    const [one, two] = [await http1(server, `${CONFIG_MAPS}/same`), await http2(session, `${CONFIG_MAPS}/same`)];
    session.close();
    assert.equal(one.status, 200);
    assert.equal(two.status, 200);
    assert.deepEqual(one.body, two.body);
    assert.equal(one.headers['content-type'], 'application/json');
    assert.equal(one.headers['cache-control'], 'no-cache, private');
    assert.match(String(one.headers['audit-id']), /^[0-9a-f-]{36}$/);
  });

  test('answers HEAD with the head alone, and takes it only where upstream does', async () => {
    const whole = await http1(server, '/livez');
    const head = await http1(server, '/livez', { method: 'HEAD' });
    assert.equal(head.body.length, 0);
    assert.equal(head.headers['content-length'], String(whole.body.length));
    await post(CONFIG_MAPS, configMap('head'));
    for (const path of [`${CONFIG_MAPS}/head`, CONFIG_MAPS, '/version', '/api/v1']) {
      assert.equal((await http1(server, path, { method: 'HEAD' })).status, 405, path);
      refusal(await http1(server, path, { method: 'TRACE' }), 405, 'MethodNotAllowed');
    }
  });

  test('takes over the audit id of the client', async () => {
    const answer = await http1(server, '/version', { headers: { 'audit-id': 'mine' } });
    assert.equal(answer.headers['audit-id'], 'mine');
  });

  for (const protocol of ['HTTP/1.1', 'HTTP/2'] as const) {
    test(`refuses a body above 3 MiB over ${protocol} and lives on`, async () => {
      const body = configMap('big', { a: 'x'.repeat(3 * 1024 * 1024) });
      const call = { method: 'POST', headers: JSON_BODY, body };
      if (protocol === 'HTTP/1.1') {
        const status = refusal(await http1(server, CONFIG_MAPS, call), 413, 'RequestEntityTooLarge');
        assert.equal(status.message, 'Request entity too large: limit is 3145728');
      } else {
        const session = http2Session(server);
        refusal(await http2(session, CONFIG_MAPS, call), 413, 'RequestEntityTooLarge');
        assert.equal((await http2(session, '/version')).status, 200);
        session.close();
      }
    });
  }

  test('refuses an object that the store cannot take, and one that no kind allows', async () => {
    const scripts = Array.from({ length: 16 }, (_, i) => ({ name: `c${i}`, image: 'i', args: ['x'.repeat(100_000)] }));
    const pod = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'large' }, spec: { containers: scripts } });
    const refused = json<WireStatus>(await post('/api/v1/namespaces/default/pods', pod));
    assert.deepEqual([refused.code, refused.reason, refused.message], [500, undefined, 'etcdserver: request is too large']);
    assert.equal((await http1(server, '/api/v1/namespaces/default/pods/large')).status, 404);
    const data = Object.fromEntries(Array.from({ length: 2 }, (_, i) => [`k${i}`, 'x'.repeat(800_000)]));
    const status = refusal(await post(CONFIG_MAPS, configMap('large', data)), 422, 'Invalid');
    assert.match(status.message as string, /: Too long: may not be more than 1048576 bytes$/);
    assert.equal((await http1(server, `${CONFIG_MAPS}/large`)).status, 404);
  });

  for (const c of [
    {
      name: 'broken JSON',
      body: '{"a":',
      code: 400,
      reason: 'BadRequest',
      message:
        /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: unexpected end of JSON input \(\{"a":\)$/,
    },
    {
      name: 'broken YAML',
      body: 'a: [',
      type: 'application/yaml',
      code: 400,
      reason: 'BadRequest',
      message: /^the object provided is unrecognized/,
    },
    { name: 'an empty body', body: '', code: 400, reason: 'BadRequest', message: /unexpected end of JSON input/ },
    { name: 'a list as body', body: '[]', code: 400, reason: 'BadRequest', message: /^the object provided is unrecognized/ },
    {
      name: 'another kind',
      body: JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }),
      code: 400,
      reason: 'BadRequest',
      message: /^Secret in version "v1" cannot be handled as a ConfigMap/,
    },
    {
      name: 'another version',
      body: JSON.stringify({ apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'x' } }),
      code: 400,
      reason: 'BadRequest',
      message: /^ConfigMap in version "v2" cannot be handled as a ConfigMap/,
    },
    {
      name: 'a wrong type',
      body: JSON.stringify({ metadata: { name: 'x' }, data: { a: 1 } }),
      code: 400,
      reason: 'BadRequest',
      message: /cannot unmarshal number into Go struct field ConfigMap\.data of type string/,
    },
    {
      name: 'an unknown media type',
      body: 'x',
      type: 'text/plain',
      code: 415,
      reason: 'UnsupportedMediaType',
      message:
        /^the body of the request was in an unknown format - accepted media types include: application\/json, application\/yaml, application\/vnd\.kubernetes\.protobuf$/,
    },
    {
      name: 'a name that is none',
      body: configMap('A_b'),
      code: 422,
      reason: 'Invalid',
      message: /^ConfigMap "A_b" is invalid: metadata\.name: Invalid value/,
    },
    {
      name: 'another namespace',
      body: JSON.stringify({ metadata: { name: 'x', namespace: 'other' } }),
      code: 400,
      reason: 'BadRequest',
      message: /^the namespace of the provided object does not match the namespace sent on the request$/,
    },
  ]) {
    test(`refuses ${c.name} in upstream's words`, async () => {
      const answer = await post(CONFIG_MAPS, c.body, { headers: { 'content-type': c.type ?? 'application/json' } });
      assert.match(refusal(answer, c.code, c.reason).message ?? '', c.message);
    });
  }

  test('tells of unknown and duplicate fields as the client asks', async () => {
    const body = '{"kin":"","metadata":{"name":"fields"},"data":{"a":"1","a":"2"},"spec":{}}';
    const strict = refusal(await post(`${CONFIG_MAPS}?fieldValidation=Strict&dryRun=All`, body), 400, 'BadRequest');
    assert.equal(
      strict.message,
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "kin", duplicate field "data.a", unknown field "spec"',
    );
    const warned = await post(`${CONFIG_MAPS}?dryRun=All`, body);
    assert.equal(warned.status, 201);
    assert.equal(
      warned.headers['warning'],
      '299 - "unknown field \\"kin\\"", 299 - "duplicate field \\"data.a\\"", 299 - "unknown field \\"spec\\""',
    );
    const ignored = await post(`${CONFIG_MAPS}?fieldValidation=Ignore&dryRun=All`, body);
    assert.equal(ignored.headers['warning'], undefined);
    refusal(await post(`${CONFIG_MAPS}?fieldValidation=Never`, body), 422, 'Invalid');
  });

  test('warns in any script', async () => {
    const { status, headers } = await post(`${CONFIG_MAPS}?dryRun=All`, JSON.stringify({ metadata: { name: 'a' }, größe: 1, 日本: 2 }));
    assert.equal(status, 201);
    assert.equal(
      Buffer.from(String(headers['warning']), 'latin1').toString(),
      '299 - "unknown field \\"größe\\"", 299 - "unknown field \\"日本\\""',
    );
  });

  test('warningHeaders leaves out what a header cannot hold', () =>
    assert.deepEqual(warningHeaders(['a\u0007', 'b', 'c\u0085']), ['299 - "b"']));

  test('warns of what is accepted but better not done', async () => {
    const { status, headers } = await post(
      '/api/v1/namespaces/default/pods',
      JSON.stringify({
        metadata: { name: 'warned' },
        spec: { containers: [{ name: 'c', image: 'i', env: [{ name: 'A' }, { name: 'A' }] }] },
      }),
    );
    assert.equal(status, 201);
    assert.match(String(headers['warning']), /^299 - "spec\.containers\[0\]\.env\[1\]: hides previous definition of \\"A\\"/);
  });

  test('reads YAML and answers in YAML', async () => {
    const answer = await post(CONFIG_MAPS, 'metadata:\n  name: yaml\ndata:\n  answer: "yes"\n', {
      headers: { 'content-type': 'application/yaml', accept: 'application/yaml' },
    });
    assert.equal(answer.headers['content-type'], 'application/yaml');
    assert.match(text(answer), /^apiVersion: v1\ndata:\n {2}answer: .yes.\nkind: ConfigMap\n/);
  });

  test('speaks protobuf both ways', async () => {
    const protobuf = kubeProtobuf(new Schema());
    const type = 'application/vnd.kubernetes.protobuf';
    const sent = protobuf.encode({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'proto' }, data: { a: 'b' } });
    const answer = await http1(server, CONFIG_MAPS, { method: 'POST', headers: { 'content-type': type, accept: type }, body: sent });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['content-type'], type);
    const got = protobuf.decode(answer.body, 'ConfigMap') as { metadata: { name: string; uid: string }; data: object };
    assert.deepEqual([got.metadata.name, got.data], ['proto', { a: 'b' }]);
    const list = await http1(server, `${CONFIG_MAPS}?fieldSelector=metadata.name%3Dproto`, { headers: { accept: type } });
    const { items } = protobuf.decode(list.body, 'ConfigMapList') as { items: readonly { metadata: { uid: string } }[] };
    assert.deepEqual(
      items.map(({ metadata }) => metadata.uid),
      [got.metadata.uid],
    );
    const partial = await http1(server, `${CONFIG_MAPS}/proto`, {
      headers: { accept: `${type};as=PartialObjectMetadata;g=meta.k8s.io;v=v1` },
    });
    assert.equal((protobuf.decode(partial.body, 'PartialObjectMetadata') as { metadata: { name: string } }).metadata.name, 'proto');
  });

  test('gives tables and bare metadata', async () => {
    await post(CONFIG_MAPS, configMap('table'));
    const table = json<{ kind: string; rows: { cells: string[]; object: { kind: string } }[] }>(
      await http1(server, `${CONFIG_MAPS}/table`, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' } }),
    );
    assert.deepEqual([table.kind, table.rows[0]?.cells[0], table.rows[0]?.object.kind], ['Table', 'table', 'PartialObjectMetadata']);
    const partial = json<{ kind: string; apiVersion: string; items: { kind: string; metadata: object; data?: object }[] }>(
      await http1(server, CONFIG_MAPS, { headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' } }),
    );
    assert.deepEqual([partial.kind, partial.apiVersion], ['PartialObjectMetadataList', 'meta.k8s.io/v1']);
    assert.ok(partial.items.every((item) => item.kind === 'PartialObjectMetadata' && item.data === undefined));
  });

  test('gives tables of flow schemas in the order in which they are asked, lists by name', async () => {
    const path = '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas';
    for (const [name, matchingPrecedence] of [
      ['a', 9000],
      ['c', 300],
      ['b', 300],
    ] as const) {
      const spec = { priorityLevelConfiguration: { name: 'exempt' }, matchingPrecedence };
      await post(path, JSON.stringify({ apiVersion: 'flowcontrol.apiserver.k8s.io/v1', kind: 'FlowSchema', metadata: { name }, spec }));
    }
    interface Shown {
      readonly rows: readonly { readonly cells: readonly string[]; readonly object: { readonly metadata: { readonly name: string } } }[];
    }
    const { rows } = json<Shown>(await http1(server, path, { headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } }));
    const shown = rows.map(({ cells, object }) => [cells[0], object.metadata.name]);
    const own = shown.filter(([name = '']) => ['a', 'b', 'c'].includes(name));
    assert.deepEqual(own, [
      ['b', 'b'],
      ['c', 'c'],
      ['a', 'a'],
    ]);
    const { items } = json<{ items: readonly { metadata: { name: string } }[] }>(await http1(server, path));
    const names = items.map(({ metadata }) => metadata.name);
    assert.deepEqual(names, names.toSorted());
  });

  /** A list without what changes meanwhile: its own revision, and ages, which stand in the last column. */
  const lasting = ({ metadata: _metadata, ...list }: Record<string, unknown>): object => ({
    ...list,
    ...(Array.isArray(list['rows'])
      ? { rows: list['rows'].map((row: { cells: unknown[] }) => ({ ...row, cells: row.cells.slice(0, -1) })) }
      : {}),
  });

  test('puts lists together from bytes as it would encode them whole', async () => {
    const metadata = { name: 'list-b', annotations: { note: 'ü"}},{\\' }, labels: { list: 'b' } };
    await post(CONFIG_MAPS, configMap('list-a', { text: '}"\\{' }));
    await post(CONFIG_MAPS, JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { a: 'b' } }));
    const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    for (const [accept, query] of [
      ['application/json', ''],
      ['application/json', '&labelSelector=list%3Db'],
      ['application/json', '&labelSelector=list%3Dnobody'],
      [table, ''],
      [table, '&labelSelector=list%3Dnobody'],
      [table, '&includeObject=None'],
      [table, '&includeObject=Object'],
      ['application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io', ''],
    ] as const) {
      const list = (pretty: boolean): Promise<HttpAnswer> =>
        http1(server, `${CONFIG_MAPS}?pretty=${pretty}${query}`, { headers: { accept } });
      const indented = await list(true);
      assert.deepEqual(lasting(json(await list(false))), lasting(json(indented)), `${accept}${query}`);
      assert.equal(text(indented), `${JSON.stringify(json(indented), undefined, 2)}\n`, `${accept}${query}`);
      if (!query.endsWith('None')) continue;
      const { rows } = json(indented) as { readonly rows: readonly { readonly object: unknown }[] };
      assert.ok(rows.length > 1 && rows.every(({ object }) => object === null)); // as Go writes an extension that is empty
    }
  });

  test('lists in protobuf what is there now, however often it was listed before', async () => {
    const protobuf = kubeProtobuf(new Schema());
    const headers = { accept: 'application/vnd.kubernetes.protobuf' };
    const check = async (data: string | undefined): Promise<void> => {
      const one = await http1(server, `${CONFIG_MAPS}/message`, { headers });
      const found = one.status === 200 ? [protobuf.decode(one.body, 'ConfigMap') as { data: object }] : [];
      assert.deepEqual(
        found.map((object) => object.data),
        data === undefined ? [] : [{ a: data }],
      );
      for (let i = 0; i < 2; i++) {
        const list = await http1(server, `${CONFIG_MAPS}?fieldSelector=metadata.name%3Dmessage`, { headers });
        const { items = [] } = protobuf.decode(list.body, 'ConfigMapList') as { items?: readonly object[] };
        assert.deepEqual(
          items.map((item) => ({ kind: 'ConfigMap', apiVersion: 'v1', ...item })),
          found,
        );
      }
    };
    await post(CONFIG_MAPS, configMap('message', { a: '1' }));
    await check('1');
    await http1(server, `${CONFIG_MAPS}/message`, { method: 'PUT', headers: JSON_BODY, body: configMap('message', { a: '2' }) });
    await check('2');
    await http1(server, `${CONFIG_MAPS}/message`, { method: 'DELETE' });
    await check(undefined);
  });

  test('refuses what it cannot produce', async () => {
    const status = refusal(await http1(server, CONFIG_MAPS, { headers: { accept: 'text/html' } }), 406, 'NotAcceptable');
    const types = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
    const streams = ['application/json;stream=watch', 'application/vnd.kubernetes.protobuf;stream=watch'];
    assert.equal(status.message, `406: Not Acceptable\n\nAvailable representations: ${[...types, ...streams].join(', ')}`);
    refusal(
      await http1(server, CONFIG_MAPS, { headers: { accept: 'application/json;as=Chair;v=v1;g=meta.k8s.io' } }),
      406,
      'NotAcceptable',
    );
  });

  test('gives no table of what is no list of objects', async () => {
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { nonResourceAttributes: { path: '/', verb: 'get' } },
    };
    const sent = { method: 'POST', headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }, body: JSON.stringify(review) };
    refusal(await http1(server, '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', sent), 406, 'NotAcceptable');
  });

  test('indents for people', async () => {
    await post(CONFIG_MAPS, configMap('pretty'));
    assert.match(
      text(await http1(server, `${CONFIG_MAPS}/pretty`, { headers: { 'user-agent': 'curl/8' } })),
      /^\{\n {2}"kind": "ConfigMap",\n/,
    );
    assert.match(
      text(await http1(server, `${CONFIG_MAPS}/pretty?pretty=false`, { headers: { 'user-agent': 'curl/8' } })),
      /^\{"kind":"ConfigMap",/,
    );
  });

  test('compresses long lists for those who can read them', async () => {
    for (let i = 0; i < 4; i++) await post(CONFIG_MAPS, configMap(`zip-${i}`, { a: 'z'.repeat(60_000) }));
    const plain = await http1(server, CONFIG_MAPS);
    const zipped = await http1(server, CONFIG_MAPS, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.deepEqual(gunzipSync(zipped.body), plain.body);
    const short = await http1(server, `${CONFIG_MAPS}/zip-0`, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(short.headers['content-encoding'], undefined);
  });

  test('answers a bug with 500 and lives on', async () => {
    const status = refusal(await http1(server, '/broken'), 500, 'InternalError');
    assert.equal(status.message, 'Internal error occurred: a bug');
    assert.equal((await http1(server, '/version')).status, 200);
  });

  for (const c of [
    { path: '/nothing', code: 404 },
    { path: '/api/v1/namespaces/default/chairs', code: 404 },
    { path: '/apis/none.io/v1/chairs', code: 404 },
    { path: `${CONFIG_MAPS}/x/status`, code: 404 },
    { path: '/version', method: 'POST', code: 405 },
  ]) {
    test(`answers ${c.method ?? 'GET'} ${c.path} with ${c.code}`, async () => {
      assert.equal((await http1(server, c.path, { method: c.method ?? 'GET' })).status, c.code);
    });
  }

  for (const [method, path] of [
    ['POST', '/api/v1/pods'],
    ['POST', `${CONFIG_MAPS}/x`],
    ['PUT', CONFIG_MAPS],
    ['OPTIONS', CONFIG_MAPS],
    ['DELETE', '/api/v1/componentstatuses/etcd-0'],
  ] as const) {
    test(`refuses ${method} ${path}: the built-in API has no such route`, async () => {
      const headers = { 'content-type': 'application/json' };
      const status = refusal(
        await http1(server, path, { method, headers, ...(method.startsWith('P') ? { body: '{}' } : {}) }),
        405,
        'MethodNotAllowed',
      );
      assert.deepEqual([status.message, status.details], ['the server does not allow this method on the requested resource', {}]);
    });
  }

  for (const path of ['/api/v1/chairs', '/apis/apps/v1/namespaces/default/chairs/x', `${CONFIG_MAPS}/x/status`]) {
    test(`says in a Status that the built-in API has no ${path}`, async () => {
      const status = refusal(await http1(server, path), 404, 'NotFound');
      assert.deepEqual([status.message, status.details], ['the server could not find the requested resource', {}]);
    });
  }

  test('refuses whoever may not, and says what', async () => {
    const status = refusal(await http1(server, CONFIG_MAPS, { as: 'nobody' }), 403, 'Forbidden');
    assert.equal(
      status.message,
      'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the namespace "default"',
    );
    const path = refusal(await http1(server, '/metrics', { as: 'nobody' }), 403, 'Forbidden');
    assert.equal(path.message, 'forbidden: User "system:anonymous" cannot get path "/metrics"');
  });

  test('shows its health, version, metrics and paths', async () => {
    assert.equal(text(await http1(server, '/livez')), 'ok');
    assert.match(text(await http1(server, '/readyz?verbose')), /^\[\+\]ping ok\n\[\+\]log ok\n(?:\[\+\].* ok\n)*readyz check passed\n$/);
    assert.equal(text(await http1(server, '/readyz/ping')), 'ok');
    const version = json<Record<string, string>>(await http1(server, '/version'));
    assert.deepEqual(Object.keys(version).slice(0, 7), [
      'major',
      'minor',
      'emulationMajor',
      'emulationMinor',
      'minCompatibilityMajor',
      'minCompatibilityMinor',
      'gitVersion',
    ]);
    const { minor, emulationMinor, minCompatibilityMinor } = version;
    assert.deepEqual([minor, emulationMinor, minCompatibilityMinor], ['36', '36', '35']);
    const metrics = text(await http1(server, '/metrics'));
    assert.match(
      metrics,
      /^apiserver_request_total\{code="201",component="apiserver",.*resource="configmaps",.*verb="POST",version="v1"\} \d+$/m,
    );
    assert.match(metrics, /^apiserver_request_duration_seconds_bucket\{.*le="\+Inf"\} \d+$/m);
    assert.ok(json<{ paths: string[] }>(await http1(server, '/')).paths.includes('/apis/apps/v1'));
  });

  test('lists what it serves', async () => {
    const v1 = json<{ resources: { name: string; verbs: string[] }[] }>(await http1(server, '/api/v1'));
    assert.deepEqual(v1.resources.find(({ name }) => name === 'pods/exec')?.verbs, ['create', 'get']);
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    const aggregated = await http1(server, '/apis', { headers: { accept } });
    assert.equal(aggregated.headers['content-type'], 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    const again = await http1(server, '/apis', { headers: { accept, 'if-none-match': String(aggregated.headers['etag']) } });
    assert.equal(again.status, 304);
  });
});
