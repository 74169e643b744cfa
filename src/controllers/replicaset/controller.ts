// Keeps as many pods as a ReplicaSet asks for. Source: pkg/controller/replicaset.
import { replicasets } from '#api/resources.ts';
import { replicasController } from './replicas-controller.ts';

export const replicaSetController = replicasController({
  name: 'replicaset-controller',
  serviceAccount: 'replicaset-controller',
  resource: replicasets,
  asReplicaSet: (rs) => rs,
  status: (status) => status,
});
