// Tells the API server where a pod goes. Source: plugins/defaultbinder.
import { pods } from '#api/resources.ts';
import type { Client } from '#client/contract.ts';
import type { Plugin } from '../framework/plugin.ts';
import { PLUGIN } from './names.ts';

/** @throws (from `bind`) StatusError, ConnectionError */
export function defaultBinder(client: Client): Plugin {
  return {
    name: PLUGIN.defaultBinder,
    async bind({ pod, node }, signal) {
      const { name, namespace, uid } = pod.metadata;
      const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace, uid }, target: { kind: 'Node', name: node } };
      await client.createSubresource(pods, { name, namespace }, 'binding', binding, { signal });
      return undefined;
    },
  };
}
