// SPDY frames that a client sends inside WebSocket messages, unpacked for the runtime.
// Source: cri-streaming translator TunnelingHandler, client-go portforward TunnelingConnection.
import { createWebSocketStream } from 'ws';
import { PORT_FORWARD_PROTOCOL, TUNNEL_PROTOCOL } from './channels.ts';
import { dialSpdy } from './dial.ts';
import { join } from './relay.ts';
import { acceptWebSocket, type Upgrade } from '#base/websocket.ts';

/** Resolves when the session has ended. @throws NotUpgraded, Error when the runtime cannot be reached; nothing was sent yet */
export async function tunnelPortForward(upgrade: Upgrade, url: string): Promise<void> {
  const { socket, head } = await dialSpdy(url, PORT_FORWARD_PROTOCOL);
  const client = await acceptWebSocket(upgrade, TUNNEL_PROTOCOL);
  if (client === undefined) {
    socket.destroy();
    return;
  }
  const frames = createWebSocketStream(client);
  if (head.length > 0) frames.write(head);
  await join(frames, socket);
}
