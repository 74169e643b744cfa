// Credentials from a program that the kubeconfig names. Source: client-go plugin/pkg/client/auth/exec.
import { spawn } from 'node:child_process';
import { parseTime } from '#apimachinery/time.ts';
import type { Clock } from '#base/clock.ts';
import { bearer, type CredentialSource, type Identity } from '../https/credentials.ts';
import { KubeconfigError, type ExecEntry } from './kubeconfig.ts';

const API_VERSIONS: readonly string[] = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'];

/** Most a program may write, bytes. */
const MAX_OUTPUT_BYTES = 1 << 20;

/** What a program with `provideClusterInfo` is told. Source: clientauthentication.Cluster. */
export interface ExecCluster {
  readonly server: string;
  readonly 'tls-server-name'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  readonly 'certificate-authority-data'?: string;
}

export interface ExecCredentialsOptions {
  readonly exec: ExecEntry;
  readonly cluster: ExecCluster;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard input is a terminal that the program may use. */
  readonly stdin: 'terminal' | 'none';
}

interface ExecCredential {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly status?: {
    readonly expirationTimestamp?: string;
    readonly token?: string;
    readonly clientCertificateData?: string;
    readonly clientKeyData?: string;
  };
}

interface Cached {
  readonly identity: Identity;
  /** Milliseconds since the epoch; undefined for never. */
  readonly expires: number | undefined;
}

/** Runs the program when credentials are first needed, when they have expired, and when the server refused them. */
export function execCredentials(options: ExecCredentialsOptions): CredentialSource {
  const { exec, clock } = options;
  if (!API_VERSIONS.includes(exec.apiVersion ?? ''))
    throw new KubeconfigError(`exec plugin: invalid apiVersion ${JSON.stringify(exec.apiVersion)}`);
  let cached: Cached | undefined = undefined;
  let running: Promise<Cached> | undefined = undefined;

  /** One program at a time: it may ask the user something. */
  async function refresh(): Promise<Identity> {
    running ??= obtain(options).finally(() => {
      running = undefined;
    });
    cached = await running;
    return cached.identity;
  }

  return {
    async current() {
      const fresh = cached !== undefined && (cached.expires === undefined || clock.now() < cached.expires);
      return fresh ? (cached as Cached).identity : refresh();
    },
    async refused(identity) {
      if (cached !== undefined && cached.identity !== identity) return true;
      await refresh();
      return true;
    },
  };
}

/** Source: isInteractive. */
function isInteractive({ exec: { interactiveMode }, stdin }: ExecCredentialsOptions): boolean {
  if (interactiveMode === 'Never') return false;
  if (interactiveMode === 'Always' && stdin === 'none')
    throw new KubeconfigError('exec plugin cannot support interactive mode: standard input is not a terminal');
  return stdin === 'terminal';
}

async function obtain(options: ExecCredentialsOptions): Promise<Cached> {
  const { exec, cluster, env } = options;
  const interactive = isInteractive(options);
  const info = {
    kind: 'ExecCredential',
    apiVersion: exec.apiVersion,
    spec: { interactive, ...(exec.provideClusterInfo === true ? { cluster } : {}) },
  };
  const own = Object.fromEntries((exec.env ?? []).map(({ name, value }) => [name, value]));
  const output = await run(exec, { ...env, ...own, KUBERNETES_EXEC_INFO: JSON.stringify(info) }, interactive);
  return readCredential(output, exec.apiVersion ?? '');
}

function run(
  { command = '', args, installHint }: ExecEntry,
  env: Readonly<Record<string, string | undefined>>,
  interactive: boolean,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...(args ?? [])], { env, stdio: [interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes <= MAX_OUTPUT_BYTES) return;
      // Whatever the program started is cut off too: its next write fails.
      child.stdout.destroy();
      child.kill();
      reject(new KubeconfigError(`exec: executable ${command} wrote more than ${MAX_OUTPUT_BYTES} bytes`));
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      const hint = installHint === undefined || installHint === '' ? '' : `\n\n${installHint}`;
      const why = error.code === 'ENOENT' ? `executable ${command} not found${hint}` : error.message;
      reject(new KubeconfigError(`getting credentials: exec: ${why}`, { cause: error }));
    });
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(chunks).toString('utf8'));
      const how = code === null ? `was ended by ${signal}` : `failed with exit code ${code}`;
      reject(new KubeconfigError(`getting credentials: exec: executable ${command} ${how}`));
    });
  });
}

/** Source: refreshCredsLocked. */
function readCredential(output: string, apiVersion: string): Cached {
  let credential: ExecCredential;
  try {
    credential = JSON.parse(output) as ExecCredential;
  } catch (error) {
    throw new KubeconfigError(`getting credentials: decoding stdout: ${(error as Error).message}`, { cause: error });
  }
  if (credential.apiVersion !== apiVersion) {
    throw new KubeconfigError(
      `getting credentials: exec plugin is configured to use API version ${apiVersion}, plugin returned version ${credential.apiVersion ?? ''}`,
    );
  }
  if (credential.status === undefined) throw new KubeconfigError("getting credentials: exec plugin didn't return a status field");
  const { token = '', clientCertificateData: cert = '', clientKeyData: key = '', expirationTimestamp } = credential.status;
  if (token === '' && cert === '' && key === '')
    throw new KubeconfigError("getting credentials: exec plugin didn't return a token or cert/key pair");
  if ((cert === '') !== (key === ''))
    throw new KubeconfigError('getting credentials: exec plugin returned only certificate or key, not both');
  return {
    identity: { ...(token === '' ? {} : { authorization: bearer(token) }), ...(cert === '' ? {} : { certificate: { cert, key } }) },
    expires: expirationTimestamp === undefined ? undefined : parseTime(expirationTimestamp),
  };
}
