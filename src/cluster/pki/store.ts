// The pki folder: issues what is missing, renews what is near its end, and never replaces an authority or sa.key.
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { syncFolder } from '#base/sync-folder.ts';
import type { KeyedCertificate } from './certificate.ts';
import { keyText } from './key-text.ts';
import { AUTHORITIES, AUTHORITY_VALID_DAYS, type AuthorityName, type Leaf } from './inventory.ts';
import { authorityProblem, type Current, leafDecision } from './renewal-plan.ts';

/** Keys are readable by root alone; certificates by all. */
const KEY_MODE = 0o600;
const CERTIFICATE_MODE = 0o644;

export interface PkiDeps {
  readonly clock: Clock;
  readonly ids: Ids;
}

/** The machine's clock is outside of the life of an authority: nothing that it signs would be believed. */
export class AuthorityClockError extends Error {
  override readonly name = 'AuthorityClockError';
}

/** A file that nothing can replace is not what it was. */
export class PkiDamagedError extends Error {
  override readonly name = 'PkiDamagedError';

  constructor(path: string, why: string, cause?: unknown) {
    super(`${path} is damaged (${why}): put it back from a copy, or start anew with proa reset`, { cause });
  }
}

export class Pki {
  readonly dir: string;
  readonly #deps: PkiDeps;

  constructor(dir: string, deps: PkiDeps) {
    this.dir = dir;
    this.#deps = deps;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  certificatePath(file: string): string {
    return join(this.dir, `${file}.crt`);
  }

  keyPath(file: string): string {
    return join(this.dir, `${file}.key`);
  }

  /** @throws Error when the files are missing */
  read(file: string): KeyedCertificate {
    return { certificate: readFileSync(this.certificatePath(file), 'utf8'), key: readFileSync(this.keyPath(file), 'utf8') };
  }

  /** PEM. */
  certificate(file: string): string {
    return readFileSync(this.certificatePath(file), 'utf8');
  }

