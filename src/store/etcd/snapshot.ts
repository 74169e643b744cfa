// A snapshot as etcd makes it: its database file with a checksum behind it, what `etcdctl snapshot restore` takes.
import { StoreUnavailableError } from '../contract.ts';
import type { Members } from './members.ts';
import { SNAPSHOT } from './methods.ts';
import { isServiceError, unavailable } from './refusals.ts';

/** @throws StoreUnavailableError, also when the server ends it early */
export async function* snapshot(members: Members): AsyncGenerator<Uint8Array> {
  const call = await members.serverStream(SNAPSHOT.path);
  try {
    let pieces = 0;
    // Reading a piece only when it is asked for lets gRPC's flow control hold the server back.
    for await (const bytes of call) {
      pieces++;
      yield SNAPSHOT.response.decode(bytes as Buffer).blob;
    }
    if (pieces === 0) throw new StoreUnavailableError('etcd: the snapshot is empty');
  } catch (error) {
    throw isServiceError(error) ? unavailable(error, 'read') : error;
  } finally {
    call.cancel();
  }
}
