import { describe, expect, it } from 'vitest';
import { buildApplyArgv } from '../../../activities/traffic/apply-file.js';
import { readMapKey, readShownMap, writeMapKey } from '../../../activities/traffic/haproxy-map.js';
import { buildSocketArgv } from '../../../activities/traffic/proxy-socket.js';
import { readUpstream, renderUpstream, type UpstreamText } from '../../../activities/traffic/nginx-text.js';
import { giveShare } from '../../../activities/traffic/shares.js';
import { requireAddress, requirePath, requireWord } from '../../../activities/traffic/words.js';

const SHOP: UpstreamText = {
  upstreamName: 'shop-web',
  upstreams: { blue: '127.0.0.1:8081', green: '127.0.0.1:8082' },
  fence: { pipeline: 'shop', environment: 'prod' },
};

describe('the include file of nginx', () => {
  it('is exactly this text', () => {
    expect(renderUpstream(SHOP, giveShare('green')))
      .toBe(`# Written by Slipway for shop/prod. Change it with: slipway switch
map $host $shop_web_colour {
    default green;
}
upstream shop-web {
    server 127.0.0.1:8082;
}
`);
  });

  it.each(['blue', 'green'] as const)('names %s, whatever its layout and comments', (colour) => {
    const text = renderUpstream(SHOP, giveShare(colour));
    expect(readUpstream(SHOP, text)).toEqual(giveShare(colour));
    expect(
      readUpstream(SHOP, `# by hand\n${text.replaceAll(/\s*\n\s*/g, ' ').replace(/^#.*switch/, '')}`),
    ).toEqual(giveShare(colour));
  });

  it('splits users, and each answer says whose it is', () => {
    const text = renderUpstream(SHOP, giveShare('green', 25));
    expect(text).toBe(`# Written by Slipway for shop/prod. Change it with: slipway switch
map $upstream_addr $shop_web_colour {
    default "";
    "~(^|, )127\\.0\\.0\\.1:8081$" blue;
    "~(^|, )127\\.0\\.0\\.1:8082$" green;
}
upstream shop-web {
    server 127.0.0.1:8081 weight=75;
    server 127.0.0.1:8082 weight=25;
}
`);
    expect(readUpstream(SHOP, text)).toEqual({ blue: 75, green: 25 });
    expect(readUpstream(SHOP, text.replace('weight=75', 'weight=70'))).toBeNull();
  });

  it('is understood as first written by hand, with the upstream alone', () => {
    expect(readUpstream(SHOP, 'upstream shop-web { server 127.0.0.1:8081; }')).toEqual(giveShare('blue'));
  });

  it.each([
    ['another server', 'upstream shop-web { server 127.0.0.1:9; }'],
    ['one server more', 'upstream shop-web { server 127.0.0.1:8081; server 127.0.0.1:8082; }'],
    ['another upstream', 'upstream other { server 127.0.0.1:8081; }'],
    [
      'colours that disagree',
      renderUpstream(SHOP, giveShare('blue')).replace('default blue', 'default green'),
    ],
    ['nothing', ''],
  ])('is nobody’s with %s', (_, text) => {
    expect(readUpstream(SHOP, text)).toBeNull();
  });

  it('refuses an upstream that is more than an address', () => {
    const upstreams = { ...SHOP.upstreams, green: '127.0.0.1:8082; } evil {' };
    expect(() => renderUpstream({ ...SHOP, upstreams }, giveShare('green'))).toThrow(
      /traffic\.upstreams\.green/,
    );
  });
});

describe('the map file of HAProxy', () => {
  const map = '# shared\nshop shop_blue\n\ndocs  docs_green\n';

  it('keeps comments and other keys', () => {
    expect(writeMapKey(map, 'shop', 'shop_green')).toBe('# shared\nshop shop_green\n\ndocs  docs_green\n');
    expect(writeMapKey(map, 'new', 'new_blue')).toBe(`${map}new new_blue\n`);
    expect(writeMapKey('', 'shop', 'shop_blue')).toBe('shop shop_blue\n');
    expect(writeMapKey('a b', 'shop', 'shop_blue')).toBe('a b\nshop shop_blue\n');
  });

  it('is read as HAProxy reads it', () => {
    expect(readMapKey(map, 'docs')).toBe('docs_green');
    expect(readMapKey(map, 'shared')).toBeNull();
    expect(readMapKey('shop\n', 'shop')).toBeNull();
    expect(readMapKey('shop first\nshop second\n', 'shop')).toBe('first');
  });

  it('is read from the answer of the running process', () => {
    const shown = '0x55d1c8f0 docs docs_blue\n0x55d1c8f1 shop shop_green\n\n';
    expect(readShownMap(shown, 'shop')).toBe('shop_green');
    expect(readShownMap(shown, 'none')).toBeNull();
  });
});

describe('commands', () => {
  it('change a file under the lock of its folder', () => {
    const argv = buildApplyArgv({
      file: '/etc/nginx/slipway/shop.conf',
      present: 'old',
      wanted: 'new',
      testCommand: 'nginx -t',
      applyArgv: ['sh', '-c', 'nginx -s reload'],
    });
    expect(argv.with(9, 'SCRIPT')).toEqual([
      ...['flock', '--close', '--conflict-exit-code', '95', '--wait', '20', '/etc/nginx/slipway'],
      ...['sh', '-c', 'SCRIPT', 'slipway', '/etc/nginx/slipway/shop.conf'],
      'cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4',
      '11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437',
      ...['', 'nginx -t', 'sh', '-c', 'nginx -s reload'],
    ]);
    expect(
      buildApplyArgv({ file: '/a/b', present: null, wanted: '', testCommand: null, applyArgv: [] })[12],
    ).toBe('absent');
  });

  it('speak to HAProxy in one line', () => {
    expect(buildSocketArgv('/run/haproxy.sock', ['show backend', 'show map /m']).slice(3)).toEqual([
      'slipway',
      '/run/haproxy.sock',
      'show backend; show map /m',
    ]);
  });
});

describe('words of the pipeline file', () => {
  it.each([
    [requireWord, 'shop_blue'],
    [requireWord, 'shop.example.com'],
    [requirePath, '/etc/haproxy/shop.map'],
    [requireAddress, '127.0.0.1:80'],
    [requireAddress, '[::1]:80'],
  ])('%o lets %s through', (check, text) => {
    expect(check(text, 'key')).toBe(text);
  });

  it.each([
    [requireWord, 'a b'],
    [requireWord, 'a;b'],
    [requireWord, ''],
    [requireWord, 'a\nb'],
    [requirePath, 'relative'],
    [requirePath, '/a b'],
    [requirePath, '/a;shutdown sessions'],
    [requireAddress, 'host'],
    [requireAddress, 'host:80;'],
    [requireAddress, 'host:'],
  ])('%o refuses %j', (check, text) => {
    expect(() => check(text, 'traffic.key')).toThrow(/traffic\.key/);
  });
});
