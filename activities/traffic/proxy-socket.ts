/** Speaking to a proxy's admin socket from its host, with whatever that host has. Pure builder. */

// socat first: nothing starts faster. Perl is part of Debian and Ubuntu, python3 of Red Hat's family. The request is in
// the environment, where other users of the host cannot see it.
const SCRIPT = `
export SLIPWAY_REQUEST="\${2-$SLIPWAY_REQUEST}"
if command -v socat >/dev/null; then
  case $1 in /*) to=UNIX-CONNECT:$1;; *) to=TCP:$1;; esac
  printf '%s\\n' "$SLIPWAY_REQUEST" | socat -t 10 - "$to"
elif command -v perl >/dev/null; then
  # AF_UNIX, AF_INET and SOCK_STREAM by number: loading Socket.pm costs more than everything else here
  exec perl -e '
    my ($to) = @ARGV;
    my ($host, $port) = $to =~ m{^([^/].*):(\\d+)$};
    my $ip = defined $port ? gethostbyname($host) : "";
    defined $ip or die "$host is not known\\n";
    my $where = defined $port ? pack("S n a4 x8", 2, $port, $ip) : pack("S a108", 1, $to);
    socket(S, defined $port ? 2 : 1, 1, 0) && connect(S, $where) or die "$to: $!\\n";
    syswrite(S, "$ENV{SLIPWAY_REQUEST}\\n"); shutdown(S, 1); print while <S>;' "$1"
elif command -v python3 >/dev/null; then
  exec python3 -c '
import os, socket, sys
to = sys.argv[1]
if to[0] == "/":
    s = socket.socket(socket.AF_UNIX); s.connect(to)
else:
    s = socket.create_connection(to.rsplit(":", 1))
s.sendall((os.environ["SLIPWAY_REQUEST"] + "\\n").encode()); s.shutdown(socket.SHUT_WR)
while part := s.recv(65536): sys.stdout.buffer.write(part)' "$1"
else echo 'socat, perl or python3 is needed to speak to the socket' >&2; exit 69
fi
`;

/** HAProxy's commands in one line; the answers to all come on stdout, a blank line after each. */
export function buildSocketArgv(socket: string, commands: string[]): string[] {
  return [...buildExchangeArgv(socket), commands.join('; ')];
}

/** Sends what the variable SLIPWAY_REQUEST holds to a socket's path or to `host:port`; the answer comes on stdout. */
export function buildExchangeArgv(to: string): string[] {
  return ['sh', '-c', SCRIPT, 'slipway', to];
}
