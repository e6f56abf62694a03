import { describe, expect, it } from 'vitest';
import { giveShare } from '../../../activities/traffic/shares.js';
import {
  explainWeighted,
  readWeighted,
  weightedExample,
  writeWeighted,
  type WeightedService,
} from '../../../activities/traffic/traefik-text.js';

const SHOP: WeightedService = {
  serviceName: 'shop',
  services: { blue: 'shop-blue', green: 'shop-green' },
};

const FILE = `# ours
http:
  routers:
    shop: { rule: 'Host(\`shop.example.com\`)', service: shop }   # users
  services:
    # who has the traffic
    shop:
      weighted:
        services:
        - name: shop-blue   # now
          weight: 1

    shop-blue: &app
      loadBalancer: { servers: [{ url: "http://127.0.0.1:8081" }] }

    shop-green: { loadBalancer: { servers: [{ url: "http://127.0.0.1:8082" }] } }
`;

describe("Traefik's weighted service", () => {
  it('is rewritten, and nothing else in the file', () => {
    const green = writeWeighted(SHOP, FILE, giveShare('green'));
    expect(green).toBe(
      FILE.replace(
        '        - name: shop-blue   # now\n          weight: 1',
        '          [{ name: "shop-green", weight: 100 }]',
      ),
    );
    expect(readWeighted(SHOP, green)).toEqual(giveShare('green'));
    expect(explainWeighted(SHOP, green)).toBeNull();
    expect(readWeighted(SHOP, writeWeighted(SHOP, green, giveShare('blue')))).toEqual(giveShare('blue'));
    expect(writeWeighted(SHOP, green, giveShare('green'))).toBe(green);
  });

  it('splits users', () => {
    const text = writeWeighted(SHOP, FILE, giveShare('green', 5));
    expect(text).toContain('[{ name: "shop-blue", weight: 95 }, { name: "shop-green", weight: 5 }]');
    expect(readWeighted(SHOP, text)).toEqual({ blue: 95, green: 5 });
  });

  it.each([
    [0, '[{ name: shop-blue }]'],
    [100, '[{ name: shop-blue, weight: 0 }, { name: shop-green, weight: 3 }]'],
    [25, '[{ name: shop-blue, weight: 3 }, { name: shop-green, weight: 1 }]'],
    [null, '[{ name: shop-old, weight: 1 }]'],
    [null, '[{ name: shop-blue }, { name: shop-old }]'],
    [null, '[]'],
    [null, '[shop-blue]'],
    [null, '{ name: shop-blue }'],
  ] as const)('gives green %s of a hundred in %s', (percent, list) => {
    const text = `http: { services: { shop: { weighted: { services: ${list} } } } }`;
    expect(readWeighted(SHOP, text)).toEqual(percent === null ? null : giveShare('green', percent));
  });

  it.each([
    ['is not YAML', FILE.replace('routers:', 'routers: [')],
    ['is not YAML', '{{ range $i, $e := until 2 }}\nhttp: {}\n{{ end }}'],
    ['has no weighted service shop', FILE.replace('weighted:', 'failover:')],
    ['has no weighted service shop', ''],
    ['has no weighted service shop', '[http, services]'],
    ['has no service shop-green', FILE.replace('shop-green:', 'shop-teal:')],
  ])('%s', (problem, text) => {
    expect(explainWeighted(SHOP, text)).toMatch(problem);
    expect(readWeighted(SHOP, problem.includes('weighted') ? text : '')).toBeNull();
  });

  it('does not look for services of other providers', () => {
    const elsewhere = { ...SHOP, services: { blue: 'shop-blue@docker', green: 'shop-green@docker' } };
    expect(explainWeighted(elsewhere, FILE)).toBeNull();
    expect(readWeighted(elsewhere, writeWeighted(elsewhere, FILE, giveShare('green')))).toEqual(
      giveShare('green'),
    );
  });

  it('has an example that can be read', () => {
    expect(readWeighted(SHOP, weightedExample(SHOP))).toEqual(giveShare('blue'));
  });
});
