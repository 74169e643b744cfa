// What unit tests of components use in place of an API server. Test doubles only: nothing here runs in a cluster.
import { createClient } from './client.ts';
import type { Client } from './contract.ts';
import type { FakeTransport, FakeTransportOptions } from './testing/fake-contract.ts';
import { fakeTransport } from './testing/fake-transport.ts';

export { fakeEventRecorder } from './testing/fake-event-recorder.ts';
export type { FakeEventRecorder } from './testing/fake-event-recorder.ts';
export { fakeInformer } from './testing/fake-informer.ts';
export type { FakeInformer } from './testing/fake-informer.ts';
export { fakeTransport } from './testing/fake-transport.ts';
export type { FakeAction, FakeTransport, FakeTransportOptions, RequestMatcher } from './testing/fake-contract.ts';

/** A Client over a fake API server, and that server's controls. */
export function fakeClient(options: FakeTransportOptions = {}): { readonly client: Client; readonly server: FakeTransport } {
  const server = fakeTransport(options);
  return { client: createClient(server), server };
}
