// A kubelet reads what its pods need, and nothing else. What it writes, the NodeRestriction plugin narrows further.
// Source: plugin/pkg/auth/authorizer/node node_authorizer.go.
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import { podcertificaterequests } from '#api/optional-resources.ts';
import { pods, resourceslices, volumeattachments } from '#api/resources.ts';
import { NAMESPACE } from '#api/well-known.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { nodeOf } from '../../authentication/names.ts';
import type { CacheReader } from '../../cache/reader.ts';
import { fieldRequirements } from '../asked-selectors.ts';
import {
  ALLOW,
  NO_OPINION,
  type AuthorizationAttributes,
  type AuthorizationDecision,
  type Authorizer,
  type RuleResolver,
} from '../contract.ts';
import { CLUSTER_ROLES } from '../policy/cluster-roles.ts';
import { GATED_RULES } from '../policy/gated-roles.ts';
import { ruleOf } from '../policy/table.ts';
import { RuleSet } from '../rbac/rules.ts';
import { NodeReferences, type ReferencedKind } from './references.ts';

const no = (reason: string): AuthorizationDecision => ({ decision: 'noOpinion', reason });

type Judge = (node: string, attributes: AuthorizationAttributes) => AuthorizationDecision;

export class NodeAuthorizer implements Authorizer, RuleResolver {
  readonly #reader: CacheReader;
  readonly #rules = new RuleSet<AuthorizationDecision>();
  readonly #takesPodCertificates: boolean;
  #index: NodeReferences | undefined;

  constructor(reader: CacheReader, gates = new FeatureGates('')) {
    this.#reader = reader;
    const gated = GATED_RULES.filter(({ role, gate }) => role === 'system:node' && gates.isOn(gate)).flatMap(({ rules }) => rules);
    for (const line of [...(CLUSTER_ROLES['system:node'] ?? []), ...gated]) this.#rules.add(ruleOf(line), ALLOW);
    this.#takesPodCertificates = gates.isOn('PodCertificateRequest');
  }

  /** By resource and group. Everything else is judged by the rules of system:node. */
  readonly #judges: Readonly<Record<string, Judge>> = {
    'secrets.': (node, attributes) => this.#read(node, 'secret', attributes),
    'configmaps.': (node, attributes) => this.#read(node, 'configmap', attributes),
    'persistentvolumeclaims.': (node, attributes) =>
      attributes.subresource === 'status' ? this.#claimStatus(node, attributes) : this.#get(node, attributes, this.#names('pvc')),
    'persistentvolumes.': (node, attributes) => this.#get(node, attributes, ({ name }) => this.#references.hasVolume(node, name)),
    'resourceclaims.resource.k8s.io': (node, attributes) => this.#get(node, attributes, this.#names('resourceclaim')),
    'volumeattachments.storage.k8s.io': (node, attributes) =>
      this.#get(node, attributes, ({ name }) => this.#reader.get(volumeattachments, name)?.spec.nodeName === node),
    'serviceaccounts.': (node, attributes) => this.#serviceAccount(node, attributes),
    'leases.coordination.k8s.io': lease,
    'csinodes.storage.k8s.io': csiNode,
    'resourceslices.resource.k8s.io': (node, attributes) => this.#resourceSlice(node, attributes),
    'nodes.': nodeObject,
    'pods.': (node, attributes) => this.#pod(node, attributes),
    'podcertificaterequests.certificates.k8s.io': (node, attributes) =>
      this.#takesPodCertificates ? this.#podCertificateRequest(node, attributes) : NO_OPINION,
  };

  authorize(attributes: AuthorizationAttributes): AuthorizationDecision {
    const node = nodeOf(attributes.user);
    if (node === undefined) return NO_OPINION;
    if (node === '') return no(`unknown node for user ${goQuote(attributes.user.name)}`);
    const judge = attributes.isResourceRequest ? this.#judges[`${attributes.resource}.${attributes.group}`] : undefined;
    return judge === undefined ? (this.#rules.find(attributes) ?? NO_OPINION) : judge(node, attributes);
  }

  /** What a node may do depends on its pods: it cannot be listed. */
  rulesFor: RuleResolver['rulesFor'] = (user) =>
    nodeOf(user) === undefined
      ? { resourceRules: [], nonResourceRules: [], incomplete: false }
      : {
          resourceRules: [],
          nonResourceRules: [],
          incomplete: true,
          evaluationError: 'node authorizer does not support user rule resolution',
        };

  /** Made with the first question: that comes after the cache was filled, which tells nobody. */
  get #references(): NodeReferences {
    return (this.#index ??= new NodeReferences(this.#reader));
  }

  #names(kind: ReferencedKind): (attributes: AuthorizationAttributes & { readonly node: string }) => boolean {
    return ({ node, namespace, name }) => this.#references.has(node, kind, namespace, name);
  }

  /** Reads of one object, also by list or watch with its name. Source: authorizeReadNamespacedObject. */
  #read(node: string, kind: ReferencedKind, attributes: AuthorizationAttributes): AuthorizationDecision {
    if (!['get', 'list', 'watch'].includes(attributes.verb)) return no('can only read resources of this type');
    if (attributes.subresource !== '') return no('cannot read subresource');
    if (attributes.namespace === '') return no('can only read namespaced object of this type');
    return related(node, attributes, this.#names(kind));
  }

  #get(node: string, attributes: AuthorizationAttributes, isRelated: Relation): AuthorizationDecision {
    if (attributes.verb !== 'get') return no('can only get individual resources of this type');
    if (attributes.subresource !== '') return no('cannot get subresource');
    return related(node, attributes, isRelated);
  }

  #claimStatus(node: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    if (attributes.verb !== 'update' && attributes.verb !== 'patch') return no('can only get/update/patch this type');
    return related(node, attributes, this.#names('pvc'));
  }

  #serviceAccount(node: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    const { verb, subresource, name } = attributes;
    if (verb === 'get' && subresource === '') return this.#read(node, 'serviceaccount', attributes);
    if (verb !== 'create' || name === '') return no('can only create tokens for individual service accounts');
    if (subresource !== 'token') return no('can only create token subresource of serviceaccount');
    return related(node, attributes, this.#names('serviceaccount'));
  }

  #resourceSlice(node: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    if (attributes.subresource !== '') return no('cannot authorize ResourceSlice subresources');
    switch (attributes.verb) {
      case 'create': // which node the slice is of, the NodeRestriction plugin looks at
        return ALLOW;
      case 'get':
      case 'update':
      case 'patch':
      case 'delete':
        return related(node, attributes, ({ name }) => this.#reader.get(resourceslices, name)?.spec.nodeName === node);
      case 'watch':
      case 'list':
      case 'deletecollection':
        return selects(attributes, 'spec.nodeName', node)
          ? ALLOW
          : no('can only list/watch/deletecollection resourceslices with nodeName field selector');
      default:
        return no(
          'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection',
        );
    }
  }

  #podCertificateRequest(node: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    if (attributes.subresource !== '') return no('nodes may not access the status subresource of PodCertificateRequests');
    const isOfNode: Relation = ({ namespace, name }) => this.#reader.get(podcertificaterequests, name, namespace)?.spec.nodeName === node;
    switch (attributes.verb) {
      case 'create': // of which node, the NodeRestriction plugin looks at
        return ALLOW;
      case 'get':
        return related(node, attributes, isOfNode);
      case 'list':
      case 'watch':
        return selects(attributes, 'spec.nodeName', node)
          ? ALLOW
          : no('can only list/watch podcertificaterequests with nodeName field selector');
      default:
        return no(`nodes may not ${attributes.verb} podcertificaterequests`);
    }
  }

  #pod(node: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    const runsHere: Relation = ({ namespace, name }) => this.#reader.get(pods, name, namespace)?.spec.nodeName === node;
    switch (`${attributes.subresource} ${attributes.verb}`) {
      case ' get':
        return this.#get(node, attributes, runsHere);
      case ' list':
      case ' watch':
        if (selects(attributes, 'spec.nodeName', node)) return ALLOW;
        return attributes.name === ''
          ? no('can only list/watch pods with spec.nodeName field selector')
          : related(node, attributes, runsHere);
      // Of which pods, the NodeRestriction plugin looks at.
      case ' create':
      case ' delete':
      case 'status update':
      case 'status patch':
      case 'eviction create':
        return ALLOW;
      default:
        return NO_OPINION;
    }
  }
}

