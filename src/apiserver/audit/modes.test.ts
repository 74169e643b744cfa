// How requests wait for the audit log, and what becomes of them and of it when a back end fails.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import type { KubeconfigWebhook } from '../outbound/kubeconfig-webhook.ts';
import { ALLOW } from '../authorization/contract.ts';
import { startTestServer } from '../testing.ts';
import { http1, http2, http2Session, json, text } from '../testing/http.ts';
import type { AuditBackend, AuditMode } from './contract.ts';
import { LogBackend } from './log-backend.ts';
import { AuditMetrics } from './metrics.ts';
import { readPolicy } from './policy.ts';
import { PolicySink } from './sink.ts';
import { truncating } from './truncate.ts';
import { WebhookBackend } from './webhook-backend.ts';

const POLICY = JSON.stringify({ kind: 'Policy', apiVersion: 'audit.k8s.io/v1', rules: [{ level: 'Metadata' }] });
const MAPS = '/api/v1/namespaces/default/configmaps';
const WRITE = { method: 'POST', headers: { 'content-type': 'application/json' } };
const MODES: readonly AuditMode[] = ['batch', 'blocking', 'blocking-strict'];

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proa-audit-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const logTo = (path: string, mode: AuditMode, metrics = new AuditMetrics()): LogBackend =>
  new LogBackend({ path, maxSize: 0, maxBackups: 0, maxAge: 0, compress: false, mode, metrics, clock: systemClock, logger: silentLogger });

const errors = (metrics: AuditMetrics): readonly string[] =>
  metrics
    .expose()
    .split('\n')
    .filter((line) => line.startsWith('apiserver_audit_error_total{'));

for (const mode of MODES) {
  test(`LogBackend in mode ${mode} lets a request go on once its line is in the file, where it waits at all`, async () => {
    const path = join(folder, `${mode}.log`);
    const log = logTo(path, mode);
    const waits = [log.write('{"a":1}'), log.write('{"a":2}')];
    if (mode === 'batch') assert.deepEqual(waits, [undefined, undefined]);
    else {
      for (const wait of waits) assert.equal(await wait, true);
      assert.equal(await readFile(path, 'utf8'), '{"a":1}\n{"a":2}\n');
    }
    await log.stop();
  });

  test(`LogBackend in mode ${mode} counts what a broken disk loses, and writes again once it is whole`, async () => {
    const metrics = new AuditMetrics();
    const log = logTo(join(folder, `later-${mode}`, 'audit.log'), mode, metrics);
    assert.equal(await log.write('{}'), mode === 'batch' ? undefined : mode === 'blocking');
    await log.stop();
    assert.deepEqual(errors(metrics), ['apiserver_audit_error_total{plugin="log"} 1']);
    await mkdir(join(folder, `later-${mode}`));
    assert.equal(await log.write('{"healed":true}'), mode === 'batch' ? undefined : true);
    await log.stop();
    assert.equal(await readFile(join(folder, `later-${mode}`, 'audit.log'), 'utf8'), '{"healed":true}\n');
  });
}

/** A web service that can be away, and that can be silent. */
function webService(): KubeconfigWebhook & { away: boolean; silence: Promise<void> | undefined; readonly batches: number[] } {
  const batches: number[] = [];
  return {
    away: false,
    silence: undefined,
    batches,
    async post(body) {
      await this.silence;
      if (this.away) throw new Error('connection refused');
      batches.push((JSON.parse(body) as { readonly items: readonly unknown[] }).items.length);
      return undefined;
    },
  };
}

/** More pauses than a delivery makes, each longer than any of them. */
async function outlast(clock: ManualClock): Promise<void> {
  for (let i = 0; i < 10; i++) {
    await new Promise(setImmediate);
    clock.advance(100_000);
  }
  await new Promise(setImmediate);
}

for (const mode of ['blocking', 'blocking-strict'] as const) {
  test(`WebhookBackend in mode ${mode} delivers each event by itself, and says whether a request may go on`, async () => {
    const clock = new ManualClock();
    const metrics = new AuditMetrics();
    const webhook = webService();
    const backend = new WebhookBackend({ webhook, initialBackoffMs: 10_000, mode, metrics, clock, logger: silentLogger });
    const both = [backend.write('{}'), backend.write('{}')];
    for (const one of both) assert.equal(await one, true);
    assert.deepEqual(webhook.batches, [1, 1]);
    webhook.away = true;
    const waiting = backend.write('{}');
    await outlast(clock);
    assert.equal(await waiting, mode === 'blocking');
    assert.deepEqual(errors(metrics), ['apiserver_audit_error_total{plugin="webhook"} 1']);
    webhook.away = false;
    assert.equal(await backend.write('{}'), true);
    await backend.stop();
  });
}

test('WebhookBackend keeps 10,000 events for a web service that is silent, and counts what comes beyond', async () => {
  const metrics = new AuditMetrics();
  const webhook = webService();
  webhook.silence = new Promise(() => {});
  const more = { mode: 'batch', metrics, clock: new ManualClock(), logger: silentLogger } as const;
  const backend = new WebhookBackend({ webhook, initialBackoffMs: 10_000, ...more });
  for (let i = 0; i < 10_400; i++) assert.equal(backend.write('{}'), undefined);
  assert.deepEqual(errors(metrics), []);
  for (let i = 0; i < 100; i++) void backend.write('{}');
  assert.deepEqual(errors(metrics), ['apiserver_audit_error_total{plugin="buffered"} 100']);
});

