// pure
// Signal names of the API and of CRI: real-time signals are written differently.
import type { Signal } from '#cri/gen/enums.ts';

/** `SIGRTMIN+1` is `SIGRTMINPLUS1`. */
export function criSignal(name: string): Signal {
  return name.replace('RTMIN+', 'RTMINPLUS').replace('RTMAX-', 'RTMAXMINUS') as Signal;
}

/** Undefined for the runtime's own choice. */
export function apiSignal(signal: Signal): string | undefined {
  if (signal === 'RUNTIME_DEFAULT' || typeof signal === 'number') return undefined;
  return signal.replace('RTMINPLUS', 'RTMIN+').replace('RTMAXMINUS', 'RTMAX-');
}
