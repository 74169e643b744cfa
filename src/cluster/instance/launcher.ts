// The command that other processes of the cluster are started with.
import { join } from 'node:path';

export const LAUNCHER = join(import.meta.dirname, '..', '..', '..', 'bin', 'proa');
