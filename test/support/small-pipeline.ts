/** The text of a pipeline file with one environment, for commands that get no further than reading it. */
export const smallPipeline = (pipeline: string): string => `pipeline: ${pipeline}
image: {folder: app}
environments:
  prod:
    from: {branch: main}
    hosts: [local]
    platform: {command: "deploy {tag}"}
    url: http://127.0.0.1:1
    checks: [/health]
`;
