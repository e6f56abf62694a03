import { once } from 'node:events';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Host } from '../../../activities/hosts/host.js';
import { buildPatch, readAnswer, readConfiguration } from '../../../activities/traffic/caddy-admin.js';
import {
  findProxies,
  listDials,
  pointAt,
  readSnippet,
  renderSnippet,
} from '../../../activities/traffic/caddy-config.js';

const AT = { blue: '127.0.0.1:8081', green: '127.0.0.1:8082' };

function proxyTo(...dials: string[]): Record<string, unknown> {
  return { handler: 'reverse_proxy', upstreams: dials.map((dial) => ({ dial })) };
}

describe("Caddy's configuration", () => {
  const tree = {
    srv0: {
      routes: [
        { handle: [{ handler: 'headers' }, proxyTo(AT.blue)] },
        { handle: [proxyTo('127.0.0.1:9000')] },
        { handle: [{ handler: 'subroute', routes: [{ handle: [proxyTo(AT.green, AT.blue)] }] }] },
        { handle: [proxyTo(AT.green, '127.0.0.1:9000'), proxyTo(), { handler: 'reverse_proxy' }] },
      ],
    },
  };

  it('has the handlers that send users to our addresses and to no other', () => {
    expect(findProxies(tree, AT).map(({ keys, colour }) => [keys.join('/'), colour])).toEqual([
      ['srv0/routes/0/handle/1', 'blue'],
      ['srv0/routes/2/handle/0/routes/0/handle/0', null],
    ]);
    expect(findProxies(proxyTo(AT.green), AT)).toMatchObject([{ keys: [], colour: 'green' }]);
    expect(listDials(tree)).toEqual([AT.blue, '127.0.0.1:9000', AT.green]);
  });

  it.each([[null], ['text'], [[]], [{}], [{ handler: 'reverse_proxy', upstreams: 'x' }]])(
    'has none in %j',
    (other) => {
      expect(findProxies(other, AT)).toEqual([]);
      expect(listDials(other)).toEqual([]);
    },
  );

  it('is changed in the addresses alone', () => {
    const upstreams = [{ dial: AT.blue, max_requests: 7 }];
    const handler = { ...proxyTo(), headers: { request: {} }, upstreams };
    expect(pointAt({ keys: [], handler, colour: 'blue' }, AT.green)).toEqual({
      handler: 'reverse_proxy',
      headers: { request: {} },
      upstreams: [{ dial: AT.green, max_requests: 7 }],
    });
  });
});

describe('the snippet of the Caddyfile', () => {
  it('is exactly this text', () => {
    const text = renderSnippet({ pipeline: 'shop', environment: 'prod' }, AT.green);
    expect(text).toBe(
      '# Written by Slipway for shop/prod. Change it with: slipway switch\nto 127.0.0.1:8082\n',
    );
    expect(readSnippet(text, AT)).toBe('green');
  });

  it.each([
    ['blue', '  to   http://127.0.0.1:8081 # now\n\n'],
    ['green', 'to 127.0.0.1:8082'],
    [null, 'to 127.0.0.1:8081 127.0.0.1:8082'],
    [null, 'to 127.0.0.1:8081\nlb_policy first'],
    [null, 'to 127.0.0.1:9'],
    [null, '# to 127.0.0.1:8081'],
    [null, ''],
  ] as const)('names %s in %j', (colour, text) => {
    expect(readSnippet(text, AT)).toBe(colour);
  });
});

describe("Caddy's admin API", () => {
  it('is asked in exactly these words', () => {
    const etag = '"/config/apps 12ab"';
    expect(buildPatch('http://localhost:2019', '/config/apps/x', etag, { dial: 'ü' }).split('\r\n')).toEqual([
      'PATCH /config/apps/x HTTP/1.0',
      'Host: localhost:2019',
      'Content-Type: application/json',
      'If-Match: "/config/apps 12ab"',
      'Content-Length: 13',
      '',
      '{"dial":"ü"}',
    ]);
  });

  it('answers in words that can be read', () => {
    const head = 'HTTP/1.0 412 Precondition Failed\r\nContent-Type: application/json\r\n\r\n';
    expect(readAnswer(`${head}{"error":"no"}\n`)).toEqual({ status: 412, body: { error: 'no' } });
    expect(readAnswer('HTTP/1.0 200 OK\r\nDate: x\r\n\r\n')).toEqual({ status: 200, body: null });
    expect(readAnswer('HTTP/1.1 200 OK\r\n\r\n')).toEqual({ status: 200, body: null });
    expect(readAnswer('')).toBeNull();
    expect(readAnswer('SSH-2.0-OpenSSH_9.2\r\n')).toBeNull();
  });
});

describe('an admin API that cuts connections off', () => {
  let server: net.Server;
  let asked = 0;
  afterEach(() => server.close());

  async function hostOf(cutsOff: number): Promise<{ host: Host; admin: string }> {
    asked = 0;
    server = net.createServer((socket) => {
      asked += 1;
      if (asked <= cutsOff) socket.resetAndDestroy();
      else socket.end('HTTP/1.1 200 OK\r\nEtag: "1"\r\nContent-Length: 7\r\n\r\n{"a":1}');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo;
    const connectFrom = (): Promise<net.Socket> => Promise.resolve(net.connect(port, '127.0.0.1'));
    return { host: { name: 'proxy', connectFrom } as unknown as Host, admin: `http://127.0.0.1:${port}` };
  }

  it('is asked again', async () => {
    const { host, admin } = await hostOf(3);
    expect(await readConfiguration(host, admin, '/config/')).toEqual({ tree: { a: 1 }, etag: '"1"' });
    expect(asked).toBe(4);
  });

  it('is named when it goes on', async () => {
    const { host, admin } = await hostOf(Infinity);
    await expect(readConfiguration(host, admin, '/config/')).rejects.toThrow(
      `proxy: Caddy's admin API ${admin} cuts connections off`,
    );
  });
});
