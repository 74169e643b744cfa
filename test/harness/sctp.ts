// SCTP without a kernel that speaks it: first packets of associations, made and read by hand. Connection tracking, translation and
// policies see no difference. RFC 9260.
import type { Running } from './command.ts';
import type { NetworkNamespace } from './netns.ts';

/** IANA's number of the protocol. */
const SCTP = 132;

const CHECKSUM = `use Socket; $| = 1;
  sub crc32c {
    my $crc = 0xffffffff;
    for my $byte (unpack 'C*', $_[0]) { $crc ^= $byte; $crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8 }
    $crc ^ 0xffffffff;
  }
  socket(S, PF_INET, SOCK_RAW, ${SCTP}) or die $!;`;

const SEND = `${CHECKSUM}
  my ($to, $port) = @ARGV;
  my $packet = pack('n2 N V C2 n N2 n2 N', 20000 + $$ % 20000, $port, 0, 0, 1, 0, 20, 7, 65535, 1, 1, 1);
  substr($packet, 8, 4) = pack('V', crc32c($packet));
  send(S, $packet, 0, pack_sockaddr_in(0, inet_aton($to))) or die $!;`;

const RECEIVE = `${CHECKSUM}
  print "ready\\n";
  while (defined(my $from = recv(S, my $packet, 2048, 0))) {
    my $told = substr($packet, 4 * (ord($packet) & 15));
    my ($port, $sum, $kind) = unpack('x2 n x4 V C', $told);
    substr($told, 8, 4) = pack('V', 0);
    my $state = crc32c($told) == $sum ? 'whole' : 'broken';
    print inet_ntoa((unpack_sockaddr_in($from))[1]), " $port $state\\n" if $kind == 1;
  }`;

/** Says a line for each association that somebody wants to begin there: its address, the port asked for, whether the packet is whole. */
export async function sctpServer(namespace: NetworkNamespace): Promise<Running> {
  const running = namespace.start('perl', ['-e', RECEIVE]);
  await running.line(/^ready$/);
  return running;
}

/** Sends the first packet of an association, each from another port: what is tracked of one must not lead the next. */
export const sctpAsk = async (namespace: NetworkNamespace, to: string, port: number): Promise<void> =>
  void (await namespace.succeed('perl', ['-e', SEND, to, String(port)]));
