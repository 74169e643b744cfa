// Trust anchors from ClusterTrustBundles, where the API serves them.
import { isStatusError } from '#apimachinery/errors.ts';
import { clustertrustbundles } from '#api/optional-resources.ts';
import type { ClusterTrustBundleProjection } from '#api/types.ts';
import type { ClusterTrustBundle } from '#api/gen/certificates-v1beta1.ts';
import type { Client } from '#client/contract.ts';
import { VolumeError } from './plugin.ts';

const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

export class TrustBundles {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * The certificates as PEM, each once; undefined when there are none.
   * @throws StatusError, VolumeError; Source: clustertrustbundle manager GetTrustAnchorsByName, GetTrustAnchorsBySigner
   */
  async anchors(projection: ClusterTrustBundleProjection): Promise<string | undefined> {
    const bundles = await this.#bundles(projection);
    const blocks = new Set(bundles.flatMap(({ spec }) => spec.trustBundle.match(PEM_BLOCK) ?? []));
    return blocks.size === 0
      ? undefined
      : [...blocks]
          .toSorted()
          .map((block) => `${block}\n`)
          .join('');
  }

  async #bundles({ name, signerName, labelSelector }: ClusterTrustBundleProjection): Promise<readonly ClusterTrustBundle[]> {
    if (name !== undefined) {
      try {
        return [await this.#client.get(clustertrustbundles, { name })];
      } catch (error) {
        if (isStatusError(error, 'NotFound')) return [];
        throw error;
      }
    }
    if (signerName === undefined) throw new VolumeError('either name or signerName must be set');
    if (labelSelector === undefined) return [];
    const list = await this.#client.list(clustertrustbundles, {
      fieldSelector: `spec.signerName=${signerName}`,
      ...selectorOption(labelSelector),
    });
    return list.items;
  }
}

function selectorOption({ matchLabels = {}, matchExpressions = [] }: NonNullable<ClusterTrustBundleProjection['labelSelector']>): {
  readonly labelSelector?: string;
} {
  const parts = [
    ...Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`),
    ...matchExpressions.map(({ key, operator, values = [] }) => {
      if (operator === 'Exists') return key;
      if (operator === 'DoesNotExist') return `!${key}`;
      return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
    }),
  ];
  return parts.length === 0 ? {} : { labelSelector: parts.join(',') };
}
