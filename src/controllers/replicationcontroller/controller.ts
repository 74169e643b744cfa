// Keeps as many pods as a ReplicationController asks for: a ReplicaSet in another form.
// Source: pkg/controller/replication, conversion.go.
import { replicationcontrollers } from '#api/resources.ts';
import { replicasController } from '../replicaset/replicas-controller.ts';

export const replicationController = replicasController({
  name: 'replicationcontroller-controller',
  serviceAccount: 'replication-controller',
  resource: replicationcontrollers,
  asReplicaSet({ apiVersion, metadata, spec, status }) {
    const { replicas, minReadySeconds, selector, template } = spec;
    return {
      apiVersion,
      kind: 'ReplicaSet',
      metadata,
      spec: { replicas, minReadySeconds, selector: { matchLabels: selector }, template },
      status,
    };
  },
  status: ({ terminatingReplicas: _, ...status }) => status,
});
