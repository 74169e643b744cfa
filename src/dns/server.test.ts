import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { decode, encode, type Packet } from 'dns-packet';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { fakeInformer } from '#client/testing.ts';
import { lengthPrefix } from './forwarder.ts';
import type { ListenAddress } from './listener.ts';
import { createDnsServer, type DnsServer } from './server.ts';
import { namespace, service, slice } from './testing.ts';

const many = Array.from({ length: 200 }, (_, i) => ({ address: `10.244.${Math.floor(i / 100)}.${(i % 100) + 1}` }));

let server: DnsServer;
let at: ListenAddress;
/** A resolver of the world outside, which counts its questions. */
const outside = createSocket('udp4');
const outsideByTcp = createServer();
let asked = 0;

before(async () => {
  outside.on('message', (bytes, from) => {
    asked++;
    const { id, questions = [] } = decode(bytes);
    const question = questions[0] as { readonly name: string; readonly type: string };
    if (question.name.startsWith('silent')) return;
    const answers = [{ name: question.name, type: 'A', ttl: 60, data: '203.0.113.9' }];
    if (question.name.startsWith('forged')) {
      const forged = [{ ...answers[0], name: question.name, type: 'A', data: '198.51.100.66' }];
      const guesses = [
        encode({ id: ((id as number) + 1) % 65_536, type: 'response', questions, answers: forged }),
        encode({ id: id as number, type: 'response', questions: [{ ...question, name: 'other.example.org' }], answers: forged }),
        encode({ id: id as number, type: 'response', questions: [{ ...question, type: 'AAAA' }], answers: forged }),
        encode({ id: id as number, type: 'query', questions, answers: forged }),
        Buffer.from('00', 'hex'),
      ];
      for (const guess of guesses) outside.send(guess, from.port, from.address);
    }
    const flags = question.name === 'long.example.org' ? 0x200 : question.name === 'gone.example.org' ? 3 : 0;
    outside.send(
      encode({ id: id as number, type: 'response', flags, questions, answers: flags === 0 ? answers : [] }),
      from.port,
      from.address,
    );
  });
  outsideByTcp.on('connection', (socket) => {
    socket.on('data', (chunk: Buffer) => {
      const { id, questions = [] } = decode(chunk.subarray(2));
      const answers = Array.from({ length: 50 }, (_, i) => ({ name: 'long.example.org', type: 'A', ttl: 60, data: `203.0.113.${i}` }));
      const bytes = encode({ id: id as number, type: 'response', questions, answers });
      socket.end(Buffer.concat([lengthPrefix(bytes.length), bytes]));
    });
  });
  outsideByTcp.listen(0, '127.0.0.1');
  await once(outsideByTcp, 'listening');
  const { port } = outsideByTcp.address() as { readonly port: number };
  outside.bind(port, '127.0.0.1');
  await once(outside, 'listening');

  server = createDnsServer({
    services: fakeInformer(
      service('web', { clusterIP: '10.96.1.1' }),
      service('many', { clusterIP: 'None' }),
      service('outside', { type: 'ExternalName', externalName: 'www.example.org' }),
    ),
    endpointSlices: fakeInformer(slice('many-1', 'many', many)),
    namespaces: fakeInformer(namespace('shop')),
    clock: systemClock,
    ids: randomIds,
    logger: silentLogger,
    config: { clusterDomain: 'cluster.local', upstreams: () => [{ address: '127.0.0.1', port }] },
  });
  [at] = (await server.start([{ address: '127.0.0.1', port: 0 }])) as [ListenAddress];
});

after(async () => {
  await server.stop();
  outside.close();
  outsideByTcp.close();
});

const question = (name: string, type = 'A', udpBytes?: number): Buffer =>
  encode({
    id: 7,
    type: 'query',
    flags: 0x100,
    questions: [{ name, type, class: 'IN' }],
    additionals:
      udpBytes === undefined
        ? []
        : [{ type: 'OPT', name: '.', udpPayloadSize: udpBytes, flags: 0, extendedRcode: 0, ednsVersion: 0, options: [] }],
  });

async function udp(bytes: Uint8Array): Promise<{ readonly packet: Packet; readonly size: number }> {
  const socket = createSocket('udp4');
  socket.connect(at.port, at.address, () => socket.send(bytes));
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return { packet: decode(answer), size: answer.length };
}

async function tcp(...questions: readonly Uint8Array[]): Promise<readonly Packet[]> {
  const socket = connect(at.port, at.address);
  socket.write(Buffer.concat(questions.flatMap((q) => [lengthPrefix(q.length), q])));
  const packets: Packet[] = [];
  let received = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= received.readUInt16BE(0) + 2) {
      packets.push(decode(received.subarray(2, received.readUInt16BE(0) + 2)));
      received = received.subarray(received.readUInt16BE(0) + 2);
    }
    if (packets.length === questions.length) break;
  }
  return packets;
}

const data = (packet: Packet): readonly unknown[] => (packet.answers ?? []).map((answer) => answer.data);

