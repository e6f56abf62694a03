/** Files that are refused, each for what is wrong in it. */
import { describe, expect, it } from 'vitest';
import { renderFileError } from '../../../pipeline/file-error.js';
import { SMALL, inProd, loadBad, small } from './given.js';

/** `[what is wrong, the file, what the message must say, the suggestion]` */
const BAD: [string, string, RegExp, (string | null)?][] = [
  ['an unknown key', small('image:', 'imgae:'), /imgae: no such key/, 'image'],
  ['a camelCase key', inProd('onFailure: undo'), /onFailure: no such key/, 'on-failure'],
  ['an underscored key', inProd('keep_warm: 1h'), /keep_warm: no such key/, 'keep-warm'],
  [
    'a key of another kind',
    `${SMALL}checks: {a: {tcp: "redis:6379", status: 200}}\n`,
    /belongs to http, not to tcp/,
  ],
  ['a duplicate key', inProd('url: https://two.example.com'), /here twice/],
  ['a duplicate environment', `${SMALL}  prod: {}\n`, /here twice/],
  ['a duplicate in a list', small('[/health]', '[/health, /health]'), /\/health is in this list twice/],
  [
    'two kinds',
    small('{swarm: shop_web}', '{swarm: shop_web, stack: a.yml}'),
    /one kind, but this one says swarm and stack/,
  ],
  [
    'two image forms',
    small('image: ghcr.io/acme/shop', 'image: {repository: ghcr.io/a/b, folder: site}'),
    /repository and folder/,
  ],
  ['no kind', small('{swarm: shop_web}', '{swram: shop_web}'), /swram: a platform has no kind/, 'swarm'],
  [
    'an empty kind',
    small('{swarm: shop_web}', '{}'),
    /a platform has no kind; one of its keys must be swarm, stack, command/,
  ],
  ['a kind as text', small('{swarm: shop_web}', 'swarm'), /must be a map of keys, but is text/],
  [
    'a check that is not defined',
    small('[/health]', '[helth]'),
    /no check is called helth; this file defines no check/,
  ],
  [
    'a check that is misspelt',
    `${small('[/health]', '[helth]')}checks: {health: {http: /health}}\n`,
    /no check is called helth/,
    'health',
  ],
  ['a check called like a built-in', small('[/health]', '[constructor]'), /no check is called constructor/],
  ['a gate that is not defined', inProd('gates: [ci]'), /no gate is called ci/],
  [
    'a release gate that is not defined',
    `${SMALL}release: {gates: [ci]}\n`,
    /release\.gates\[0\]: no gate is called ci/,
  ],
  [
    'notify for an unknown environment',
    `${SMALL}notify: [{slack: env:S, environments: [prd]}]\n`,
    /no environment is called prd/,
    'prod',
  ],
  ['after an unknown environment', inProd('after: stage'), /no environment is called stage/],
  ['after itself', inProd('after: prod'), /goes in a circle: prod after prod/],
  [
    'a cycle in after',
    `${inProd('after: b')}  a: {from: {branch: a}, after: prod}\n  b: {from: {branch: b}, after: a}\n`,
    /circle: prod after b after a after prod/,
  ],
  ['a duration without unit', inProd('timeout: "30"'), /"30" is not a duration/, '30s'],
  ['a duration as number', inProd('timeout: 30'), /: 30 is not a duration; write 500ms, 10s/, '30s'],
  ['no duration of an odd number', inProd('timeout: 1.5'), /: 1.5 is not a duration; write/, null],
  ['a share as number', inProd('bake: {for: 1m, max-errors: 1}'), /: 1 is no share; write 1%/, '1%'],
  [
    'shares as numbers',
    inProd('traffic: {haproxy: /a.sock, upstreams: {blue: "h:1", green: "h:2"}, steps: [5, 25, 100]}'),
    /: 5 is not a percentage; write 1% to 100%/,
    '5%',
  ],
  ['a share without a sign', inProd('bake: {for: 1m, max-errors: "1"}'), /"1" is no share; write 1%/, null],
  [
    'a pattern without an end',
    `${SMALL}checks: {l: {logs: "("}}\n`,
    /is no regular expression .*missing closing \)/,
    null,
  ],
  [
    'a pattern that looks ahead',
    `${SMALL}checks: {l: {logs: "ERROR(?!:)"}}\n`,
    /no look-around.*`\(\?!`/,
    null,
  ],
  ['a duration in words', inProd('timeout: 5 minutes'), /is not a duration/, '5m'],
  ['a negative duration', inProd('timeout: "-5m"'), /is not a duration/, null],
  ['a fractional duration', inProd('timeout: 1.5h'), /is not a duration/, null],
  ['a duration of two units', inProd('timeout: 1h30m'), /is not a duration/, null],
  ['a duration for ever long', inProd('timeout: 999999999d'), /is not a duration/, null],
  ['a bad size', inProd('preflight: {disk: 2 gigs}'), /is not a size/],
  ['an unknown template name', `${SMALL}tags: ["{sah7}"]\n`, /\{sah7\} is no template name here/, '{sha7}'],
  [
    'a template name of elsewhere',
    inProd('host-log: "/var/log/{digest}.log"'),
    /\{digest\} is no template name here; known here: pipeline/,
  ],
  [
    'an unquoted template',
    `${SMALL}tags: [{sha7}]\n`,
    /must be text, but is a map; put quotes around "\{sha7\}"/,
  ],
  ['a template as key', inProd('secrets: {{environment}: env:A}'), /a key must be a plain word/],
  [
    '{colour} without colours',
    small('{swarm: shop_web}', '{stack: "deploy/{colour}.yml"}'),
    /\{colour\} has no value without strategy: blue-green/,
  ],
  [
    'a literal registry password',
    `${SMALL}registry: {username: ci, password: s3cret}\n`,
    /a secret is never written/,
  ],
  [
    'a literal environment secret',
    inProd('secrets: {DATABASE_URL: "postgres://u:p@db"}'),
    /a secret is never written/,
  ],
  [
    'a literal ssh key',
    inProd('ssh: {key: "-----BEGIN OPENSSH PRIVATE KEY-----"}'),
    /a secret is never written/,
  ],
  [
    'a literal webhook',
    `${SMALL}notify: [{slack: "https://hooks.slack.com/x"}]\n`,
    /a secret is never written/,
  ],
  ['literal basic auth', `${SMALL}checks: {h: {http: /h, basic-auth: "a:b"}}\n`, /a secret is never written/],
  ['a malformed reference', inProd('secrets: {A: "env:NOT A NAME"}'), /is not a secret reference/],
  ['a relative file reference', inProd('secrets: {A: file:secret}'), /is not a secret reference/],
  [
    'production sharing a secret',
    `${inProd('production: true\nsecrets: {DB: env:DB}')}  dev:
    from: {branch: dev}
    hosts: [a.example.com]
    platform: {swarm: web}
    url: https://dev.example.com
    checks: [/health]
    secrets: {DATABASE: env:DB}
`,
    /prod is production and shares env:DB with dev/,
  ],
  [
    'production sharing an ssh key through defaults',
    `defaults: {ssh: {key: env:KEY}}\n${inProd('production: true')}  dev:
    from: {branch: dev}
    hosts: [a.example.com]
    platform: {swarm: web}
    url: https://dev.example.com
    checks: [/health]
`,
    /defaults\.ssh\.key: prod is production and shares env:KEY with dev/,
  ],
  [
    'an image with a command in it',
    small('ghcr.io/acme/shop', '"ghcr.io/acme/shop;rm -rf /"'),
    /is no image repository/,
  ],
  [
    'an image with a substitution',
    small('ghcr.io/acme/shop', 'ghcr.io/$(id)/shop'),
    /is no image repository/,
  ],
  [
    'an image that looks like an option',
    small('ghcr.io/acme/shop', '--privileged'),
    /is no image repository/,
  ],
  [
    'an image with a tag',
    small('ghcr.io/acme/shop', 'ghcr.io/acme/shop:latest'),
    /name only the repository/,
    'ghcr.io/acme/shop',
  ],
  ['an image in upper case', small('ghcr.io/acme/shop', 'ghcr.io/Acme/shop'), /lower case/],
  [
    'a branch pattern with metacharacters',
    small('branch: main', 'branch: "main;id"'),
    /no pattern of branch or tag names/,
  ],
  ['a host with metacharacters', small('deploy@shop.example.com', '"a.example.com;id"'), /is no host/],
  ['a host that looks like an option', small('deploy@shop.example.com', '"-oProxyCommand=id"'), /is no host/],
  ['a service with metacharacters', small('shop_web', '"web;id"'), /is no service/],
  [
    'a stack file outside the repository',
    small('{swarm: shop_web}', '{stack: ../stack.yml}'),
    /path inside the repository/,
  ],
  [
    'an absolute stack file',
    small('{swarm: shop_web}', '{stack: /etc/passwd}'),
    /path inside the repository/,
  ],
  [
    'a url with credentials',
    small('https://shop.example.com', 'https://user:pw@shop.example.com'),
    /without credentials/,
  ],
  ['a tag template with metacharacters', `${SMALL}tags: ["{sha7};id"]\n`, /is no image tag/],
  ['no environments', 'pipeline: shop\nimage: ghcr.io/a/b\n', /environments: is missing/],
  [
    'empty environments',
    'pipeline: shop\nimage: ghcr.io/a/b\nenvironments: {}\n',
    /at least one environment/,
  ],
  [
    'environments left empty',
    'pipeline: shop\nimage: ghcr.io/a/b\nenvironments:\n',
    /must be a map of keys, but is empty/,
  ],
  ['no pipeline', SMALL.replace('pipeline: shop\n', ''), /pipeline: is missing/],
  [
    'a number as pipeline',
    small('pipeline: shop', 'pipeline: 7'),
    /must be text, but is the number 7; put it in quotes/,
  ],
  [
    'a pipeline name with a slash',
    small('pipeline: shop', 'pipeline: a/b'),
    /must be a name of lower-case letters/,
  ],
  ['an environment name in upper case', small('  prod:', '  Prod:'), /is no name for an environment/],
  ['no image', SMALL.replace('image: ghcr.io/acme/shop\n', ''), /image is missing/],
  [
    'an SBOM by no image',
    small('ghcr.io/acme/shop', '{repository: ghcr.io/acme/shop, sbom: "--rm x"}'),
    /sbom: must be true, false or the image of a scanner/,
  ],
  ['image and images', `${SMALL}images: {a: ghcr.io/a/b}\n`, /stands beside image/],
  ['no from', SMALL.replace('    from: {branch: main}\n', ''), /environments\.prod\.from: is missing/],
  ['no platform', SMALL.replace('    platform: {swarm: shop_web}\n', ''), /platform is missing/],
  ['no checks', SMALL.replace('    checks: [/health]\n', ''), /checks is missing/],
  ['no checks in the list', small('[/health]', '[]'), /must not be an empty list/],
  [
    'no hosts',
    SMALL.replace('    hosts: [deploy@shop.example.com]\n', ''),
    /hosts is missing: swarm needs at least one/,
  ],
  [
    'no url',
    SMALL.replace('    url: https://shop.example.com\n', ''),
    /url is missing: the check \/health needs it/,
  ],
  [
    'blue-green without traffic',
    small('{swarm: shop_web}', '{stack: "s-{colour}.yml"}\n    strategy: blue-green'),
    /blue-green needs traffic/,
  ],
  ...(
    [
      ['steps that shrink', 'steps: [25%, 5%, 100%]', /must grow from step to step and end with 100%/],
      ['steps that end early', 'steps: [5%, 25%]', /must grow from step to step and end with 100%/],
      ['steps without anything to watch', 'steps: [5%, 100%]', /needs bake/],
      ['a share that is none', 'steps: [0%, 100%]', /"0%" is not a percentage/],
      ['a share without percent', 'steps: [5, 100]', /steps/],
      ['a time for no steps', 'each: 5m', /is how long each of the steps is watched; say steps/],
    ] as const
  ).map(([what, keys, message]): [string, string, RegExp] => [
    what,
    inProd(`traffic: {nginx: /a.conf, upstreams: {blue: "h:1", green: "h:2"}, ${keys}}`),
    message,
  ]),
  [
    'steps where the proxy cannot split users',
    inProd('traffic: {caddy: /a, upstreams: {blue: "h:1", green: "h:2"}, steps: [5%, 100%]}'),
    /is for nginx with upstreams and traefik with services/,
  ],
  [
    'a snippet for a Caddy that reads a file',
    inProd('traffic: {caddy: /a, upstreams: {blue: "h:1", green: "h:2"}, file: /b}'),
    /is for an admin address/,
  ],
  [
    'a Caddy with TLS',
    inProd('traffic: {caddy: "https://h:2019", upstreams: {blue: "h:1", green: "h:2"}}'),
    /must be a file on the host, or an address such as http:/,
  ],
  [
    'traffic in place',
    inProd('strategy: in-place\ntraffic: {nginx: /etc/nginx/a.conf}'),
    /has no colours to switch between/,
  ],
  [
    'a swarm service with colours',
    inProd('traffic: {nginx: /etc/nginx/a.conf}'),
    /updated in place; blue-green needs a stack per colour/,
  ],
  ...(
    [
      [
        'one release of a chart',
        '{helm: charts/app, release: shop}',
        /platform\.release: needs \{colour\}.*shop-\{colour\}/,
      ],
      ['one deployment', '{kubernetes: deployment/app}', /platform\.kubernetes: needs \{colour\}/],
      ['a daemonset', '{kubernetes: "daemonset/app-{colour}"}', /a daemonset runs on every node/],
    ] as const
  ).map(([what, platform, message]): [string, string, RegExp] => [
    `${what} for two colours`,
    small('{swarm: shop_web}', `${platform}\n    traffic: {nginx: /etc/nginx/a.conf}`),
    message,
  ]),
  [
    'one stack for two colours',
    small('{swarm: shop_web}', '{stack: s.yml, name: shop}\n    traffic: {nginx: /etc/nginx/a.conf}'),
    /platform\.name: needs \{colour\}/,
  ],
  [
    'the same upstream twice',
    small(
      '{swarm: shop_web}',
      '{stack: s.yml}\n    traffic: {nginx: /a.conf, upstreams: {blue: "h:1", green: "h:1"}}',
    ),
    /green: is the same as blue/,
  ],
  ['keep-warm in place', inProd('keep-warm: 1h'), /only an old colour can be kept warm/],
  [
    'a header and the body',
    inProd('traffic: {nginx: /a.conf, confirm: {header: X-C, body: true}}'),
    /from a header or from the body/,
  ],
  [
    'prometheus without a limit',
    `${SMALL}checks: {p: {prometheus: up, server: "http://p:9090"}}\n`,
    /needs max, min or max-increase/,
  ],
  ['a wrong word', inProd('queue: lifo'), /queue: must be newest or fifo/],
  ['yes instead of true', inProd('production: yes'), /must be true or false, but is text/],
  ['too many approvals', inProd('approvals: 99'), /must be at most 20/],
  ['approvals as text', inProd('approvals: two'), /must be a number of approvals or a list of rules/],
  ['a window on no day', inProd('window: {days: Monday, hours: 09:00-17:00}'), /days such as Mon-Thu/],
  [
    'an unknown time zone',
    inProd('window: {days: Mon, hours: 09:00-17:00, zone: Mars/Base}'),
    /is no time zone/,
  ],
  ['production in defaults', `${SMALL}defaults: {production: true}\n`, /defaults\.production: no such key/],
];

describe('bad input', () => {
  it.each(BAD)('%s', (_what, text, says, suggestion) => {
    const errors = loadBad(text);
    expect(errors.map(renderFileError).join('\n')).toMatch(says);
    for (const error of errors) {
      expect(error.line).toBeGreaterThan(0);
      expect(error.snippet).toContain('^');
    }
    const suggestions = errors.map((error) => error.suggestion);
    expect(suggestions).toContain(suggestion === undefined ? suggestions[0] : suggestion);
  });
});
