/** The proxies of a traffic scene, each set up as docs/traffic.md says, and how to hurt each. */
import { chmod, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import type { Colour } from '../../pipeline/plan.js';
import { createCaddy } from './caddy.js';
import type { Snippet } from './doc-snippets.js';
import { createHaproxy } from './haproxy.js';
import { createNginx } from './nginx.js';
import { answers } from './run-proxy.js';
import { freePort } from './sshd.js';
import { createTraefik } from './traefik.js';

export type ProxyKind = 'nginx' | 'haproxy' | 'traefik' | 'caddy' | 'caddy-file' | 'command';

/** What differs between the proxies. `folder` stands for the folders the documentation names. */
export interface TestProxy {
  folder: string;
  /** The folder that is locked during a switch; null = the command locks what it likes. */
  lockedFolder: string | null;
  start(): Promise<void>;
  crash(): Promise<void>;
  reload(): Promise<void>;
  /** The state after a kill between writing and applying; null = writing is applying. */
  persistOnly: ((colour: Colour) => Promise<void>) | null;
  /** Somebody else's change, not applied. */
  meddle(): Promise<void>;
  /** From now on the proxy does not accept a switch to green; null = there is nothing that it could refuse. */
  spoil: (() => Promise<void>) | null;
  /** From now on every command succeeds and nothing is applied. */
  numb(): Promise<void>;
  stop(): Promise<void>;
}

type Places = [string, string][];
type Create = (snippets: Snippet[], ports: Places) => Promise<{ proxy: TestProxy; places: Places }>;

export const CREATE: Record<ProxyKind, Create> = {
  nginx: async (snippets, ports) => {
    const server = await createNginx();
    const places: Places = [
      ['/etc/nginx', server.folder],
      ['sudo -n nginx', server.command],
    ];
    await writeExamples(snippets, [...ports, ...places]);
    const file = path.join(server.folder, 'slipway/shop.conf');
    const example = adapt(textOf(snippets, '/etc/nginx/slipway/shop.conf'), [...ports, ...places]);
    const [, , [, blue] = ['', ''], [, green] = ['', '']] = ports;
    return {
      places,
      proxy: {
        folder: server.folder,
        lockedFolder: path.dirname(file),
        start: server.start,
        crash: server.crash,
        reload: () => reloadNginx(server.command),
        persistOnly: (colour) =>
          writeFile(
            file,
            colour === 'blue'
              ? example
              : example.replace('default blue', 'default green').replace(blue, green),
          ),
        meddle: () => writeFile(file, example.replace(blue, '127.0.0.1:9')),
        spoil: () => writeFile(path.join(server.folder, 'conf.d/spoilt.conf'), 'nonsense on;\n'),
        // the port of a backend is taken: nginx says so in its error log only
        numb: () => writeFile(path.join(server.folder, 'conf.d/taken.conf'), `server { listen ${blue}; }\n`),
        stop: server.stop,
      },
    };
  },

  haproxy: async (snippets, ports) => {
    const server = await createHaproxy();
    const places: Places = [
      ['/etc/haproxy', server.folder],
      ['/run/haproxy', server.folder],
      // there is no such user here
      [' user deploy', ''],
    ];
    await writeExamples(snippets, [...ports, ...places]);
    const map = path.join(server.folder, 'slipway/shop.map');
    const socket = path.join(server.folder, 'slipway.sock');
    const example = adapt(textOf(snippets, '/etc/haproxy/haproxy.cfg'), [...ports, ...places]);
    const restartWith = async (text: string): Promise<void> => {
      await writeFile(server.configuration, text);
      await server.crash();
      await server.start(socket);
    };
    return {
      places,
      proxy: {
        folder: server.folder,
        lockedFolder: path.dirname(map),
        start: () => server.start(socket),
        crash: server.crash,
        reload: () => {
          server.reload();
          return Promise.resolve();
        },
        persistOnly: (colour) => writeFile(map, `shop shop_${colour}\n`),
        meddle: () => writeFile(map, 'shop maintenance\n'),
        spoil: () => restartWith(example.replaceAll('shop_green', 'shop_teal')),
        numb: () =>
          restartWith(example.replace('use_backend %[', 'use_backend shop_blue if TRUE\n    use_backend %[')),
        stop: server.stop,
      },
    };
  },

  traefik: async (snippets, ports) => {
    const server = await createTraefik();
    const places: Places = [['/etc/traefik', server.folder]];
    await writeExamples(snippets, [...ports, ...places]);
    await mkdir(path.join(server.folder, 'dynamic/.slipway'));
    const file = path.join(server.folder, 'dynamic/shop.yml');
    const example = adapt(textOf(snippets, '/etc/traefik/dynamic/shop.yml'), [...ports, ...places]);
    const configured = adapt(textOf(snippets, '/etc/traefik/traefik.yml'), [...ports, ...places]);
    const [[, listen] = ['', ''], , [, blue] = ['', '']] = ports;
    const start = (): Promise<void> => server.start(() => answers(`http://${listen}/`));
    /** In one rename, as Traefik wants it. */
    const put = async (text: string): Promise<void> => {
      await writeFile(path.join(server.folder, 'by-test'), text);
      await rename(path.join(server.folder, 'by-test'), file);
    };
    const restartWith = async (text: string): Promise<void> => {
      await writeFile(server.configuration, text);
      await server.crash();
      await start();
    };
    return {
      places,
      proxy: {
        folder: server.folder,
        lockedFolder: path.dirname(file),
        start,
        crash: server.crash,
        // it has no reload: it reads everything again when anything in the folder changes
        reload: () => utimes(file, new Date(), new Date()),
        // it reads this, but not before its throttle is over
        persistOnly: async (colour) => {
          await restartWith(configured.replace('100ms', '5s'));
          await put(`${example}# wakes it\n`);
          await put(example.replace('name: shop-blue', `name: shop-${colour}`));
        },
        // a third service, at the address of blue
        meddle: () =>
          put(
            example
              .replace('name: shop-blue', 'name: shop-old')
              .concat(`    shop-old: { loadBalancer: { servers: [{ url: 'http://${blue}' }] } }\n`),
          ),
        spoil: () => put(example.replace('shop-green:', 'shop-teal:')),
        numb: () => restartWith(configured.replace('watch: true', 'watch: false')),
        stop: server.stop,
      },
    };
  },

  caddy: async (snippets, ports) => {
    const server = await createCaddy();
    const admin = `127.0.0.1:${await freePort()}`;
    const places: Places = [
      ['/etc/caddy', server.folder],
      ['127.0.0.1:2019', admin],
    ];
    await writeExamples(snippets, [...ports, ...places]);
    const snippet = path.join(server.folder, 'slipway/shop.caddy');
    const example = adapt(textOf(snippets, '/etc/caddy/Caddyfile'), [...ports, ...places]);
    const [[, listen] = ['', ''], , [, blue] = ['', ''], [, green] = ['', '']] = ports;
    const start = (): Promise<void> => server.start(() => answers(`http://${listen}/`));
    const restartWith = async (text: string): Promise<void> => {
      await writeFile(server.configuration, text);
      await server.crash();
      await start();
    };
    // to Slipway another address, to Caddy the same
    const elsewhere = `reverse_proxy ${blue.replace('127.0.0.1', 'localhost')}`;
    return {
      places,
      proxy: {
        folder: server.folder,
        lockedFolder: path.dirname(snippet),
        start,
        crash: server.crash,
        reload: () => server.reload(admin),
        persistOnly: (colour) => writeFile(snippet, `to ${colour === 'blue' ? blue : green}\n`),
        meddle: () => writeFile(snippet, 'to 127.0.0.1:9\n'),
        spoil: () => restartWith(example.replace(/reverse_proxy \{[^}]*\{[^}]*\}[^}]*\}/, elsewhere)),
        numb: () =>
          restartWith(example.replace('reverse_proxy {', `${elsewhere}\n    reverse_proxy /none {`)),
        stop: server.stop,
      },
    };
  },

  'caddy-file': async (snippets, ports) => {
    const server = await createCaddy();
    const admin = `127.0.0.1:${await freePort()}`;
    const places: Places = [
      ['/etc/caddy', server.folder],
      ['127.0.0.1:2019', admin],
    ];
    await writeExamples(snippets, [...ports, ...places]);
    const file = path.join(server.folder, 'slipway/shop');
    const [[, listen] = ['', ''], , [, blue] = ['', '']] = ports;
    const start = (): Promise<void> => server.start(() => answers(`http://${listen}/`));
    return {
      places,
      proxy: {
        folder: server.folder,
        lockedFolder: path.dirname(file),
        start,
        crash: server.crash,
        reload: () => server.reload(admin),
        persistOnly: null,
        meddle: () => writeFile(file, blue.replace('127.0.0.1', 'localhost')),
        spoil: null,
        numb: async () => {
          const text = adapt(textOf(snippets, '/etc/caddy/Caddyfile'), [...ports, ...places]);
          await writeFile(server.configuration, text.replace(/\{file\.[^}]*\}/, blue));
          await server.reload(admin);
        },
        stop: server.stop,
      },
    };
  },

  command: async (snippets, ports) => {
    const server = await createNginx();
    const places: Places = [
      ['/etc/shop-proxy', server.folder],
      ['sudo -n nginx', server.command],
    ];
    await writeExamples(snippets, [...ports, ...places]);
    const script = path.join(server.folder, 'traffic');
    await chmod(script, 0o755);
    const [[, listen] = ['', ''], , [, blue] = ['', ''], [, green] = ['', '']] = ports;
    for (const [colour, address] of Object.entries({ blue, green })) {
      await writeFile(path.join(server.folder, `${colour}.conf`), `proxy_pass http://${address};\n`);
    }
    await writeFile(
      path.join(server.folder, 'conf.d/shop.conf'),
      `server { listen ${listen}; location / { include ${server.folder}/upstream.conf; } }\n`,
    );
    const link = async (name: string): Promise<void> => {
      await rm(path.join(server.folder, 'upstream.by-test'), { force: true });
      await symlink(name, path.join(server.folder, 'upstream.by-test'));
      await rename(path.join(server.folder, 'upstream.by-test'), path.join(server.folder, 'upstream.conf'));
    };
    await link('blue.conf');
    return {
      places,
      proxy: {
        folder: server.folder,
        lockedFolder: null,
        start: server.start,
        crash: server.crash,
        reload: () => reloadNginx(server.command),
        persistOnly: (colour) => link(`${colour}.conf`),
        meddle: () => link('maintenance.conf'),
        spoil: () => rm(path.join(server.folder, 'green.conf')),
        numb: async () => {
          const text = adapt(textOf(snippets, '/etc/shop-proxy/traffic'), [...ports, ...places]);
          await writeFile(script, text.replaceAll(`${server.command} -s reload`, 'true'));
        },
        stop: server.stop,
      },
    };
  },
};

async function reloadNginx(command: string): Promise<void> {
  await execa('sh', ['-c', `${command} -s reload`]);
}

/** Writes every example that has an absolute path, at its place in the proxy's own folder. */
async function writeExamples(snippets: Snippet[], places: Places): Promise<void> {
  for (const { words, text } of snippets) {
    const file = words['file'];
    if (file === undefined || !file.startsWith('/')) continue;
    const place = adapt(file, places);
    await mkdir(path.dirname(place), { recursive: true });
    await writeFile(place, adapt(text, places));
  }
}

export function textOf(snippets: Snippet[], file: string): string {
  const found = snippets.find(({ words }) => words['file'] === file);
  if (found === undefined) throw new Error(`docs/traffic.md has no example ${file}`);
  return found.text;
}

export function adapt(text: string, places: Places): string {
  return places.reduce((adapted, [from, to]) => adapted.replaceAll(from, to), text);
}
