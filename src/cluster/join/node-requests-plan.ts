// pure
// Which requests of nodes are granted beside those upstream grants: what a node serves with, and its components' own users.
import type { CertificateSigningRequest, Node } from '#api/types.ts';
import { kubeletServingRefusal, NODE_USER_PREFIX, type RequestFacts, SIGNER } from '#controllers/certificates/request-facts.ts';
import { NODE_COMPONENT_USERS } from '../node/users.ts';

export type Verdict = { readonly kind: 'approve'; readonly message: string } | { readonly kind: 'leave'; readonly why: string };

const leave = (why: string): Verdict => ({ kind: 'leave', why });

/** `nodes` are all that are registered. A request that is left may still be approved by hand. */
export function judgeNodeRequest({ spec }: CertificateSigningRequest, facts: RequestFacts, nodes: readonly Node[]): Verdict {
  const { username = '', groups = [], signerName, usages = [] } = spec;
  if (!username.startsWith(NODE_USER_PREFIX) || !groups.includes('system:nodes')) return leave('it was not sent by a node');
  if (signerName === SIGNER.kubeletServing) return judgeServing(username, facts, usages, nodes);
  if (signerName !== SIGNER.client) return leave('it is for another signer');
  const { commonName, organizations, dnsNames, ipAddresses, emails, uris } = facts;
  if (!NODE_COMPONENT_USERS.includes(commonName)) return leave(`${commonName} is no component of a node`);
  if ([organizations, dnsNames, ipAddresses, emails, uris].some((list) => list.length > 0)) return leave('it asks for groups or names');
  return { kind: 'approve', message: `Auto approving the client certificate of a component of ${username}.` };
}

function judgeServing(username: string, facts: RequestFacts, usages: readonly string[], nodes: readonly Node[]): Verdict {
  const refusal = kubeletServingRefusal(facts, usages);
  if (refusal !== undefined) return leave(refusal);
  if (facts.commonName !== username) return leave('a node asks for another');
  const name = username.slice(NODE_USER_PREFIX.length);
  const own = nodes.find(({ metadata }) => metadata.name === name);
  if (own === undefined) return leave(`node ${name} is not registered yet`);
  const addresses = new Set((own.status.addresses ?? []).map(({ address }) => address));
  const foreign = [...facts.dnsNames, ...facts.ipAddresses].find((each) => each !== name && !addresses.has(each));
  if (foreign !== undefined) return leave(`${foreign} is no address of node ${name}`);
  const other = nodes.find(
    ({ metadata, status }) => metadata.name !== name && (status.addresses ?? []).some(({ address }) => facts.ipAddresses.includes(address)),
  );
  if (other !== undefined) return leave(`node ${other.metadata.name} has the same address`);
  return { kind: 'approve', message: `Auto approving the serving certificate of ${username} for its own addresses.` };
}
