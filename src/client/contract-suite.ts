// Proves that a Transport keeps what ./contract.ts promises, by what a Client over it shows. It runs against the fake,
// HTTPS and loopback, with the fake or a real API server behind; objects it makes are valid on a real one.
import { after, before, describe } from 'node:test';
import { declareLists } from './contract-suite/reads.ts';
import { declaring, type ClientFactory, type ClientUnderTest } from './contract-suite/subject.ts';
import { declareTogether } from './contract-suite/together.ts';
import { declareWatches } from './contract-suite/watches.ts';
import { declareCreation, declareDeletion, declarePatches, declareUpdates } from './contract-suite/writes.ts';

export type { ClientFactory, ClientUnderTest } from './contract-suite/subject.ts';

/** Declares the whole suite for one kind of client. */
export function clientContractSuite({ name, start }: ClientFactory): void {
  void describe(`the ${name} client keeps the contract`, () => {
    let subject: ClientUnderTest | undefined = undefined;
    before(async () => {
      subject = await start();
    });
    after(async () => subject?.close());
    const declare = declaring(() => subject as unknown as ClientUnderTest);
    declareCreation(declare);
    declareUpdates(declare);
    declarePatches(declare);
    declareDeletion(declare);
    declareLists(declare);
    declareWatches(declare);
    declareTogether(declare);
  });
}
