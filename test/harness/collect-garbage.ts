// What a program holds is known only once what it has let go of is gone.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects all of the heap at once. What a WeakRef was asked for stays until the turn of the event loop is over. */
export const collectGarbage = runInNewContext('gc') as () => void;
