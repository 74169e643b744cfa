// Values under keys that a key service wraps: one seed serves all writes until the service changes its key, and travels,
// wrapped, with each value. Source: apiserver envelope/kmsv2 envelope.go, encryptionconfig rotateDEKOnKeyIDChange.
import { randomBytes } from 'node:crypto';
import { formatTime } from '#apimachinery/time.ts';
import { Lru } from '#base/lru.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { ProtobufDecodeError } from '#base/protobuf/errors.ts';
import { aesGcm, extendedNonceGcm } from '../aes.ts';
import { DecryptionError, EncryptionError, type Decrypted, type Transformer } from '../contract.ts';
import { shownHash } from '../../configuration/reload-metrics.ts';
import type { EncryptionMetrics } from '../metrics.ts';
import { encryptedObject, KEY_TYPE, type EncryptedObject, type KmsService, type KmsStatus, type WrappedKey } from './service.ts';

/** Bounds of what the service may give. Source: KeyIDMaxSize, encryptedDEKSourceMaxSize, annotationsMaxSize. */
const MAX_KEY_ID = 1_024;
const MAX_WRAPPED_KEY = 1_024;
const MAX_ANNOTATIONS = 32 * 1_024;
/** How long values are written under a seed after the service was last well, milliseconds. Source: kmsv2PluginWriteDEKSourceMaxTTL. */
const WRITE_FOR_MS = 3 * 60_000;
const SEED_BYTES = 32;
const AES_KEY_BYTES: ReadonlySet<number> = new Set([16, 24, 32]);
/** Unwrapped keys kept. */
const CACHED_KEYS = 1_024;
const API_VERSIONS: ReadonlySet<string> = new Set(['v2', 'v2beta1']);
const DNS_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/;

/** What values are written under. */
interface Seed {
  readonly transformer: Transformer;
  readonly wrapped: WrappedKey;
  /** Milliseconds since the epoch. */
  writableUntil: number;
}

export interface EnvelopeDeps {
  readonly name: string;
  readonly service: KmsService;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly metrics: EncryptionMetrics;
}

export class KmsEnvelope implements Transformer {
  readonly #deps: EnvelopeDeps;
  readonly #keys = new Lru<string, Transformer>(CACHED_KEYS);
  /** Keys being unwrapped, so that a list of values under one key asks once. */
  readonly #asked = new Map<string, Promise<Transformer>>();
  #seed: Seed | undefined;
  #version: string | undefined;

  constructor(deps: EnvelopeDeps) {
    this.#deps = deps;
  }

  encrypt(plain: Uint8Array, context: string): Buffer | Promise<Buffer> {
    const { clock, name } = this.#deps;
    const seed = this.#seed;
    if (seed === undefined) throw new EncryptionError('got unexpected nil transformer'); // the service has not given a key yet
    const { ciphertext, keyId, annotations } = seed.wrapped;
    const now = clock.now();
    if (now > seed.writableUntil) {
      const expired = `expired at ${formatTime(seed.writableUntil)} (current time is ${formatTime(now)})`;
      throw new EncryptionError(`encryptedDEKSource with keyID hash ${JSON.stringify(shownHash(keyId))} ${expired}`);
    }
    this.#deps.metrics.usedKey('to_storage', name, keyId);
    const encryptedData = seed.transformer.encrypt(plain, context) as Buffer;
    return Buffer.from(encryptedObject.encode({ encryptedData, keyId, wrappedKey: ciphertext, annotations, keyType: KEY_TYPE.seed }));
  }

  decrypt(value: Uint8Array, context: string): Decrypted | Promise<Decrypted> {
    const object = readObject(value);
    const name = cacheKey(object);
    const stale = object.keyId !== this.#seed?.wrapped.keyId || object.keyType !== KEY_TYPE.seed;
    const known = this.#keys.get(name);
    const open = (transformer: Transformer): Decrypted => {
      let plain: Buffer;
      try {
        plain = (transformer.decrypt(object.encryptedData, context) as Decrypted).value;
      } catch (error) {
        this.#keys.delete(name); // a service that gave a wrong key may give the right one when it is asked again
        throw error;
      }
      this.#deps.metrics.usedKey('from_storage', this.#deps.name, object.keyId);
      return { value: plain, stale };
    };
    return known === undefined ? this.#unwrap(name, object).then(open) : open(known);
  }

