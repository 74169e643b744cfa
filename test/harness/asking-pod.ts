// A pod that asks one URL again and again, each time anew from the name on, and remembers what it was answered.
import assert from 'node:assert/strict';
import type { KubeClient } from './kubectl.ts';

/** What it was answered so far. */
export interface Heard {
  readonly asked: number;
  /** Requests that got no whole answer with status 200, each with the error; the first hundred. */
  readonly failures: readonly string[];
  /** Answers that differ, in the order in which they were first heard. */
  readonly answers: readonly string[];
  /** The last answer. */
  readonly last: string;
}

export interface AskingPod {
  /** The answer to a request that was begun after this call. @throws Error when it has heard of nothing but failures since */
  hears(): Promise<string>;
  /** Takes the pod away. */
  stop(): Promise<Heard>;
}

/** A connection each, and none that hangs goes unnoticed. Milliseconds. */
const ANSWER_MS = 10_000;

/** One request after the other; its record is had on port 8080. */
const PROGRAM = `
const http = require('http');
const heard = { asked: 0, failures: [], answers: [], last: '' };
const ask = () => new Promise((done) => {
  const fail = (error) => { if (heard.failures.length < 100) heard.failures.push(new Date().toISOString() + ' ' + error.message); done(); };
  const request = http.get(process.env.URL, { agent: false, timeout: ${ANSWER_MS} }, (response) => {
    let text = '';
    response.on('data', (chunk) => (text += chunk)).on('error', fail).on('end', () => {
      if (response.statusCode !== 200) return fail(new Error('status ' + response.statusCode));
      heard.last = text;
      if (!heard.answers.includes(text)) heard.answers.push(text);
      done();
    });
  });
  request.on('timeout', () => request.destroy(new Error('no answer in ${ANSWER_MS} ms'))).on('error', fail);
});
http.createServer((request, response) => response.setHeader('connection', 'close').end(JSON.stringify(heard))).listen(8080);
(async () => { for (;;) { heard.asked++; await ask(); } })();
`;

interface PodAddress {
  readonly status: { readonly podIP: string };
}

/** `image` has Node.js and lies on the node. Resolves once the pod asks. */
export async function askingPod(
  kubectl: KubeClient,
  { name, image, url }: { readonly name: string; readonly image: string; readonly url: string },
): Promise<AskingPod> {
  const container = {
    name,
    image,
    imagePullPolicy: 'Never',
    command: ['node', '-e', PROGRAM],
    env: [{ name: 'URL', value: url }],
    readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 1 },
  };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { terminationGracePeriodSeconds: 1, containers: [container] } };
  await kubectl.succeed(['apply', '-f', '-'], { input: JSON.stringify(pod) });
  await kubectl.succeed(['wait', `pod/${name}`, '--for=condition=Ready', '--timeout=120s']);
  const { status } = await kubectl.json<PodAddress>(['get', 'pod', name]);
  const record = async (): Promise<Heard> => (await (await fetch(`http://${status.podIP}:8080/`)).json()) as Heard;
  return {
    async hears() {
      const { asked, failures } = await record();
      for (;;) {
        const now = await record();
        assert.deepEqual(now.failures, failures);
        if (now.asked > asked + 1) return now.last;
      }
    },
    async stop() {
      const heard = await record();
      await kubectl.succeed(['delete', 'pod', name]);
      return heard;
    },
  };
}