  /**
   * Makes the authority on first use. An authority whose key is elsewhere (only `.crt` here) is left alone.
   * @throws AuthorityClockError when the machine's clock is outside of its life; PkiDamagedError
   */
  async ensureAuthority(name: AuthorityName): Promise<void> {
    if (existsSync(this.certificatePath(name)) || this.#begun(name)) {
      const certificate = whole(this.certificatePath(name), (pem) => new X509Certificate(pem));
      const key = existsSync(this.keyPath(name)) ? whole(this.keyPath(name), createPrivateKey) : undefined;
      if (key !== undefined && !certificate.checkPrivateKey(key))
        throw new PkiDamagedError(this.keyPath(name), `it is not the key of ${this.certificatePath(name)}`);
      const { validFrom, validTo } = certificate;
      const life = { notBefore: Date.parse(validFrom), notAfter: Date.parse(validTo) };
      const problem = authorityProblem(this.certificatePath(name), life, this.#deps.clock.now());
      if (problem !== undefined) throw new AuthorityClockError(problem);
      return;
    }
    const { createAuthority } = await import('./certificate.ts');
    await this.keep(name, await createAuthority(AUTHORITIES[name].commonName, AUTHORITY_VALID_DAYS, this.#deps));
  }

  /** Whether a crash came between the two steps of making it; the second is made up for. @throws PkiDamagedError when its certificate was lost */
  #begun(name: AuthorityName): boolean {
    if (!existsSync(this.keyPath(name))) return false;
    if (this.#finished(name) !== undefined) return true;
    throw new PkiDamagedError(this.certificatePath(name), `it is missing, and ${this.keyPath(name)} is there`);
  }

  /**
   * Issues the certificate when it or its key is missing or damaged, not valid yet, near its end, of another subject, or signed by another authority.
   * @returns whether it was issued now
   */
  async ensureLeaf(leaf: Leaf): Promise<boolean> {
    if (!this.needs(leaf)) return false;
    const { issueCertificate } = await import('./certificate.ts');
    await this.keep(leaf.file, await issueCertificate(this.read(leaf.issuer), leaf.request, this.#deps));
    return true;
  }

  /** Whether the certificate must be issued anew. */
  needs(leaf: Leaf): boolean {
    const current = this.#current(leaf, this.certificate(leaf.issuer));
    return leafDecision(current, leaf.request, this.#deps.clock.now()).kind === 'issue';
  }

  /** Replaces the pair; a reader that comes in between finds that the two do not match, and reads again. */
  async keep(file: string, { certificate, key }: KeyedCertificate): Promise<void> {
    const written = await Promise.all([
      writtenBeside(this.keyPath(file), key, KEY_MODE),
      writtenBeside(this.certificatePath(file), certificate, CERTIFICATE_MODE),
    ]);
    for (const replace of written) await replace();
    await this.#synced();
  }

  /** Whether a crash came while `keep` replaced the pair. */
  unfinished(file: string): boolean {
    return [this.keyPath(file), this.certificatePath(file)].some((path) => existsSync(besideOf(path)));
  }

  /** Of a cluster made elsewhere: only its certificate is here. PEM. */
  async keepAuthority(certificate: string): Promise<void> {
    await replaceFile(this.certificatePath('ca'), certificate, CERTIFICATE_MODE);
    await this.#synced();
  }

  /** The key pair that signs service account tokens, `sa.key` and `sa.pub`. @throws PkiDamagedError */
  async ensureServiceAccountKey(): Promise<void> {
    const [path, publicPath] = [this.keyPath('sa'), join(this.dir, 'sa.pub')];
    const known = existsSync(path);
    if (known && existsSync(publicPath)) return void whole(path, createPrivateKey);
    const privateKey = known ? whole(path, createPrivateKey) : await newSigningKey();
    if (!known) await replaceFile(path, keyText(privateKey), KEY_MODE);
    await replaceFile(publicPath, createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string, CERTIFICATE_MODE);
    await this.#synced();
  }

  /** What is in the folder, and the folder itself, will be there after a power failure: nobody could make it a second time. */
  async #synced(): Promise<void> {
    await Promise.all([this.dir, dirname(this.dir)].map(syncFolder));
  }

  /** Whether both files are there and belong together. */
  holds(file: string): boolean {
    return this.#pair(file) !== undefined;
  }

  /** Undefined where one is missing, or they cannot be used together. */
  #pair(file: string): X509Certificate | undefined {
    return this.#pairOf(file, this.certificatePath(file)) ?? this.#finished(file);
  }

  #pairOf(file: string, path: string): X509Certificate | undefined {
    if (!existsSync(path) || !existsSync(this.keyPath(file))) return undefined;
    try {
      const certificate = whole(path, (pem) => new X509Certificate(pem));
      return certificate.checkPrivateKey(whole(this.keyPath(file), createPrivateKey)) ? certificate : undefined;
    } catch (error) {
      if (!(error instanceof PkiDamagedError)) throw error;
      return undefined;
    }
  }

  /**
   * Where a crash came between the two steps of `keep`, the certificate of the key lies beside, whole. A node could not ask for
   * another one without it.
   */
  #finished(file: string): X509Certificate | undefined {
    const path = this.certificatePath(file);
    const certificate = this.#pairOf(file, besideOf(path));
    if (certificate !== undefined) renameSync(besideOf(path), path);
    return certificate;
  }

  #current(leaf: Leaf, issuer: string): Current | undefined {
    const certificate = this.#pair(leaf.file);
    if (certificate === undefined) return undefined;
    return {
      notBefore: Date.parse(certificate.validFrom),
      notAfter: Date.parse(certificate.validTo),
      subject: certificate.subject,
      names: (certificate.subjectAltName ?? '').split(', ').filter((name) => name !== ''),
      fromIssuer: certificate.verify(new X509Certificate(issuer).publicKey),
    };
  }
}

/** @throws PkiDamagedError */
function whole<T>(path: string, parse: (pem: string) => T): T {
  const pem = readFileSync(path, 'utf8');
  try {
    return parse(pem);
  } catch (error) {
    throw new PkiDamagedError(path, (error as Error).message, error);
  }
}

async function newSigningKey(): Promise<KeyObject> {
  return (await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })).privateKey;
}

/** A reader sees the old file or the new one, never half of one. */
async function replaceFile(path: string, content: string, mode: number): Promise<void> {
  const replace = await writtenBeside(path, content, mode);
  await replace();
}

/** Where what will be `path` is written. */
const besideOf = (path: string): string => `${path}.new`;

/** Safe on the disk when it resolves, with what puts it in the place of `path`. */
async function writtenBeside(path: string, content: string, mode: number): Promise<() => Promise<void>> {
  const temporary = besideOf(path);
  await writeFile(temporary, content, { mode, flush: true });
  return () => rename(temporary, path);
}
