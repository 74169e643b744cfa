// What runs in an agent's container. HTTP on 8080 and 8081, UDP on 8081, HTTPS on 8443 where it was given a certificate.
// It names itself, tells who asked and what it was asked, and asks others on command.
import { createSocket } from 'node:dgram';
import { lookup, resolve } from 'node:dns';
import { readFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

const { HOSTNAME: name = '', TLS } = process.env;

/** Longest wait for an answer. Milliseconds. */
const TIMEOUT_MS = 2_000;

const codeOf = (error: Error): string => (error as NodeJS.ErrnoException).code ?? error.message;

function ask(url: string, localAddress: string | undefined): Promise<string> {
  return new Promise((done) => {
    const options = { agent: false as const, timeout: TIMEOUT_MS, ...(localAddress === undefined ? {} : { localAddress }) };
    const request = get(url, options, (answer) => {
      let text = '';
      answer.on('data', (chunk) => (text += String(chunk))).on('error', (error) => done(codeOf(error)));
      answer.on('end', () => done(text));
    });
    request.on('timeout', () => request.destroy(new Error('TIMEOUT'))).on('error', (error) => done(codeOf(error)));
  });
}

function askUdp(host: string, port: number): Promise<string> {
  return new Promise((done) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const late = AbortSignal.timeout(TIMEOUT_MS);
    let ended = false;
    const end = (text: string): void => {
      if (ended) return;
      ended = true;
      socket.close();
      done(text);
    };
    late.addEventListener('abort', () => end('TIMEOUT'), { once: true });
    socket.on('error', (error) => end(codeOf(error))).on('message', (message) => end(String(message)));
    socket.connect(port, host, () => socket.send('who'));
  });
}

function serve(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://agent');
  const text = (key: string): string => query.get(key) ?? '';
  const times = (work: () => Promise<string>): void => {
    const all = Array.from({ length: Number(query.get('times') ?? 1) }, work);
    void Promise.all(all).then((answers) => response.end(answers.join('\n')));
  };
  switch (pathname) {
    case '/hostname':
      return void response.end(name);
    case '/client':
      return void response.end(request.socket.remoteAddress?.replace('::ffff:', ''));
    case '/ask':
      return times(() => ask(text('url'), query.get('from') ?? undefined));
    case '/udp':
      return times(() => askUdp(text('host'), Number(text('port'))));
    case '/lookup':
      return lookup(text('name'), { family: Number(query.get('family') ?? 4), all: true }, (error, found) => {
        response.end(error === null ? found.map(({ address }) => address).join(' ') : codeOf(error));
      });
    case '/resolve':
      return resolve(text('name'), text('type'), (error, found) => {
        response.end(JSON.stringify(error === null ? found : codeOf(error)));
      });
    case '/file':
      return void response.end(readFileSync(text('path')));
    case '/bytes':
      return void response.end(Buffer.alloc(Number(query.get('count')), name));
    case '/page':
      return void response.setHeader('content-type', 'text/html').end('<a href="/next">next</a>');
    default:
      request.resume().on('end', () => {
        const { localPort: port } = request.socket;
        response.end(JSON.stringify({ method: request.method, url: request.url, port }));
      });
  }
}

const sockets = [createSocket('udp4'), createSocket({ type: 'udp6', ipv6Only: true })];
for (const udp of sockets) udp.on('message', (_, from) => udp.send(name, from.port, from.address));
const servers = [8080, 8081].map((port) => createServer(serve).listen(port));
if (TLS !== undefined) servers.push(createTlsServer(JSON.parse(TLS) as { key: string; cert: string }, serve).listen(8443));
let waiting = servers.length + sockets.length;
const listening = (): void => {
  waiting -= 1;
  if (waiting === 0) console.log('ready', servers.map((server) => (server.address() as AddressInfo).port).join(' '));
};
for (const server of servers) server.once('listening', listening);
for (const udp of sockets) udp.once('listening', listening).bind(8081);
process.once('SIGTERM', () => process.exit());