  /**
   * Asks the service how it is, and takes its new key when it has one.
   * @throws Error saying what is wrong with it
   */
  async probe(): Promise<void> {
    const { service, name, metrics } = this.#deps;
    let status: KmsStatus;
    try {
      status = await service.status();
    } catch (error) {
      throw new Error(`failed to perform status section of the healthz check for KMS Provider ${name}, error: ${messageOf(error)}`, {
        cause: error,
      });
    }
    const wrong: string[] = [];
    if (status.healthz !== 'ok') wrong.push(`got unexpected healthz status: ${status.healthz}`);
    if (!API_VERSIONS.has(status.version)) wrong.push(`expected KMSv2 API version v2, got ${status.version}`);
    else if ((this.#version ??= status.version) !== status.version) {
      wrong.push(`KMSv2 API version should not change after the initial status response version ${this.#version}, got ${status.version}`);
    }
    const badId = keyIdProblem(status.keyId);
    metrics.statusKey(name, status.keyId, badId === undefined ? undefined : status.keyId === '' ? 'empty' : 'too_long');
    if (badId !== undefined) wrong.push(`got invalid KMSv2 KeyID: ${badId}`);
    else {
      try {
        await this.#follow(status.keyId);
      } catch (error) {
        wrong.push(messageOf(error));
      }
    }
    if (wrong.length > 0) {
      throw new Error(`kmsv2 Provider ${name} is not healthy, error: ${wrong.length === 1 ? wrong[0] : `[${wrong.join(', ')}]`}`);
    }
  }

  close(): void {
    this.#deps.service.close();
  }

  /** Keeps the seed while the service keeps its key, makes another one otherwise. */
  async #follow(keyId: string): Promise<void> {
    const { service, clock, ids } = this.#deps;
    // Counted from before the call, so that the bound holds however long it takes.
    const writableUntil = clock.now() + WRITE_FOR_MS;
    if (this.#seed?.wrapped.keyId === keyId) {
      this.#seed.writableUntil = writableUntil;
      return;
    }
    const bytes = randomBytes(SEED_BYTES);
    const wrapped = await service.wrap(bytes, ids.uuid());
    const problem = wrappedProblem(wrapped);
    if (problem !== undefined) throw new Error(`failed to rotate DEK: ${problem}`);
    if (wrapped.keyId !== keyId) throw new Error('failed to rotate DEK: the key of its status is not the key it encrypts with');
    const transformer = extendedNonceGcm(bytes);
    this.#seed = { transformer, wrapped, writableUntil };
    this.#keep(cacheKey({ ...wrapped, wrappedKey: wrapped.ciphertext, keyType: KEY_TYPE.seed }), transformer);
  }

  #keep(name: string, transformer: Transformer): void {
    this.#keys.set(name, transformer);
    this.#deps.metrics.cachedKeys(this.#deps.name, this.#keys.size);
  }

  #unwrap(name: string, { wrappedKey, keyId, annotations, keyType }: EncryptedObject): Promise<Transformer> {
    let asked = this.#asked.get(name);
    if (asked === undefined) {
      const { service, ids } = this.#deps;
      asked = service
        .unwrap({ ciphertext: wrappedKey, keyId, annotations }, ids.uuid())
        .then(
          (key) => {
            const transformer = transformerOf(keyType, key);
            this.#keep(name, transformer);
            return transformer;
          },
          (error: unknown) => {
            throw new DecryptionError(`failed to decrypt DEK, error: ${messageOf(error)}`, { cause: error });
          },
        )
        .finally(() => this.#asked.delete(name));
      this.#asked.set(name, asked);
    }
    return asked;
  }
}

/** @throws DecryptionError for a key that is none. Source: NewHKDFExtendedNonceGCMTransformer, aes.NewCipher. */
function transformerOf(keyType: number, key: Uint8Array): Transformer {
  if (keyType === KEY_TYPE.seed) {
    if (key.length >= SEED_BYTES) return extendedNonceGcm(key);
    throw new DecryptionError(`invalid seed length ${key.length} used for key generation`);
  }
  if (AES_KEY_BYTES.has(key.length)) return aesGcm(key);
  throw new DecryptionError(`crypto/aes: invalid key size ${key.length}`);
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @throws DecryptionError */
function readObject(value: Uint8Array): EncryptedObject {
  let object: EncryptedObject;
  try {
    object = encryptedObject.decode(value);
  } catch (error) {
    if (error instanceof ProtobufDecodeError) throw new DecryptionError(error.message, { cause: error });
    throw error;
  }
  const { keyType, encryptedData, wrappedKey, keyId, annotations } = object;
  const problem =
    keyType !== KEY_TYPE.key && keyType !== KEY_TYPE.seed
      ? `unknown encryptedDEKSourceType: ${keyType}`
      : encryptedData.length === 0
        ? 'encrypted data is empty'
        : wrappedProblem({ ciphertext: wrappedKey, keyId, annotations });
  if (problem !== undefined) throw new DecryptionError(problem);
  return object;
}

function keyIdProblem(keyId: string): string | undefined {
  if (keyId === '') return 'keyID is empty';
  const { length } = Buffer.from(keyId);
  return length > MAX_KEY_ID ? `keyID is ${length} bytes, which exceeds the max size of ${MAX_KEY_ID}` : undefined;
}

/** Source: ValidateEncryptedObject. */
function wrappedProblem({ ciphertext, keyId, annotations }: WrappedKey): string | undefined {
  if (ciphertext.length === 0) return 'failed to validate encrypted DEK source: encrypted DEK source is empty';
  if (ciphertext.length > MAX_WRAPPED_KEY) {
    return `failed to validate encrypted DEK source: encrypted DEK source is ${ciphertext.length} bytes, which exceeds the max size of ${MAX_WRAPPED_KEY}`;
  }
  const badId = keyIdProblem(keyId);
  if (badId !== undefined) return `failed to validate key id: ${badId}`;
  const entries = Object.entries(annotations);
  const badName = entries.find(([name]) => name.length > 253 || !DNS_NAME.test(name));
  if (badName !== undefined)
    return `failed to validate annotations: ${badName[0]} should be a domain with at least two segments separated by dots`;
  const size = entries.reduce((sum, [name, bytes]) => sum + name.length + bytes.length, 0);
  return size > MAX_ANNOTATIONS
    ? `failed to validate annotations: total size of annotations is ${size}, which exceeds the max size of ${MAX_ANNOTATIONS}`
    : undefined;
}

/** Everything that decides what the service would answer. */
function cacheKey({ keyType, wrappedKey, keyId, annotations }: Omit<EncryptedObject, 'encryptedData'>): string {
  const notes = Object.keys(annotations)
    .toSorted()
    .map((name) => [name, Buffer.from(annotations[name] as Uint8Array).toString('base64')]);
  return JSON.stringify([keyType, Buffer.from(wrappedKey).toString('base64'), keyId, notes]);
}
