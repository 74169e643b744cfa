// `proa status`: does the cluster of this machine run, and are its parts well.
import { get } from 'node:https';
import { readFileSync } from 'node:fs';
import { keeperOf } from '../instance/keeper-of.ts';
import { pathsOf } from '../instance/paths.ts';
import { isAlive, isReady, readProgress, STEPS } from '../instance/progress.ts';
import { apiServerAddress, apiServerURL, type Settings } from '../settings/settings.ts';
import { Pki } from '../pki/store.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { randomIds } from '#base/ids.ts';
import { isConditionTrue } from '#api/conditions.ts';
import { nodes } from '#api/resources.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { ConnectionError } from '#client/contract.ts';
import { runtimeProblem } from '../machine/runtime-problem.ts';
import { asAdmin } from './as-admin.ts';
import { storedSettings } from './command-line.ts';

/** Exit code when the cluster does not run. Source: LSB, status action of an init script. */
const NOT_RUNNING = 3;

export async function status(options: Record<string, string | undefined>): Promise<void> {
  const settings = storedSettings(options);
  const paths = pathsOf(settings);
  const progress = readProgress(paths);
  if (!keeperOf(settings).running()) {
    print([
      ['cluster', 'stopped'],
      ['state', settings.dataDir],
    ]);
    process.exitCode = NOT_RUNNING;
    return;
  }
  // Between two runs there is the word of the last one only.
  const now = progress !== undefined && isAlive(progress) ? progress : undefined;
  print([
    ['cluster', progress?.failure ?? (isReady(now) ? 'ready' : `starting: ${STEPS[now?.done.length ?? 0]}`)],
    ...(now === undefined ? [] : [['process', String(now.pid)] as const]),
    ['API server', `${apiServerURL(settings)} ${await health(settings, '/readyz')}`],
    ['runtime', await runtimeState(settings)],
    ...(await nodeRows(options)),
    ['state', settings.dataDir],
    ['log', paths.log],
  ]);
}

/** One row a node. None while the API server does not answer, which its own row tells. */
async function nodeRows(options: Record<string, string | undefined>): Promise<readonly (readonly [string, string])[]> {
  try {
    const { items } = await asAdmin(options, (client) => client.list(nodes));
    return items.map(({ metadata, status }) => [
      'node',
      `${metadata.name} ${isConditionTrue(status.conditions, 'Ready') ? 'ready' : 'not ready'}`,
    ]);
  } catch (error) {
    if (error instanceof ConnectionError || isStatusError(error)) return [];
    throw error;
  }
}

/** `ok`, or what is wrong and the way out. */
async function runtimeState(settings: Settings): Promise<string> {
  if (settings.containerRuntimeEndpoint !== '') return (await runtimeProblem(settings.containerRuntimeEndpoint, systemClock)) ?? 'ok';
  const { ownContainerd } = await import('../runtime/own-containerd.ts');
  const { endpoint, pid } = ownContainerd(pathsOf(settings), { clock: systemClock, logger: silentLogger });
  if (pid === undefined) return 'containerd does not run; Proa starts it again (proa logs --containerd tells what it said)';
  const problem = await runtimeProblem(endpoint, systemClock);
  return problem === undefined
    ? 'ok'
    : `containerd (process ${pid}) does not answer: end it with kill -9 ${pid}, Proa starts it again and its containers run on`;
}

function print(rows: readonly (readonly [string, string])[]): void {
  for (const [name, value] of rows) process.stdout.write(`${name.padEnd(12)}${value}\n`);
}

/** `ok`, or what is not. */
function health(settings: Settings, path: string): Promise<string> {
  const pki = new Pki(pathsOf(settings).pki, { clock: systemClock, ids: randomIds });
  const { certificate, key } = pki.read('admin');
  return new Promise((resolve) => {
    get(
      {
        host: apiServerAddress({ ...settings, nodeIP: '127.0.0.1' }), // works even where the node's address has changed
        port: settings.port,
        path,
        ca: readFileSync(pki.certificatePath('ca')),
        cert: certificate,
        key,
        servername: 'localhost',
        timeout: 5_000,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve(response.statusCode === 200 ? 'ok' : `not ready\n${text.trimEnd()}`));
      },
    ).on('error', (error) => resolve(`does not answer (${error.message})`));
  });
}
