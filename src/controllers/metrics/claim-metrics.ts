// Claims of devices: those that were made for pods, and those there are, counted when somebody asks. Source:
// pkg/controller/resourceclaim/metrics metrics.go, controller.go customCollector.
import { CounterFamily, gauge } from '#base/metrics.ts';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { Informer } from '#client/informer-contract.ts';
import { count } from './count.ts';

const SUBSYSTEM = 'dynamic_resource_allocation';

export class ClaimMetrics {
  readonly #creations = new CounterFamily(
    `${SUBSYSTEM}_resourceclaim_creates_total`,
    'Number of ResourceClaims creation requests, categorized by creation status and admin access',
    ['status', 'admin_access'],
  );
  #claims: Pick<Informer<ResourceClaim>, 'list'> | undefined;

  /** In place of those before: a lead that comes back has informers of its own. */
  follow(claims: Pick<Informer<ResourceClaim>, 'list'>): void {
    this.#claims = claims;
  }

  created(spec: ResourceClaim['spec'], status: 'success' | 'failure'): void {
    this.#creations.of(status, String(hasAdminAccess(spec))).add();
  }

  /** Prometheus' text format. */
  expose(): string {
    const each = Array.from(this.#claims?.list() ?? [], (claim) => [
      String(claim.status.allocation !== undefined),
      String(hasAdminAccess(claim.spec)),
      sourceOf(claim),
    ]);
    const help =
      "Number of ResourceClaims, categorized by allocation status, admin access, and source. Source can be 'resource_claim_template' (created from a template), 'extended_resource' (extended resources), or empty (manually created by a user).";
    return this.#creations.expose() + gauge(`${SUBSYSTEM}_resource_claims`, help, ['allocated', 'admin_access', 'source'], count(each));
  }
}

const hasAdminAccess = ({ devices }: ResourceClaim['spec']): boolean =>
  devices?.requests?.some(({ exactly }) => exactly?.adminAccess === true) === true;

function sourceOf({ metadata: { annotations = {} } }: ResourceClaim): string {
  if (annotations[ANNOTATION.podClaimName] !== undefined) return 'resource_claim_template';
  return annotations[ANNOTATION.extendedResourceClaim] === undefined ? '' : 'extended_resource';
}
