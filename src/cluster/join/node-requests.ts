// Approves what judgeNodeRequest grants, as soon as it is asked, and again when a node tells its addresses.
import { certificatesigningrequests, nodes } from '#api/resources.ts';
import type { Node } from '#api/types.ts';
import { isDecided, withCondition } from '#controllers/certificates/conditions.ts';
import type { Controller } from '#controllers/runtime/controller.ts';
import { judgeNodeRequest } from './node-requests-plan.ts';

export const nodeRequestsApprover: Controller = {
  name: 'node-requests-approver',
  serviceAccount: 'node-requests-approver',
  reads: [certificatesigningrequests, nodes],
  writes: ['certificatesigningrequests/approval'],
  workers: 1,
  setUp({ client, informers, queue, clock, logger }) {
    const requests = informers.informer(certificatesigningrequests);
    const nodeInformer = informers.informer(nodes);
    requests.addHandlers({ added: ({ metadata }) => queue.add(metadata.name), updated: ({ metadata }) => queue.add(metadata.name) });
    const addressesOf = ({ status }: Node): string => JSON.stringify(status.addresses ?? []);
    const askAgain = (): void => {
      for (const request of requests.list()) if (!isDecided(request)) queue.add(request.metadata.name);
    };
    nodeInformer.addHandlers({
      added: askAgain,
      updated: (node, previous) => (addressesOf(node) === addressesOf(previous) ? undefined : askAgain()),
    });
    return async (name, signal) => {
      const request = requests.get(name);
      if (request === undefined || isDecided(request)) return;
      const { readRequest } = await import('#controllers/certificates/x509.ts');
      const facts = readRequest(Buffer.from(request.spec.request, 'base64').toString('utf8'));
      const verdict = judgeNodeRequest(request, facts, [...nodeInformer.list()]);
      if (verdict.kind === 'leave') return logger.debug('a request is left to others', { request: name, why: verdict.why });
      const condition = { type: 'Approved', reason: 'AutoApproved', message: verdict.message } as const;
      const approved = withCondition(request, condition, clock.now());
      await client.update(certificatesigningrequests, approved, { subresource: 'approval', signal });
    };
  },
};
