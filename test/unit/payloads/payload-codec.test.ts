/** What is sealed is opened by those with the key, in its place, unchanged; everything else is refused. */
import type { Payload, SerializationContext } from '@temporalio/common';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPayloadCodec } from '../../../payloads/payload-codec.js';
import { parsePayloadKeys, type PayloadKeys } from '../../../payloads/payload-keys.js';
import { openPayload, sealPayload, UnknownPayloadKey } from '../../../payloads/seal.js';
import { changeByte } from '../../support/change-byte.js';

const KEY = `a ${Buffer.alloc(32, 1).toString('base64')}`;
const keys = parsePayloadKeys(KEY, 'test');
const place = { kind: 'message', namespace: 'n', workflowId: 'w', activityId: '', run: '' } as const;
const workflow: SerializationContext = { type: 'workflow', namespace: 'n', workflowId: 'w' };
const activity = (activityId = '1', workflowId = 'w'): SerializationContext => ({
  type: 'activity',
  namespace: 'n',
  workflowId,
  activityId,
  isLocal: false,
});

function given(text: string, metadata: Record<string, string> = {}): Payload {
  const all = Object.entries({ encoding: 'json/plain', ...metadata });
  return {
    metadata: Object.fromEntries(all.map(([name, value]) => [name, Buffer.from(value)])),
    data: Buffer.from(JSON.stringify(text)),
  };
}

function codecOf(some: PayloadKeys, namespace = 'n', refusals: 'mark' | 'throw' = 'throw') {
  return createPayloadCodec({ keys: some, namespace, refusals });
}

async function sealedBy(
  context: SerializationContext | undefined,
  payload = given('x'),
  codec = codecOf(keys),
): Promise<Payload> {
  const [sealed] = await codec.encode([payload], context);
  if (sealed === undefined) throw new Error('nothing encoded');
  return sealed;
}

/** What a worker's workflow hands to the codec for an activity. */
const question = given('question', { 'slipway-from-workflow': '1', 'slipway-run': '7' });

describe('seal', () => {
  it('opens to what it was, whatever that was', () => {
    const metadata = fc.dictionary(fc.string(), fc.uint8Array());
    fc.assert(
      fc.property(metadata, fc.uint8Array({ maxLength: 5000 }), fc.string(), (fields, data, workflowId) => {
        const sealed = sealPayload(keys.active, { ...place, workflowId }, { metadata: fields, data });
        const opened = openPayload(keys, sealed);
        expect(opened.place).toEqual({ ...place, workflowId });
        expect(Buffer.from(opened.payload.data ?? [])).toEqual(Buffer.from(data));
        const plain = (of: Payload['metadata']) =>
          Object.entries(of ?? {}).map(([name, value]) => [name, [...value]]);
        expect(plain(opened.payload.metadata)).toEqual(plain(fields));
      }),
    );
  });

  it('never looks the same twice', () => {
    const once = sealPayload(keys.active, place, given('x'));
    expect(once.data).not.toEqual(sealPayload(keys.active, place, given('x')).data);
  });

  it('notices every changed bit', () => {
    const sealed = sealPayload(keys.active, place, given('the plan'));
    const data = Buffer.from(sealed.data ?? []);
    fc.assert(
      fc.property(fc.nat(data.length - 1), fc.integer({ min: 1, max: 255 }), (index, change) => {
        const tampered = changeByte(data, index, change);
        expect(() => openPayload(keys, { ...sealed, data: tampered })).toThrow('changed');
      }),
    );
    for (const length of [0, 11, 27, data.length - 1]) {
      expect(() => openPayload(keys, { ...sealed, data: data.subarray(0, length) })).toThrow(
        /changed|not a sealed/,
      );
    }
  });

  it.each([
    ['kind', { ...place, kind: 'workflow' }],
    ['namespace', { ...place, namespace: 'm' }],
    ['workflow', { ...place, workflowId: 'v' }],
    ['activity', { ...place, activityId: '1' }],
    ['run', { ...place, run: '1' }],
  ] as const)('notices a place whose %s was rewritten', (_, other) => {
    const sealed = sealPayload(keys.active, place, given('x'));
    const elsewhere = sealPayload(keys.active, other, given('x'));
    const moved = { ...sealed, metadata: elsewhere.metadata ?? {} };
    expect(() => openPayload(keys, moved)).toThrow('sealed for another place');
  });

  it.each([
    '',
    'null',
    '[]',
    '["message","n","w",""]',
    '["message","n","w","",1]',
    '["nowhere","n","w","",""]',
    '{',
  ])('takes no place like %s', (text) => {
    const sealed = sealPayload(keys.active, place, given('x'));
    const metadata = { ...sealed.metadata, 'slipway-place': Buffer.from(text) };
    expect(() => openPayload(keys, { ...sealed, metadata })).toThrow('not a sealed payload');
  });

  it('says which key is missing, and takes no other for it', () => {
    const sealed = sealPayload(keys.active, place, given('x'));
    const others = parsePayloadKeys(
      `b ${Buffer.alloc(32, 2).toString('base64')}\n${KEY.replace('a ', 'c ')}`,
      'test',
    );
    expect(() => openPayload(others, sealed)).toThrow(UnknownPayloadKey);
    expect(() => openPayload(others, sealed)).toThrow('"a"');
    const renamed = { ...sealed, metadata: { ...sealed.metadata, 'encryption-key-id': Buffer.from('c') } };
    expect(() => openPayload(others, renamed)).toThrow('changed');
  });

  it('opens with an older key, and seals with the newest', () => {
    const newer = parsePayloadKeys(`b ${Buffer.alloc(32, 2).toString('base64')}\n${KEY}`, 'test');
    const opened = openPayload(newer, sealPayload(keys.active, place, given('old')));
    expect(opened.payload).toEqual(given('old'));
    expect(() => openPayload(keys, sealPayload(newer.active, place, given('new')))).toThrow('"b"');
  });
});

