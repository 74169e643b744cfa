// The command that other processes of the cluster are started with.
import { join } from 'node:path';
import { CHECKOUT } from '../checkout.ts';

export const LAUNCHER = join(CHECKOUT, 'bin', 'proa');
