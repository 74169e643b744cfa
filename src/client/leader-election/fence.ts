// A connection for work that is allowed only while a copy leads: what still goes on when the lead is lost reaches nobody, for
// another copy may be at the same work by then.
import { type ApiRequest, ConnectionError, type Transport } from '../contract.ts';

/** As `transport` until `closed` is aborted; from then on requests are refused, and those under way are given up. */
export function fenced(transport: Transport, closed: AbortSignal): Transport {
  const within = (signal: AbortSignal | undefined): AbortSignal => (signal === undefined ? closed : AbortSignal.any([signal, closed]));
  const open = (): void => {
    if (closed.aborted) throw new ConnectionError('this copy does not lead any more', { cause: closed.reason });
  };
  return {
    async request(request: ApiRequest) {
      open();
      return transport.request({ ...request, signal: within(request.signal) });
    },
    watch(request) {
      return transport.watch({ ...request, signal: within(request.signal) });
    },
    async getPath(path, query, signal) {
      open();
      return transport.getPath(path, query, within(signal));
    },
    close: () => transport.close(),
  };
}
