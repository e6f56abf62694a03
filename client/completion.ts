/** Completion scripts, generated from the same specifications as the parser. */
import { type CommandSpec, GLOBAL_OPTIONS } from './command.js';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export function isShell(text: string): text is Shell {
  return SHELLS.some((shell) => shell === text);
}

export function writeCompletion(shell: Shell, commands: CommandSpec[]): string {
  const words = listWords(commands);
  switch (shell) {
    case 'bash':
      return writeBash(words);
    case 'zsh':
      return writeZsh(words);
    case 'fish':
      return writeFish(words);
  }
}

interface Words {
  name: string;
  summary: string;
  flags: { flag: string; summary: string; takesValue: boolean }[];
}

function listWords(commands: CommandSpec[]): Words[] {
  return commands.map(({ name, summary, options }) => ({
    name,
    summary,
    flags: [...options, ...GLOBAL_OPTIONS, { flags: '--help', summary: 'explains itself' }].map((option) => ({
      flag: option.flags.split(/[ ,]/).find((word) => word.startsWith('--')) ?? option.flags,
      summary: option.summary,
      takesValue: option.flags.includes('<'),
    })),
  }));
}

/** Environments come from the file in the working folder: no network while a person presses Tab. */
const ENVIRONMENTS = String.raw`awk '/^environments:/{inside=1;next} /^[^ #]/{inside=0} inside&&/^  [A-Za-z0-9_-]+:/{sub(/:.*/,"");gsub(/ /,"");print}' slipway.yaml 2>/dev/null`;

function writeBash(words: Words[]): string {
  const cases = words.map(
    ({ name, flags }) => `    ${name}) flags="${flags.map(({ flag }) => flag).join(' ')}" ;;`,
  );
  return `# slipway completion for bash: source <(slipway completion bash)
_slipway() {
  local word="\${COMP_WORDS[COMP_CWORD]}" command="\${COMP_WORDS[1]}" flags=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${words.map(({ name }) => name).join(' ')} --help --version" -- "$word"))
    return
  fi
  case "$command" in
${cases.join('\n')}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) COMPREPLY=($(compgen -W "$(${ENVIRONMENTS})" -- "$word")) ;;
  esac
}
complete -o default -F _slipway slipway
`;
}

function writeZsh(words: Words[]): string {
  const commands = words.map(({ name, summary }) => `    ${quoteZsh(`${name}:${summary}`)}`);
  const cases = words.map(({ name, flags }) => {
    const specs = flags.map(({ flag, summary, takesValue }) =>
      quoteZsh(`${flag}[${summary.replaceAll(/[[\]:]/g, ' ')}]${takesValue ? ':value:' : ''}`),
    );
    return `    ${name}) _arguments ${specs.join(' ')} '*:environment:_slipway_environments' ;;`;
  });
  return `#compdef slipway
# slipway completion for zsh: slipway completion zsh > "\${fpath[1]}/_slipway"
_slipway_environments() {
  local -a names
  names=(\${(f)"$(${ENVIRONMENTS})"})
  compadd -a names
}
_slipway() {
  local -a commands
  commands=(
${commands.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe 'command' commands
    return
  fi
  local command="\${words[2]}"
  shift words
  (( CURRENT-- ))
  case "$command" in
${cases.join('\n')}
  esac
}
compdef _slipway slipway
`;
}

function writeFish(words: Words[]): string {
  const lines = [
    '# slipway completion for fish: slipway completion fish > ~/.config/fish/completions/slipway.fish',
    `function __slipway_environments; ${ENVIRONMENTS}; end`,
    'complete -c slipway -f',
  ];
  for (const { name, summary, flags } of words) {
    lines.push(`complete -c slipway -n __fish_use_subcommand -a ${name} -d ${quoteFish(summary)}`);
    const when = `-n '__fish_seen_subcommand_from ${name}'`;
    for (const { flag, summary: what, takesValue } of flags) {
      lines.push(
        `complete -c slipway ${when} -l ${flag.slice(2)}${takesValue ? ' -r' : ''} -d ${quoteFish(what)}`,
      );
    }
    lines.push(`complete -c slipway ${when} -a '(__slipway_environments)'`);
  }
  return `${lines.join('\n')}\n`;
}

function quoteZsh(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function quoteFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
