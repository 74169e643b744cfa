// Nothing is created in a namespace that is not there or goes away, and some namespaces never go away.
// Source: apiserver pkg/admission/plugin/namespace/lifecycle admission.go.
import { namespaces } from '#api/resources.ts';
import type { Namespace } from '#api/types.ts';
import { NAMESPACE } from '#api/well-known.ts';
import { forbidden, notFound, StatusError } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import { Lru } from '#base/lru.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionAttributes, MutatingPlugin } from './contract.ts';
import { refusal } from './refusal.ts';

const IMMORTAL: ReadonlySet<string> = new Set([NAMESPACE.default, NAMESPACE.system, NAMESPACE.public]);
/** How long after a namespace's deletion its state in the cache is not trusted, milliseconds. Source: forceLiveLookupTTL. */
const DISTRUST_MS = 30_000;
/** Namespaces remembered so. */
const DISTRUSTED = 100;

export function namespaceLifecycle({ reader, clock }: { readonly reader: CacheReader; readonly clock: Clock }): MutatingPlugin {
  const deleted = new Lru<string, number>(DISTRUSTED);
  const find = (name: string): Namespace | undefined => reader.get(namespaces, name);

  async function lookAgain(attributes: AdmissionAttributes): Promise<undefined> {
    await reader.caughtUp();
    check(attributes, find(attributes.namespace));
    return undefined;
  }

  return {
    name: 'NamespaceLifecycle',
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    admit(attributes) {
      const { operation, namespace, resource, name } = attributes;
      if (resource.resource === 'namespaces' && resource.group === '') {
        if (operation !== 'DELETE') return undefined;
        if (IMMORTAL.has(name)) throw forbidden(resource, name, 'this namespace may not be deleted');
        deleted.set(name, clock.monotonic() + DISTRUST_MS);
        return undefined;
      }
      if (namespace === '' || operation === 'DELETE' || isAccessReview(attributes)) return undefined;
      const found = find(namespace);
      if (found === undefined) return lookAgain(attributes);
      if (found.status.phase === 'Active' && (deleted.get(namespace) ?? 0) > clock.monotonic()) return lookAgain(attributes);
      check(attributes, found);
      return undefined;
    },
  };
}

/** @throws StatusError NotFound, Forbidden */
function check(attributes: AdmissionAttributes, found: Namespace | undefined): void {
  const { namespace, operation } = attributes;
  if (found === undefined) throw notFound(namespaces, namespace);
  if (operation !== 'CREATE' || found.status.phase !== 'Terminating') return;
  const error = refusal(attributes, `unable to create new content in namespace ${namespace} because it is being terminated`);
  const cause = { reason: 'NamespaceTerminating', message: `namespace ${namespace} is being terminated`, field: 'metadata.namespace' };
  throw new StatusError(error.reason, error.message, { ...error.details, causes: [cause] });
}

/** An answer about the namespace would tell whether it exists. */
const isAccessReview = ({ resource }: AdmissionAttributes): boolean =>
  resource.resource === 'localsubjectaccessreviews' && resource.group === 'authorization.k8s.io';
