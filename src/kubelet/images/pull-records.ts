// Which images were pulled with whose credentials, so that a pod without them does not get at what lies on the node.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '#base/log.ts';
import { StateFile } from '../state-file.ts';
import { credentialHash, type Credential, type ObjectId } from './credentials.ts';
import { repositoryOf } from './image-name.ts';
import type { VerificationPolicy } from './verification-policy.ts';

interface PulledBySecret extends ObjectId {
  /** Of the credentials it held. */
  readonly hash: string;
}

/** Who may use an image under one name. Source: ImagePullCredentials. */
interface Access {
  /** Every pod of the node: pulled without credentials, or with the node's own. */
  readonly open: boolean;
  readonly secrets: readonly PulledBySecret[];
  readonly serviceAccounts: readonly ObjectId[];
}

/** By repository, `docker.io/library/nginx`; the empty one stands for all. */
type ImageRecord = ReadonlyMap<string, Access>;

const NOBODY: Access = { open: false, secrets: [], serviceAccounts: [] };
/** Most secrets noted of an image beside those that pulled it. Source: writeRecordWhileMatchingLimit. */
const MOST_MATCHED = 100;

/** As written: images by the runtime's reference, and names that are being pulled. */
interface Written {
  readonly images: Readonly<Record<string, Readonly<Record<string, Access>>>>;
  readonly pulling: readonly string[];
}

/** As written before names were told apart. */
type WrittenBefore = Readonly<Record<string, { readonly open: boolean; readonly hashes: readonly string[] }>>;

/** Source: pkg/kubelet/images/pullmanager image_pull_manager.go. */
export class PullRecords {
  readonly #file: StateFile;
  readonly #logger: Logger;
  readonly #mustVerify: VerificationPolicy;
  #images = new Map<string, ImageRecord>();
  /** How many pulls of a name are under way; what an earlier kubelet left behind counts as one. */
  #pulling = new Map<string, number>();

  constructor(path: string, mustVerify: VerificationPolicy, logger: Logger) {
    this.#file = new StateFile(path);
    this.#mustVerify = mustVerify;
    this.#logger = logger;
  }

  /** Reads what an earlier kubelet wrote. */
  async load(): Promise<void> {
    try {
      const text = await this.#file.read();
      if (text === undefined) return;
      const { images, pulling } = inPresentForm(JSON.parse(text) as Written | WrittenBefore);
      this.#images = new Map(Object.entries(images).map(([ref, record]) => [ref, new Map(Object.entries(record))]));
      this.#pulling = new Map(pulling.map((image) => [image, 1]));
    } catch (error) {
      this.#logger.warn('Image pull records could not be read; images pulled with credentials count as preloaded', {
        path: this.#file.path,
        error,
      });
    }
  }

  /**
   * Whether an image that lies here may be used as it is. `credentials`, those that fit the image, are only asked for where they decide.
   * Source: MustAttemptImagePull
   */
  async mayUse(image: string, imageRef: string, credentials: () => Promise<readonly Credential[]>): Promise<boolean> {
    const record = this.#images.get(imageRef);
    if (!this.#mustVerify(image, record !== undefined || this.#pulling.has(image))) return true;
    const access = record?.get(repositoryOf(image)) ?? record?.get('');
    if (access === undefined) return false;
    if (access.open) return true;
    if (access.secrets.length === 0 && access.serviceAccounts.length === 0) return false;
    for (const credential of await credentials()) {
      const { secret, serviceAccount } = credential;
      if (serviceAccount !== undefined && access.serviceAccounts.some((known) => isSame(known, serviceAccount))) return true;
      if (secret === undefined) continue;
      const hash = credentialHash(credential);
      const byHash = access.secrets.some((known) => known.hash === hash);
      const known = access.secrets.some((each) => isSame(each, secret));
      if (!byHash && !known) continue;
      if (!(byHash && known) && access.secrets.length < MOST_MATCHED) await this.#note(image, imageRef, credential);
      else if (!byHash) continue;
      return true;
    }
    return false;
  }

  /** Written before a pull, so that a kubelet that ends during it does not take the image for one that lay here. */
  async pullBegins(image: string): Promise<void> {
    const under = this.#pulling.get(image) ?? 0;
    this.#pulling.set(image, under + 1);
    if (under === 0) await this.#save();
  }

  /** `credential`: with which it was pulled. */
  async pulled(image: string, imageRef: string, credential: Credential | undefined): Promise<void> {
    await this.#note(image, imageRef, credential);
    await this.pullFailed(image);
  }

  async pullFailed(image: string): Promise<void> {
    const under = this.#pulling.get(image) ?? 0;
    if (under > 1) this.#pulling.set(image, under - 1);
    else if (this.#pulling.delete(image)) await this.#save();
  }

  /** Forgets images that are gone. */
  async keepOnly(imageRefs: ReadonlySet<string>): Promise<void> {
    const before = this.#images.size;
    for (const ref of this.#images.keys()) if (!imageRefs.has(ref)) this.#images.delete(ref);
    if (this.#images.size !== before) await this.#save();
  }

  async #note(image: string, imageRef: string, credential: Credential | undefined): Promise<void> {
    const name = repositoryOf(image);
    const record = this.#images.get(imageRef) ?? new Map<string, Access>();
    this.#images.set(imageRef, new Map([...record, [name, joined(record.get(name) ?? NOBODY, credential)]]));
    await this.#save();
  }

  async #save(): Promise<void> {
    await mkdir(dirname(this.#file.path), { recursive: true, mode: 0o700 });
    const images = Object.fromEntries([...this.#images].map(([ref, record]) => [ref, Object.fromEntries(record)]));
    await this.#file.replace(JSON.stringify({ images, pulling: [...this.#pulling.keys()] } satisfies Written));
  }
}

/** Source: pulledRecordMergeNewCreds. */
function joined(before: Access, credential: Credential | undefined): Access {
  const { secret, serviceAccount } = credential ?? {};
  if (credential !== undefined && secret !== undefined) {
    const others = before.secrets.filter((known) => !isSame(known, secret));
    return { ...before, secrets: [...others, { ...secret, hash: credentialHash(credential) }] };
  }
  if (serviceAccount === undefined) return { ...NOBODY, open: true };
  const others = before.serviceAccounts.filter((known) => !isSame(known, serviceAccount));
  return { ...before, serviceAccounts: [...others, serviceAccount] };
}

const isSame = (a: ObjectId, b: ObjectId): boolean => a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;

function inPresentForm(written: Written | WrittenBefore): Written {
  if (Array.isArray(written['pulling'])) return written as Written;
  const access = ({ open, hashes }: WrittenBefore[string]): Access => ({
    ...NOBODY,
    open,
    secrets: hashes.map((hash) => ({ uid: '', namespace: '', name: '', hash })),
  });
  const images = Object.entries(written as WrittenBefore).map(([ref, before]) => [ref, { '': access(before) }] as const);
  return { images: Object.fromEntries(images), pulling: [] };
}
