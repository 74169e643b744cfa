// Timers of the Clock do not keep a process alive: a server has its sockets for that. A command that only waits has none.

const LONG_MS = 2 ** 30;

/** The process does not end by itself while `work` is under way. */
export async function keepAlive<T>(work: Promise<T>): Promise<T> {
  const handle = setInterval(() => {}, LONG_MS);
  try {
    return await work;
  } finally {
    clearInterval(handle);
  }
}