describe('codec', () => {
  it('opens in its place only', async () => {
    const codec = codecOf(keys);
    const forWorkflow = await sealedBy(workflow);
    expect(await codec.decode([forWorkflow], workflow)).toMatchObject([{ data: given('x').data }]);
    for (const elsewhere of [{ ...workflow, workflowId: 'v' }, activity(), undefined]) {
      await expect(codec.decode([forWorkflow], elsewhere)).rejects.toThrow('another place');
    }
    const forActivity = await sealedBy(activity(), question);
    expect(await codec.decode([forActivity], activity())).toMatchObject([{ data: question.data }]);
    for (const elsewhere of [activity('2'), activity('1', 'v'), workflow, undefined]) {
      await expect(codec.decode([forActivity], elsewhere)).rejects.toThrow('another place');
    }
    await expect(codecOf(keys, 'm').decode([forWorkflow], workflow)).rejects.toThrow('another place');
  });

  it('takes plaintext for workflows, and not for activities', async () => {
    const codec = codecOf(keys);
    expect(await codec.decode([given('hello')], workflow)).toEqual([given('hello')]);
    await expect(codec.decode([given('hello')], activity())).rejects.toThrow('not sealed');
    const marking = codecOf(keys, 'n', 'mark');
    const [refused] = await marking.decode([given('hello')], activity());
    expect(Buffer.from(refused?.metadata?.['encoding'] ?? []).toString()).toBe('slipway/refused');
    expect(Buffer.from(refused?.data ?? []).toString()).toBe('not sealed');
  });

  it('lets nobody pretend to have been opened', async () => {
    const pretending = given('x', {
      'slipway-opened': 'plaintext',
      'slipway-from-workflow': '1',
      'slipway-run': '7',
    });
    expect(await codecOf(keys).decode([pretending], workflow)).toEqual([given('x')]);
  });

  it('takes plaintext from everywhere while the key file says so, and says that it did', async () => {
    const accepting = parsePayloadKeys(`accept-plaintext\n${KEY}`, 'test');
    const opened = await codecOf(accepting).decode([given('x')], activity());
    expect(opened).toEqual([given('x', { 'slipway-opened': 'plaintext' })]);
  });

  it('tells an answer from a heartbeat by the task it belongs to', async () => {
    const codec = codecOf(keys);
    const task = activity();
    await codec.decode([await sealedBy(activity(), question, codec)], task);
    const kindOf = (sealed: Payload) => Buffer.from(sealed.metadata?.['slipway-place'] ?? []).toString();
    expect(kindOf(await sealedBy(activity(), given('at 10'), codec))).toBe('["heartbeat","n","w","1","7"]');
    expect(kindOf(await sealedBy(activity('2'), given('at 10'), codec))).toBe('["heartbeat","n","w","2",""]');
    expect(kindOf(await sealedBy(task, given('answer'), codec))).toBe('["activity-result","n","w","1","7"]');
    // it has answered
    expect(kindOf(await sealedBy(activity(), given('at 10'), codec))).toBe('["heartbeat","n","w","1",""]');
  });

  it('hands on none of its marks, and keeps the rest', async () => {
    const sealed = await sealedBy(workflow, given('x', { 'slipway-opened': 'old', mine: 'kept' }));
    expect(openPayload(keys, sealed).payload).toEqual(given('x', { mine: 'kept' }));
  });

  it('throws for a key it has not got, whatever it does with refusals', async () => {
    const others = parsePayloadKeys(`b ${Buffer.alloc(32, 2).toString('base64')}`, 'test');
    const sealed = await sealedBy(workflow);
    for (const refusals of ['mark', 'throw'] as const) {
      await expect(codecOf(others, 'n', refusals).decode([sealed], workflow)).rejects.toThrow(
        UnknownPayloadKey,
      );
    }
  });
});
