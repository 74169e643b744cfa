// Plays the kubelet for tests of controllers.
import { pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { ControllerTest } from '../harness/controllers.ts';

/** Pods of namespace `ns` with the label `app`. */
export const podsLabelled = async ({ client }: ControllerTest, app: string): Promise<readonly Pod[]> =>
  (await client.list(pods, { namespace: 'ns', labelSelector: `app=${app}` })).items;

export async function makeReady({ client, clock }: ControllerTest, { metadata }: Pod): Promise<void> {
  const now = formatTime(clock.now());
  const conditions = [
    { type: 'Ready', status: 'True', lastTransitionTime: now },
    { type: 'ContainersReady', status: 'True', lastTransitionTime: now },
  ];
  await client.patch(pods, metadata, { type: 'merge', body: { status: { phase: 'Running', conditions } } }, { subresource: 'status' });
}
