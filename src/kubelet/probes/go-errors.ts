// Network errors in the words of Go's net package, which events and statuses show.

const SYSCALL_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  ENETUNREACH: 'connect: network is unreachable',
  EHOSTUNREACH: 'connect: no route to host',
  ETIMEDOUT: 'connect: connection timed out',
  EADDRNOTAVAIL: 'connect: cannot assign requested address',
};

/** `dial tcp 10.0.0.1:80: connect: connection refused` */
export function dialError(error: NodeJS.ErrnoException, address: string): string {
  const words = SYSCALL_WORDS[error.code ?? ''];
  if (words !== undefined) return `dial tcp ${address}: ${words}`;
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return `dial tcp: lookup ${address.replace(/:\d+$/, '')}: no such host`;
  if (error.code === 'ECONNRESET') return `read tcp ${address}: read: connection reset by peer`;
  return error.message;
}

export function joinHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
