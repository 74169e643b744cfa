// Asks one program for credentials of an image. Source: pkg/credentialprovider/plugin execPlugin.
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Reader } from '#apimachinery/configuration-reader.ts';
import type { Clock } from '#base/clock.ts';
import { ProgramError, runProgram } from '#base/program.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import type { CredentialProvider } from './credential-provider-config.ts';
import { patternOf, type Entry } from './credentials.ts';

/** Milliseconds that a program may take. */
const TIMEOUT_MS = 60_000;

/** Holds nothing of what the program answered. */
export class CredentialPluginError extends Error {
  override readonly name = 'CredentialPluginError';
}

export interface CredentialRequest {
  /** A repository, `docker.io/library/nginx`. */
  readonly image: string;
  readonly serviceAccountToken?: string;
  readonly serviceAccountAnnotations?: Readonly<Record<string, string>>;
}

export interface CredentialAnswer {
  /** What the answer holds for: `Image`, `Registry` or `Global`. */
  readonly cacheKeyType: string;
  /** Milliseconds; undefined when the configuration decides. */
  readonly cacheDuration: number | undefined;
  readonly entries: readonly Entry[];
}

export interface CredentialPluginDeps {
  readonly binDir: string;
  readonly clock: Clock;
  readonly metrics: KubeletMetrics;
}

/** @throws CredentialPluginError */
export async function askPlugin(
  { name, apiVersion, args, env }: CredentialProvider,
  request: CredentialRequest,
  { binDir, clock, metrics }: CredentialPluginDeps,
): Promise<CredentialAnswer> {
  const began = clock.monotonic();
  let output: string;
  try {
    output = await runProgram(join(binDir, name), args, {
      input: Readable.from(`${JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion, ...request })}\n`),
      env: Object.fromEntries(env.map((variable) => [variable.name, variable.value])),
      timeoutMs: TIMEOUT_MS,
    });
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    metrics.credentialPluginErrors.of(name).add();
    throw new CredentialPluginError(`error execing credential provider plugin ${name} for image ${request.image}: ${error.message}`);
  } finally {
    metrics.credentialPluginDuration.of(name).observe((clock.monotonic() - began) / 1000);
  }
  return answerOf(output, apiVersion);
}

function answerOf(output: string, apiVersion: string): CredentialAnswer {
  let faulty = false;
  const note = (): void => void (faulty = true);
  const reader = new Reader(parsed(output), { add: note, addUnknown: note });
  const answered = reader.field('apiVersion').text('');
  if (answered !== apiVersion && !faulty) {
    throw new CredentialPluginError(
      `apiVersion from credential plugin response did not match expected apiVersion:${apiVersion}, actual apiVersion:${answered}`,
    );
  }
  reader.object('kind', 'apiVersion', 'cacheKeyType', 'cacheDuration', 'auth');
  const kind = reader.field('kind').text('');
  const duration = reader.field('cacheDuration');
  const auth = reader.field('auth').members((member) => {
    member.object('username', 'password');
    return { username: member.field('username').text(''), password: member.field('password').text('') };
  });
  const answer: CredentialAnswer = {
    cacheKeyType: reader.field('cacheKeyType').text(''),
    cacheDuration: duration.isAbsent ? undefined : duration.duration(0),
    entries: Object.entries(auth).map(([url, credential]) => ({ pattern: patternOf(url), credential })),
  };
  if (faulty || kind !== 'CredentialProviderResponse')
    throw new CredentialPluginError('error decoding credential provider plugin response from stdout');
  return answer;
}

function parsed(output: string): unknown {
  try {
    return JSON.parse(output) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new CredentialPluginError('error reading GVK from response: it is no JSON');
  }
}
