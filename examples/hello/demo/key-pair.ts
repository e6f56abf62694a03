/** Keys for SSH, made without a program of the machine's. */
import ssh2 from 'ssh2';

/** Both in OpenSSH's format. */
export function makeKeyPair(): { private: string; public: string } {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    // of ssh2 1.17 one in two hundred is malformed: neither ssh2 nor OpenSSH can read it
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
}
