/** What helm is called with, and what is read of what it renders. */
import { expect, test } from 'vitest';
import {
  rollbackArgv,
  templateArgv,
  uninstallArgv,
  upgradeArgv,
} from '../../../activities/platforms/helm-cli.js';
import { missingImages, readManifest } from '../../../activities/platforms/helm-manifest.js';

const OF = { release: 'shop', namespace: 'web' };
const SET = ['--set-string', 'image.tag=v1@sha256:aa'];
const IMAGE = `cr.io/app@sha256:${'b'.repeat(64)}`;

test('the commands, word for word', () => {
  expect(upgradeArgv(OF, '/c', SET, 'slipway shop/prod change 7 to v1').join(' ')).toBe(
    'helm upgrade --install shop /c --namespace web --set-string image.tag=v1@sha256:aa --description slipway shop/prod change 7 to v1',
  );
  expect(templateArgv(OF, '/c', SET).join(' ')).toBe(
    'helm template shop /c --namespace web --is-upgrade --set-string image.tag=v1@sha256:aa',
  );
  expect(rollbackArgv(OF, 3).join(' ')).toBe('helm rollback shop 3 --namespace web');
  expect(uninstallArgv(OF).join(' ')).toBe('helm uninstall shop --namespace web');
});

function manifest(image: string): string {
  return `
---
# Source: app/templates/config.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: other}
---
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec: {template: {spec: {containers: [{name: db, image: "${image}"}]}}}
`;
}

test('workloads and namespaces of a manifest', () => {
  expect(readManifest(manifest('cr.io/app:v1'), 'web')).toEqual({
    workloads: [
      {
        name: { kind: 'statefulset', name: 'db', namespace: 'web' },
        containers: [{ name: 'db', image: 'cr.io/app:v1' }],
      },
    ],
    namespaces: ['other'],
  });
});

test.each([
  [IMAGE, []],
  [IMAGE.replace('@', ':v1@'), []],
  ['cr.io/app:v1', [IMAGE]],
  [IMAGE.replace('app@', 'other@'), [IMAGE]],
])('a release is in a manifest by its digest only: %s', (image, missing) => {
  expect(missingImages(readManifest(manifest(image), 'web'), [IMAGE])).toEqual(missing);
});
