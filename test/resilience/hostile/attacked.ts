// The API server that a test file attacks. Importing this isolates the file.
import { controlPlanePki, startApiServer, type ApiServerProcess } from '../../harness/api-server.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import type { Owner } from '../../harness/scope.ts';

export interface Attacked {
  readonly server: ApiServerProcess;
  readonly address: { readonly host: string; readonly port: number };
  /** Of an administrator, PEM. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Somebody else, whom the attack must not reach. */
  readonly client: Client;
}

/** Ends with its owner. */
export async function startAttacked(owner: Owner): Promise<Attacked> {
  const pki = await controlPlanePki(owner);
  const server = await startApiServer(owner, pki);
  const { hostname: host, port } = new URL(server.server);
  const { certificate: cert, key } = pki.read('admin');
  return {
    server,
    address: { host, port: Number(port) },
    tls: { ca: pki.certificate('ca'), cert, key },
    client: createClient(server.connect()),
  };
}
