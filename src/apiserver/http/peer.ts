// Who is on the other side of a connection.
import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

export interface Peer {
  readonly remoteAddress: string;
  readonly clientCertificate: X509Certificate | undefined;
}

/** What is known of the other side, found once for each connection. */
const peers = new WeakMap<object, Peer>();

export function peerOf(socket: TLSSocket, owner: object = socket): Peer {
  let peer = peers.get(owner);
  if (peer === undefined) {
    const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
    peer = { remoteAddress: plainAddress(socket.remoteAddress ?? ''), clientCertificate: certificate };
    peers.set(owner, peer);
  }
  return peer;
}

const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);
