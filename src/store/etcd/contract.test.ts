import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { succeed } from '#test/harness/command.ts';
import { type Etcd, startEtcd } from '#test/harness/etcd.ts';
import { Scope } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { type Engine, type OpenOptions, storeContractSuite, type StoreUnderTest } from '../contract-suite.ts';
import type { Store } from '../contract.ts';
import { openEtcdStore } from './store.ts';

/** One server for all tests; each has keys of its own. */
const scope = new Scope();
let started: Promise<Etcd> | undefined;
let tests = 0;

const etcd: Engine = {
  name: 'etcd',
  async open({ watchQueue }: OpenOptions = {}): Promise<StoreUnderTest> {
    started ??= startEtcd(scope);
    const server = await started;
    const stores: Store[] = [];
    const open = async (endpoint = server.endpoint): Promise<Store> => {
      const store = await openEtcdStore({ endpoints: [endpoint], ...(watchQueue === undefined ? {} : { watchQueue }) });
      stores.push(store);
      return store;
    };
    const store = await open();
    return {
      store,
      prefix: `/test-${tests++}/`,
      async reopen() {
        await stores.at(-1)?.close();
        return open();
      },
      // The server is killed; the store finds its way back by itself.
      async crash() {
        await server.kill();
        await server.restart();
        return stores.at(-1) as Store;
      },
      restore: async (snapshot) => open(await restored(snapshot)),
      async elapse() {
        // The server's time is real: the test waits for what happens.
      },
      async dispose() {
        for (const each of stores) await each.close();
      },
    };
  },
  async stop() {
    await scope[Symbol.asyncDispose]();
  },
};

/** The endpoint of a server of its own that was made from the snapshot. */
async function restored(snapshot: AsyncIterable<Uint8Array>): Promise<string> {
  const folder = temporaryFolder(scope);
  await writeFile(join(folder, 'snapshot.db'), snapshot);
  const data = join(folder, 'data');
  await succeed('etcdctl', ['snapshot', 'restore', join(folder, 'snapshot.db'), `--data-dir=${data}`], {
    env: { ...process.env, ETCDCTL_API: '3' },
  });
  const { endpoint } = await startEtcd(scope, { args: [`--data-dir=${data}`] });
  return endpoint;
}

storeContractSuite(etcd);
