/** Speaking to HAProxy's admin socket from its host, with whatever that host has. Pure builder. */

// socat first: nothing starts faster. Perl is part of Debian and Ubuntu, python3 of Red Hat's family.
const SCRIPT = `
if command -v socat >/dev/null; then printf '%s\\n' "$2" | socat -t 10 - "UNIX-CONNECT:$1"
elif command -v perl >/dev/null; then
  # AF_UNIX and SOCK_STREAM by number: loading Socket.pm costs more than everything else here
  exec perl -e '
    my ($path, $line) = @ARGV;
    socket(S, 1, 1, 0) && connect(S, pack("S a108", 1, $path)) or die "$path: $!\\n";
    syswrite(S, "$line\\n"); shutdown(S, 1); print while <S>;' "$1" "$2"
elif command -v python3 >/dev/null; then
  exec python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
s.sendall((sys.argv[2] + "\\n").encode()); s.shutdown(socket.SHUT_WR)
while part := s.recv(65536): sys.stdout.buffer.write(part)' "$1" "$2"
else echo 'socat, perl or python3 is needed to speak to the socket' >&2; exit 69
fi
`;

/** The answers to all commands come on stdout, a blank line after each. */
export function buildSocketArgv(socket: string, commands: string[]): string[] {
  return ['sh', '-c', SCRIPT, 'slipway', socket, commands.join('; ')];
}
