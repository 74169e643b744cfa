// What a power failure must not take back: names in folders.
import { open } from 'node:fs/promises';

/** Makes created, renamed and removed names of a folder durable. @throws Error with the kernel's code */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
