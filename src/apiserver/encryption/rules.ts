// From an EncryptionConfiguration to the transformer of each resource. Source: encryptionconfig prefixTransformersAndProbes.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { aesCbc, aesGcm } from './aes.ts';
import {
  groupResource,
  kmsTimeout,
  type EncryptionConfiguration,
  type KmsConfiguration,
  type NamedKey,
  type Provider,
} from './configuration.ts';
import type { Transformer, TransformerOf } from './contract.ts';
import { KmsEnvelope } from './kms/envelope.ts';
import { connectKms } from './kms/service.ts';
import type { EncryptionMetrics } from './metrics.ts';
import { identity, prefixed, type Prefixed } from './prefixes.ts';
import { secretbox } from './secretbox.ts';

export interface EncryptionRules {
  readonly transformerOf: TransformerOf;
  /** In the order of the file. */
  readonly kms: readonly KmsEnvelope[];
}

interface Deps {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly metrics: EncryptionMetrics;
}

/** @param configuration valid */
export function encryptionRules({ resources = [] }: EncryptionConfiguration, deps: Deps): EncryptionRules {
  const kms: KmsEnvelope[] = [];
  const choices = new Map<string, Prefixed[]>();
  for (const rule of resources) {
    const own = (rule.providers ?? []).map((provider) => choiceOf(provider, deps, kms));
    for (const resource of rule.resources ?? []) choices.set(resource, [...(choices.get(resource) ?? []), ...own]);
  }
  const transformers = new Map<string, Transformer>();
  for (const [resource, own] of choices) transformers.set(resource, prefixed(own, 'no matching prefix found'));
  return {
    kms,
    transformerOf: (resource) =>
      transformers.get(resource) ?? transformers.get(`*.${groupResource(resource).group}`) ?? transformers.get('*.*'),
  };
}

function choiceOf({ aesgcm, aescbc, secretbox: box, kms: service }: Provider, deps: Deps, kms: KmsEnvelope[]): Prefixed {
  if (aesgcm !== undefined) return keyed('k8s:enc:aesgcm:v1:', 'AES', aesgcm.keys, aesGcm);
  if (aescbc !== undefined) return keyed('k8s:enc:aescbc:v1:', 'AES', aescbc.keys, aesCbc);
  if (box !== undefined) return keyed('k8s:enc:secretbox:v1:', 'Secretbox', box.keys, secretbox);
  if (service === undefined) return { prefix: '', transformer: identity };
  const envelope = envelopeOf(service, deps);
  kms.push(envelope);
  return { prefix: `k8s:enc:kms:v2:${service.name}:`, transformer: envelope };
}

function envelopeOf(kms: KmsConfiguration, { clock, ids, metrics }: Deps): KmsEnvelope {
  const { name = '', endpoint = '' } = kms;
  const service = connectKms({
    endpoint,
    timeoutMs: kmsTimeout(kms) as number,
    clock,
    observe: (...call) => metrics.called(name, ...call),
  });
  return new KmsEnvelope({ name, service, clock, ids, metrics });
}

function keyed(prefix: string, kind: string, keys: readonly NamedKey[] = [], make: (key: Uint8Array) => Transformer): Prefixed {
  const choices = keys.map(({ name = '', secret = '' }) => ({ prefix: `${name}:`, transformer: make(Buffer.from(secret, 'base64')) }));
  return { prefix, transformer: prefixed(choices, `no matching key was found for the provided ${kind} transformer`) };
}
