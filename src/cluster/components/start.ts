// One component, by its name; only its own code is loaded.
import type { ComponentName } from './component-flags.ts';
import type { FlagValues } from './flags.ts';

export async function startComponent(name: ComponentName, given: FlagValues): Promise<void> {
  switch (name) {
    case 'apiserver':
      return (await import('./apiserver.ts')).apiserver(given);
    case 'scheduler':
      return (await import('./scheduler.ts')).scheduler(given);
    case 'controller-manager':
      return (await import('./controller-manager.ts')).controllerManager(given);
    case 'kubelet':
      return (await import('./kubelet.ts')).kubelet(given);
    case 'proxy':
      return (await import('./proxy.ts')).proxy(given);
    case 'hollow':
      return (await import('./hollow.ts')).hollow(given);
  }
}
