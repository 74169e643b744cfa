// A kubelet with informers of its own, as the worlds of tests run it.
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { createKubelet, type Kubelet, type KubeletOptions } from '../kubelet.ts';

export interface RunningKubelet {
  readonly kubelet: Kubelet;
  stop(): Promise<void>;
}

/** Resolves once it has started. */
export async function runKubelet(options: Omit<KubeletOptions, 'informers'>): Promise<RunningKubelet> {
  const { client, logger, clock, ids } = options;
  const informers = createInformerFactory({ client, logger, clock, ids });
  const stopping = new AbortController();
  const kubelet = createKubelet({ ...options, informers });
  const ready = kubelet.start();
  informers.start(stopping.signal);
  await ready;
  return {
    kubelet,
    async stop() {
      await kubelet.stop();
      stopping.abort(new Error('the test ends'));
    },
  };
}
