/** Speaking to HAProxy's admin socket from its host, with whatever that host has. Pure builder. */

// socat first: nothing starts faster. Perl is part of Debian and Ubuntu, python3 of Red Hat's family.
const SCRIPT = `
if command -v socat >/dev/null; then
  printf '%s\\n' "$2" | socat -t 10 - "$3"
elif command -v perl >/dev/null; then
  exec perl -MSocket -MIO::Socket -e '
    my ($path, $line) = @ARGV;
    my $s = $path =~ m{^/} ? IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $path)
                           : IO::Socket::INET->new(PeerAddr => $path);
    $s or die "$path: $!\\n";
    print {$s} "$line\\n"; $s->shutdown(1); print while <$s>;' "$1" "$2"
elif command -v python3 >/dev/null; then
  exec python3 -c '
import socket, sys
path, line = sys.argv[1:]
unix = path.startswith("/")
s = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
s.connect(path if unix else (path.rsplit(":", 1)[0], int(path.rsplit(":", 1)[1])))
s.sendall((line + "\\n").encode()); s.shutdown(socket.SHUT_WR)
while True:
    part = s.recv(65536)
    if not part: break
    sys.stdout.buffer.write(part)' "$1" "$2"
else
  echo 'socat, perl or python3 is needed to speak to the socket' >&2; exit 69
fi
`;

/** `socket` is a path or `host:port`; the answers to all commands come on stdout, a blank line after each. */
export function buildSocketArgv(socket: string, commands: string[]): string[] {
  const address = socket.startsWith('/') ? `UNIX-CONNECT:${socket}` : `TCP:${socket}`;
  return ['sh', '-c', SCRIPT, 'slipway', socket, commands.join('; '), address];
}