test('WebhookBackend sends batches as large, as late and as often as it is told', async () => {
  const clock = new ManualClock();
  const webhook = webService();
  const batches = { bufferSize: 5, maxSize: 2, maxWait: 1_000, throttle: { qps: 1, burst: 1 } };
  const metrics = new AuditMetrics();
  const more = { mode: 'batch', metrics, clock, logger: silentLogger } as const;
  const backend = new WebhookBackend({ webhook, initialBackoffMs: 10, batches, ...more });
  const settled = async (): Promise<readonly number[]> => {
    for (let i = 0; i < 10; i++) await new Promise(setImmediate);
    return webhook.batches;
  };
  void backend.write('{}');
  clock.advance(999);
  assert.deepEqual(await settled(), []);
  clock.advance(1);
  assert.deepEqual(await settled(), [1]); // waited long enough
  for (let i = 0; i < 4; i++) void backend.write('{}');
  assert.deepEqual(await settled(), [1]); // one a second
  for (let i = 0; i < 3; i++) void backend.write('{}');
  assert.deepEqual(errors(metrics), ['apiserver_audit_error_total{plugin="buffered"} 2']);
  clock.advance(1_000);
  assert.deepEqual(await settled(), [1, 2]);
  await backend.stop();
  assert.deepEqual(webhook.batches, [1, 2, 2, 1]); // at the end without pauses
});

test('truncating takes the bodies off an event that is too large, and drops one that is still', () => {
  const written: string[] = [];
  const metrics = new AuditMetrics();
  const backend = truncating({ write: (event) => void written.push(event), stop: async () => {} }, 200, metrics);
  const large = 'x'.repeat(200);
  const small = JSON.stringify({ level: 'Request', requestObject: { a: 1 } });
  void backend.write(small);
  void backend.write(JSON.stringify({ level: 'RequestResponse', annotations: { a: 'b' }, requestObject: { large }, responseObject: {} }));
  assert.deepEqual(written.splice(0), [
    small,
    JSON.stringify({ level: 'RequestResponse', annotations: { a: 'b', 'audit.k8s.io/truncated': 'true' } }),
  ]);
  void backend.write(JSON.stringify({ level: 'Request', requestURI: large }));
  void backend.write(JSON.stringify({ level: 'Metadata', requestURI: large }));
  assert.deepEqual(written, []);
  assert.deepEqual(errors(metrics), ['apiserver_audit_error_total{plugin="truncate"} 2']);
});

async function serverWith(backend: AuditBackend, metrics: AuditMetrics) {
  return startTestServer({
    parts: ({ schema }) => ({
      authorizer: { authorize: () => ALLOW },
      audit: new PolicySink({
        policy: readPolicy(POLICY),
        backends: [backend],
        metrics,
        clock: systemClock,
        decode: (bytes) => kubeProtobuf(schema).decode(bytes, ''),
      }),
    }),
  });
}

test('in mode blocking-strict nothing is done that is not written down, and all goes on once it is', async (t) => {
  const metrics = new AuditMetrics();
  const at = join(folder, 'strict');
  const server = await serverWith(logTo(join(at, 'audit.log'), 'blocking-strict', metrics), metrics);
  t.after(() => server.stop());
  const refused = await http1(server, MAPS, { ...WRITE, body: JSON.stringify({ metadata: { name: 'a' } }) });
  assert.deepEqual([refused.status, text(refused)], [500, `Internal Server Error: "${MAPS}": failed to store audit event\n`]);
  assert.deepEqual([refused.headers['content-type'], refused.headers['x-content-type-options']], ['text/plain; charset=utf-8', 'nosniff']);
  const session = http2Session(server);
  assert.equal((await http2(session, `${MAPS}?a=<b>`)).body.toString().includes('&lt;b&gt;'), true);
  await mkdir(at);
  assert.deepEqual(json<{ items: unknown[] }>(await http1(server, MAPS)).items, []);
  assert.equal((await http1(server, MAPS, { ...WRITE, body: JSON.stringify({ metadata: { name: 'a' } }) })).status, 201);
  const figures = text(await http1(server, '/metrics'));
  session.destroy();
  assert.match(figures, /^apiserver_audit_requests_rejected_total 2$/m);
  assert.match(figures, /^apiserver_audit_error_total\{plugin="log"\} [1-9]/m);
});

test('a request that waits for a silent web service ends in its own time', async (t) => {
  const metrics = new AuditMetrics();
  const webhook = webService();
  const silence = Promise.withResolvers<void>();
  webhook.silence = silence.promise;
  const more = { mode: 'blocking', metrics, clock: systemClock, logger: silentLogger } as const;
  const server = await serverWith(new WebhookBackend({ webhook, initialBackoffMs: 10_000, ...more }), metrics);
  t.after(() => server.stop());
  const answer = await http1(server, `${MAPS}?timeout=1s`);
  assert.deepEqual([answer.status, json(answer)['reason']], [504, 'Timeout']);
  silence.resolve();
  assert.equal((await http1(server, MAPS)).status, 200);
});
