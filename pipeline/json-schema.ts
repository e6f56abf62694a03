/** JSON Schema (draft 2020-12) for editors, from the same source as the loader. */
import { z } from 'zod';
import { pipelineFile } from './pipeline-file.js';
import { policyFile } from './policy-file.js';
import { jsonShapeOf, type JsonShape } from './schema-words.js';

type Json = z.core.JSONSchema.BaseSchema;

const SCHEMA_ID = 'https://slipway.dev/schema/v1.json';
const POLICY_SCHEMA_ID = 'https://slipway.dev/schema/policy-v1.json';

/** As `jsonSchema`, for `policy.yaml`. */
export function policyJsonSchema(): Json {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: POLICY_SCHEMA_ID,
    title: 'policy.yaml',
    ...toJson(policyFile),
  };
}

/** A new object on each call; print it with `JSON.stringify(jsonSchema(), null, 2)`. */
export function jsonSchema(): Json {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: SCHEMA_ID,
    title: 'slipway.yaml',
    ...toJson(pipelineFile),
  };
}

function toJson(schema: z.ZodType): Json {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema: node }) => {
      const shape = jsonShapeOf(zodSchema);
      if (shape !== null) Object.assign(node, describeShape(shape));
      const closed = node.type === 'object' && node.additionalProperties === false;
      if (closed) node.patternProperties = { ...node.patternProperties, '^x-': {} };
    },
  });
  const { $schema: _, '~standard': __, ...rest } = json as Json & { '~standard'?: unknown };
  return rest;
}

function describeShape(shape: JsonShape): Json {
  switch (shape.form) {
    case 'closed':
      return toJson(shape.schema);
    case 'anyOf':
      return { anyOf: shape.options.map(toJson) };
    case 'oneOf':
      return { oneOf: shape.options.map(toJson) };
    case 'map':
      return {
        type: 'object',
        patternProperties: { '^x-': {}, [withoutExtensions(shape.keys)]: toJson(shape.values) },
        additionalProperties: false,
      };
  }
}

/** Both patterns apply to a key that matches both, so the names leave extensions out. */
function withoutExtensions(keys: RegExp): string {
  return `^(?!x-)${keys.source.slice(1)}`;
}