test('a Service is answered by UDP, keeping the letters of the question', async () => {
  const { packet } = await udp(question('Web.shop.SVC.cluster.local'));
  assert.deepEqual(data(packet), ['10.96.1.1']);
  assert.equal(packet.questions?.[0]?.name, 'Web.shop.SVC.cluster.local');
  assert.equal(packet.answers?.[0]?.name, 'Web.shop.SVC.cluster.local');
  assert.equal((packet.flags ?? 0) & 0x400, 0x400);
});

/** A datagram from port 0, which only a raw socket sends. */
const FROM_NOWHERE = `use Socket;
  socket(S, PF_INET, SOCK_RAW, 17) or die $!;
  my $question = pack('H*', $ARGV[1]);
  send(S, pack('n4', 0, $ARGV[0], 8 + length($question), 0) . $question, 0, pack_sockaddr_in(0, inet_aton('127.0.0.1'))) or die $!;`;

test('a question from port 0, where no answer can go, is left alone', async () => {
  for (const bytes of [question('web.shop.svc.cluster.local'), question('none', 'A').fill(0x28, 2, 3) /* refused: another opcode */])
    execFileSync('perl', ['-e', FROM_NOWHERE, String(at.port), bytes.toString('hex')]);
  assert.deepEqual(data((await udp(question('web.shop.svc.cluster.local'))).packet), ['10.96.1.1']);
});

test('a name that is not there is denied with the zone SOA', async () => {
  const { packet } = await udp(question('none.shop.svc.cluster.local'));
  assert.equal(packet.rcode, 'NXDOMAIN');
  assert.equal(packet.authorities?.[0]?.type, 'SOA');
});

test('an answer too large for UDP is cut and marked, and whole by TCP', async () => {
  const name = 'many.shop.svc.cluster.local';
  const plain = await udp(question(name));
  assert.equal(plain.packet.flag_tc, true);
  assert.ok(plain.size <= 512);
  const edns = await udp(question(name, 'A', 4096));
  assert.ok(edns.size <= 1232 && data(edns.packet).length > data(plain.packet).length);
  const [whole] = await tcp(question(name));
  assert.equal(data(whole as Packet).length, many.length);
});

test('questions pipelined over one TCP connection are all answered', async () => {
  const packets = await tcp(...Array.from({ length: 100 }, () => question('web.shop.svc.cluster.local')));
  assert.equal(packets.length, 100);
});

test('a name outside is forwarded once, then comes from the cache', async () => {
  asked = 0;
  assert.deepEqual(data((await udp(question('a.example.org'))).packet), ['203.0.113.9']);
  assert.deepEqual(data((await udp(question('a.example.org'))).packet), ['203.0.113.9']);
  assert.equal(asked, 1);
});

test('what does not answer the question that was asked is no answer, whoever sends it', async () => {
  assert.deepEqual(data((await udp(question('forged.example.org'))).packet), ['203.0.113.9']);
});

test('an answer cut by the upstream is asked for again by TCP', async () => {
  const [packet] = await tcp(question('long.example.org'));
  assert.equal(data(packet as Packet).length, 50);
});

test('a denial from outside is passed on', async () => {
  assert.equal((await udp(question('gone.example.org'))).packet.rcode, 'NXDOMAIN');
});

test('an ExternalName Service gives its alias and what that resolves to', async () => {
  assert.deepEqual(data((await udp(question('outside.shop.svc.cluster.local'))).packet), ['www.example.org', '203.0.113.9']);
});

test('a resolver that stays silent costs a SERVFAIL, not a hanging client', async () => {
  asked = 0;
  assert.equal((await udp(question('silent.example.org'))).packet.rcode, 'SERVFAIL');
  assert.equal(asked, 3);
});

test('resolvers that have all been silent are asked once for a question, until one answers', async () => {
  asked = 0;
  assert.equal((await udp(question('silent2.example.org'))).packet.rcode, 'SERVFAIL');
  assert.equal(asked, 1);
  assert.deepEqual(data((await udp(question('b.example.org'))).packet), ['203.0.113.9']);
  asked = 0;
  assert.equal((await udp(question('silent3.example.org'))).packet.rcode, 'SERVFAIL');
  assert.equal(asked, 3);
});

for (const [name, bytes, rcode] of [
  ['garbage after a good header', Buffer.concat([question('x').subarray(0, 12), Buffer.from('c0ffc0ff', 'hex')]), 'FORMERR'],
  ['an opcode that is not a query', Buffer.from('000728000000000000000000', 'hex'), 'NOTIMP'],
  ['no question', Buffer.from('000701000000000000000000', 'hex'), 'FORMERR'],
] as const) {
  test(`${name} is refused with ${rcode}`, async () => assert.equal((await udp(bytes)).packet.rcode, rcode));
}

test('a response sent to the server is not answered: the next question is', async () => {
  const socket = createSocket('udp4');
  socket.connect(at.port, at.address, () => {
    socket.send(Buffer.from('000981000000000000000000', 'hex'));
    socket.send(Buffer.from('short'));
    socket.send(question('web.shop.svc.cluster.local'));
  });
  const [answer] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  assert.equal(decode(answer).id, 7);
});
