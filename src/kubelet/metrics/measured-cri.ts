// The runtime, with each of its calls counted. Source: kuberuntime instrumented_services.go.
import type { Clock } from '#base/clock.ts';
import type { CallOptions, CriClient } from '#cri/contract.ts';
import type { ImageService, RuntimeService } from '#cri/gen/services.ts';
import { CRI_SCHEMA } from '#cri/schema.ts';
import type { KubeletMetrics } from './kubelet-metrics.ts';

/** Whose metric has another name than the method. */
const NAMES: Readonly<Record<string, string>> = {
  updateContainerResources: 'update_container',
  updatePodSandboxResources: 'update_podsandbox',
};

/** `RunPodSandbox` is `run_podsandbox`. */
function operationOf(method: string): string {
  const snake = method.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return NAMES[method] ?? snake.replace('pod_sandbox', 'podsandbox');
}

type Call = (request: { readonly runtimeHandler?: string }, options?: CallOptions) => Promise<unknown>;

/** Streams are passed on as they are. */
export function measuredCri(cri: CriClient, metrics: KubeletMetrics, clock: Clock): CriClient {
  const measured = (method: string, call: Call): Call => {
    const operation = operationOf(method);
    return async (request, options) => {
      const began = clock.monotonic();
      const sandbox = method === 'runPodSandbox' ? (request.runtimeHandler ?? '') : undefined;
      try {
        return await call(request, options);
      } catch (error) {
        metrics.runtimeOperationsErrors.of(operation).add();
        if (sandbox !== undefined) metrics.runPodSandboxErrors.of(sandbox).add();
        throw error;
      } finally {
        const took = (clock.monotonic() - began) / 1000;
        metrics.runtimeOperations.of(operation).add();
        metrics.runtimeOperationsDuration.of(operation).observe(took);
        if (sandbox !== undefined) metrics.runPodSandboxDuration.of(sandbox).observe(took);
      }
    };
  };
  const service = <T extends object>(name: string, of: T): T => {
    const calls = Object.entries(CRI_SCHEMA.services?.[name] ?? {}).map(([methodName, { serverStream }]) => {
      const method = methodName.charAt(0).toLowerCase() + methodName.slice(1);
      const call = ((request, options) => (of as Record<string, Call>)[method]?.(request, options)) as Call;
      return [method, serverStream === true ? call : measured(method, call)] as const;
    });
    return Object.fromEntries(calls) as T;
  };
  return {
    runtime: service<RuntimeService>('runtime.v1.RuntimeService', cri.runtime),
    image: service<ImageService>('runtime.v1.ImageService', cri.image),
    get state() {
      return cri.state;
    },
    onStateChange: (listener) => cri.onStateChange(listener),
    ready: (signal) => cri.ready(signal),
    close: () => cri.close(),
  };
}
