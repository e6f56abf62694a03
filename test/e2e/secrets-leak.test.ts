/**
 * Releases whose commands print every secret they are given, in several forms, while they fail and while they succeed:
 * nothing of it is in a history, a memo, a heartbeat, the log of the worker or on a screen.
 */
import { readFile, writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  setBadLuckScene,
  setBadLuckStage,
  type BadLuckScene,
  type BadLuckStage,
} from '../support/bad-luck-scene.js';
import { findLeaks, readDescriptions, readHistories, type Evidence } from '../support/leaks.js';
import { listen } from '../support/listen.js';
import { plantDecoy } from '../support/planted.js';
import { plantSecrets, type PlantedSecrets } from '../support/planted-secrets.js';
import { formsIn } from '../support/search-for-secrets.js';
import { findInTemporal } from '../support/search-temporal.js';

/** No secret: it must be found, or the search is blind. */
const DECOY = plantDecoy();

/** Said by a command on the host; the last of it is what a failure shows. */
const TELL = `
const tell = (value) => {
  console.log(value);
  console.log(Buffer.from(value).toString('base64'));
  console.log(Buffer.from('u:' + value).toString('base64'));
  console.error(encodeURIComponent(value));
};
for (const [name, value] of Object.entries(process.env)) if (name.startsWith('PLANTED_')) tell(value);
tell(${JSON.stringify(DECOY)});
if (process.argv[2] === 'last') console.log(process.env.PLANTED_VAULT);
`;

let planted: PlantedSecrets;
let stage: BadLuckStage;
let scene: BadLuckScene;
let connection: Connection;
let door: http.Server;
let url: string;
let doorStatus = 500;

beforeAll(async () => {
  planted = await plantSecrets();
  stage = await setBadLuckStage(planted.environment);
  scene = await setBadLuckScene(stage);
  await writeFile(path.join(stage.folder, 'tell.mjs'), TELL);
  // says in its answer what it was asked with, as a debugging page would
  door = http.createServer((request, response) => {
    response.writeHead(doorStatus).end(request.headers.authorization);
  });
  url = `http://127.0.0.1:${await listen(door)}`;
  connection = await Connection.connect({ address: stage.temporal });
});
afterAll(async () => {
  await connection.close();
  door.closeAllConnections();
  door.close();
  await scene.end();
  await stage.stop();
  await planted.remove();
});

interface Run {
  /** After the command has told all. */
  end: string;
  checks: string[];
  /** What the door answers. */
  status: number;
  /** Of `slipway release`. */
  exit: number;
}

const RUNS: Run[] = [
  { end: '&& exit 3', checks: ['door'], status: 200, exit: 3 },
  { end: 'last', checks: ['door'], status: 500, exit: 3 },
  { end: '', checks: ['red'], status: 200, exit: 3 },
  { end: 'last', checks: ['door', 'green'], status: 200, exit: 0 },
];

function pipelineFile({ end, checks }: Run): string {
  const references = Object.entries(planted.secrets).map(
    ([kind, { reference }]) => [`PLANTED_${kind.toUpperCase()}`, reference] as const,
  );
  const quick = { retries: 1, interval: '100ms', 'start-period': '0s' };
  const tell = `${process.execPath} ${stage.folder}/tell.mjs`;
  return JSON.stringify({
    pipeline: scene.pipeline,
    image: { folder: 'app' },
    checks: {
      door: { http: '/', 'basic-auth': planted.secrets.sops.reference, ...quick },
      red: { run: `${tell} && exit 1`, on: 'host', ...quick },
      green: { run: tell, on: 'host' },
    },
    environments: {
      prod: {
        from: [{ branch: '*' }],
        hosts: [scene.sshd.destination],
        ssh: { key: `file:${scene.sshd.keyPath}`, 'known-hosts': 'known_hosts' },
        timeout: '20s',
        url,
        secrets: Object.fromEntries(references),
        platform: { command: `${tell} ${end}`, inspect: 'echo something', restore: 'true' },
        checks,
      },
    },
  });
}

/** All that is seen of a release: on the server while it runs and afterwards, and on the screen. */
async function release(run: Run): Promise<Evidence[]> {
  await scene.repository.commit('feat: tell', {
    'app/a': '1',
    known_hosts: await readFile(scene.sshd.knownHostsPath, 'utf8'),
    'slipway.yaml': pipelineFile(run),
  });
  doorStatus = run.status;
  const client = new Client({ connection });
  const seen: Evidence[] = [];
  let over = false;
  const watch = async (): Promise<void> => {
    while (!over) seen.push(...(await readDescriptions(client)));
  };
  const watching = watch();
  const { out, err, exit } = await scene.run('release', '--to', 'prod').finally(() => (over = true));
  await watching;
  expect({ out, exit }).toMatchObject({ exit: run.exit });
  return [...seen, ...(await readHistories(client)), { place: 'screen', text: `${out}\n${err}` }];
}

test('no secret is where anybody could read it, and the search is not blind', async () => {
  const evidence: Evidence[] = [];
  for (const run of RUNS) evidence.push(...(await release(run)));
  const log = await readFile(path.join(stage.folder, 'worker', 'worker.log'), 'utf8');
  evidence.push({ place: 'worker.log', text: log });

  for (const { value } of Object.values(planted.secrets)) expect(findLeaks(evidence, value)).toEqual([]);
  for (const value of planted.ownSecrets) expect(findLeaks(evidence, value)).toEqual([]);

  const decoy = findLeaks(evidence, DECOY).join('\n');
  for (const form of ['plain', 'URL', 'base64']) {
    expect(decoy).toMatch(new RegExp(`^${form} in history of `, 'm'));
    expect(decoy).toMatch(new RegExp(`^${form} in screen`, 'm'));
  }
  expect(decoy).toMatch(/^JSON in worker\.log$/m);
  expect(decoy).toMatch(/ in description of /);
  // so does the search that is made of every run
  const everywhere = (await findInTemporal(stage.temporal, 'decoy')).join('\n');
  for (const form of ['plain', 'base64(?: after [12])?'])
    expect(everywhere).toMatch(new RegExp(`^${form} in .*\\.data of event \\d+ in history of `, 'm'));
  expect(everywhere).toMatch(/^plain in memo.* of the listed /m);
  expect(formsIn(log, 'decoy')).toContain('plain');

  // each of them had been there, and was taken out
  for (const { reference } of Object.values(planted.secrets))
    expect(findLeaks(evidence, `[${reference}]`)).not.toEqual([]);
});
