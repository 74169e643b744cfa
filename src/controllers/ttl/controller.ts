// Tells kubelets how long they may keep secrets and config maps: the longer, the more nodes ask. Source: pkg/controller/ttl.
import { nodes } from '#api/resources.ts';
import type { Node } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { Controller } from '../runtime/controller.ts';
import { nextStep, ttlSeconds } from './plan.ts';

export const ttlController: Controller = {
  name: 'ttl-controller',
  serviceAccount: 'ttl-controller',
  reads: [nodes],
  writes: ['nodes'],
  workers: 5, // Source: startTTLController
  setUp({ client, informers, queue }) {
    const lister = informers.informer(nodes);
    let step = 0;
    const changed = (): void => {
      const next = nextStep(step, lister.size);
      if (next === step) return;
      step = next;
      for (const { metadata } of lister.list()) queue.add(metadata.name);
    };
    lister.addHandlers({
      added({ metadata }) {
        changed();
        queue.add(metadata.name);
      },
      updated(node, previous) {
        if (annotationOf(node) !== annotationOf(previous)) queue.add(node.metadata.name);
      },
      deleted: changed,
    });
    return async (name) => {
      const node = lister.get(name);
      const wanted = String(ttlSeconds(step));
      if (node === undefined || annotationOf(node) === wanted) return;
      await client.patch(nodes, { name }, { type: 'strategic', body: { metadata: { annotations: { [ANNOTATION.nodeTtl]: wanted } } } });
    };
  },
};

const annotationOf = ({ metadata }: Node): string | undefined => metadata.annotations?.[ANNOTATION.nodeTtl];
