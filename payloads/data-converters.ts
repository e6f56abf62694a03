/** What worker, replay and client give to the SDK; and what goes into the workflows' bundle. */
import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
import { createPayloadCodec } from './payload-codec.js';
import type { PayloadKeys } from './payload-keys.js';

/** For clients, the worker's own included: they read failures as they are, and never write any. */
export function clientDataConverter(keys: PayloadKeys, namespace: string): DataConverter {
  return { payloadCodecs: [createPayloadCodec({ keys, namespace, refusals: 'throw' })] };
}

/** For workers and replays, beside a bundle made with `sealedBundleOptions`. Needs the compiled package. */
export function workerDataConverter(keys: PayloadKeys, namespace: string): DataConverter {
  const converters = fileURLToPath(new URL('./worker-side.js', import.meta.url));
  return {
    payloadCodecs: [createPayloadCodec({ keys, namespace, refusals: 'mark' })],
    payloadConverterPath: converters,
    failureConverterPath: converters,
  };
}

/** What `bundleWorkflowCode` needs besides the workflows. */
export function sealedBundleOptions(): {
  payloadConverterPath: string;
  failureConverterPath: string;
  workflowInterceptorModules: string[];
} {
  const converters = fileURLToPath(new URL('./workflow-side.js', import.meta.url));
  return {
    payloadConverterPath: converters,
    failureConverterPath: converters,
    workflowInterceptorModules: [converters],
  };
}