type Relation = (attributes: AuthorizationAttributes & { readonly node: string }) => boolean;

function related(node: string, attributes: AuthorizationAttributes, isRelated: Relation): AuthorizationDecision {
  if (attributes.name === '') return no('No Object name found');
  return isRelated({ ...attributes, node }) ? ALLOW : no(`no relationship found between node '${node}' and this object`);
}

const selects = ({ fieldSelector }: AuthorizationAttributes, field: string, value: string): boolean =>
  fieldRequirements(fieldSelector).some(({ key, operator, values }) => key === field && operator === 'In' && values?.[0] === value);

const OBJECT_VERBS: ReadonlySet<string> = new Set(['get', 'create', 'update', 'patch', 'delete']);

function lease(node: string, { verb, namespace, name }: AuthorizationAttributes): AuthorizationDecision {
  if (!OBJECT_VERBS.has(verb)) return no('can only get, create, update, patch, or delete a node lease');
  if (namespace !== NAMESPACE.nodeLease) return no(`can only access leases in the ${goQuote(NAMESPACE.nodeLease)} system namespace`);
  if (verb !== 'create' && name !== node) return no('can only access node lease with the same name as the requesting node');
  return ALLOW;
}

function csiNode(node: string, { verb, subresource, name }: AuthorizationAttributes): AuthorizationDecision {
  if (!OBJECT_VERBS.has(verb)) return no('can only get, create, update, patch, or delete a CSINode');
  if (subresource !== '') return no('cannot authorize CSINode subresources');
  if (verb !== 'create' && name !== node) return no('can only access CSINode with the same name as the requesting node');
  return ALLOW;
}

function nodeObject(node: string, { verb, subresource, name }: AuthorizationAttributes): AuthorizationDecision {
  switch (`${subresource} ${verb}`) {
    // Which node, the NodeRestriction plugin looks at.
    case ' create':
    case ' update':
    case ' patch':
    case 'status update':
    case 'status patch':
      return ALLOW;
    case ' get':
    case ' list':
    case ' watch':
      if (name === node) return ALLOW;
      return no(
        name === ''
          ? `node '${node}' cannot read all nodes, only its own Node object`
          : `node '${node}' cannot read '${name}', only its own Node object`,
      );
    default:
      return NO_OPINION;
  }
}
