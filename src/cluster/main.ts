// The `proa` command. Each subcommand's code is loaded only when it runs: start-up time counts.
import { Command, Option } from 'commander';
import { RELEASE } from '#api/build.ts';
import { keepAlive } from '#base/keep-alive.ts';
import { CommandError, plainly } from './commands/command-error.ts';
import { addPlaceFlags, addSettingFlags, AGENT_SETTINGS, SERVER_SETTINGS } from './commands/command-line.ts';
import { commandFor } from './commands/other-names.ts';
import { type ComponentDescription, type ComponentFlag, type ComponentName, COMPONENTS } from './components/component-flags.ts';
import { API_SERVER_SETTINGS } from './settings/api-server.ts';
import { uncaughtInSources } from './source-lines.ts';
import { PROA_VERSION } from './version.ts';

type Options = Record<string, string | undefined>;

/** A switch may stand alone, as upstream's do. */
function componentOption({ name, argument, description, fallback }: ComponentFlag): Option {
  const text = fallback === undefined || fallback === '' ? description : `${description} (default: ${fallback})`;
  return argument === undefined ? new Option(`--${name} [BOOL]`, text).preset('true') : new Option(`--${name} <${argument}>`, text);
}

/** As it is typed, with those it belongs to. */
const nameOf = (command: Command): string => (command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`);

const program = new Command('proa')
  .description('A complete Kubernetes v1.36: a cluster on this machine with one command.')
  .version(`proa ${PROA_VERSION} (Kubernetes ${RELEASE})`, '-v, --version')
  .enablePositionalOptions()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'proa: ')) });
program.on('command:*', (words: readonly string[], flags: readonly string[]) => {
  const instead = commandFor([...words, ...flags]);
  throw new CommandError(`${words[0]} is no command of proa: ${instead === undefined ? 'see proa --help' : `try ${instead}`}`);
});

addSettingFlags(program.command('up'))
  .description('make or start the cluster of this machine and wait until it is ready')
  .option('-y, --yes', 'install missing Debian packages without asking')
  .action(async (options: Options) => (await import('./commands/up.ts')).up(options));

addPlaceFlags(program.command('down'))
  .description('stop the cluster; its state stays')
  .action(async (options: Options) => (await import('./commands/down.ts')).down(options));

addPlaceFlags(program.command('reset'))
  .description('stop the cluster and remove all it made: state, mounts, interfaces, rules, cgroups')
  .option('-y, --yes', 'do not ask')
  .action(async (options: Options) => (await import('./commands/reset.ts')).reset(options));

addPlaceFlags(program.command('status'))
  .description('show whether the cluster runs, and how its parts are')
  .action(async (options: Options) => (await import('./commands/status.ts')).status(options));

addPlaceFlags(program.command('kubeconfig'))
  .description("print the administrator's kubeconfig")
  .action(async (options: Options) => (await import('./commands/kubeconfig.ts')).kubeconfig(options));

addPlaceFlags(program.command('logs'))
  .description('print the log of the cluster process')
  .option('-f, --follow', 'go on with what it says from now on')
  .option('--containerd', "containerd's log instead")
  .action(async (options: Options) => (await import('./commands/logs.ts')).logs(options));

addPlaceFlags(program.command('why'))
  .description('tell why a pod does not run or is not ready, and what would change that')
  .argument('<pod>', 'pod/NAME')
  .option('-n, --namespace <NAME>', "the pod's namespace (default: that of the kubeconfig)")
  .option('-o, --output <FORMAT>', 'text or json', 'text')
  .option('--kubeconfig <FILE>', "of another user or cluster (default: the administrator's)")
  .action(async (pod: string, options: Options) => (await import('./commands/why.ts')).why(pod, options));

const image = program.command('image').description('images of the container runtime');
addPlaceFlags(image.command('import').alias('load'))
  .description('take in images from OCI or Docker archives')
  .argument('<archive...>')
  .action(async (archives: string[], options: Options) => (await import('./commands/image.ts')).importImages(archives, options));
addPlaceFlags(image.command('ls').alias('list'))
  .description('list images')
  .action(async (options: Options) => (await import('./commands/image.ts')).listImages(options));

addPlaceFlags(program.command('kubectl'))
  .description('run kubectl against this cluster')
  .helpOption(false)
  .passThroughOptions()
  .allowUnknownOption()
  .argument('[args...]')
  .action(async (args: string[], options: Options) => (await import('./commands/kubectl.ts')).kubectl(args, options));

const token = program.command('token').description('what other machines join this cluster with');
addPlaceFlags(token.command('create'))
  .description('make a token and print it')
  .option('--ttl <TIME>', 'how long it is good (0: for ever)', '24h')
  .option('--description <TEXT>', 'what it is for')
  .action(async (options: Options) => (await import('./commands/token.ts')).createToken(options));
addPlaceFlags(token.command('ls').alias('list'))
  .description('list tokens')
  .action(async (options: Options) => (await import('./commands/token.ts')).listTokens(options));
addPlaceFlags(token.command('delete'))
  .description('make a token good for nothing')
  .argument('<id>')
  .action(async (id: string, options: Options) => (await import('./commands/token.ts')).deleteToken(id, options));

addSettingFlags(program.command('agent'), AGENT_SETTINGS)
  .description("run this machine's side of a cluster: containers, pod network, service proxy, DNS")
  .option('--token <TOKEN>', 'join token, for the first start (proa token create makes one)')
  .option('--token-file <FILE>', 'file with the join token; removed once the machine has joined')
  .action(async (options: Options) => (await import('./commands/agent.ts')).agent(options));

addSettingFlags(program.command('server'), SERVER_SETTINGS)
  .description('run the control plane alone, in the foreground; nodes join it with proa agent')
  .action(async (options: Options) => (await import('./commands/run.ts')).server(options));

for (const [name, { description, flags }] of Object.entries(COMPONENTS) as [ComponentName, ComponentDescription][]) {
  const command = program.command(name).description(description);
  const all = name === 'apiserver' ? [...flags, ...API_SERVER_SETTINGS.map(({ flag, ...rest }) => ({ ...rest, name: flag }))] : flags;
  for (const flag of all) command.addOption(componentOption(flag));
  command.action(async (_: Options, self: Command) => {
    const given = Object.fromEntries(
      self.options.map((option) => [option.name(), self.getOptionValue(option.attributeName()) as string | undefined]),
    );
    await (await import('./components/start.ts')).startComponent(name, given);
  });
}

addPlaceFlags(program.command('run'))
  .description('run the whole cluster in the foreground (what proa up keeps running)')
  .action(async (options: Options) => (await import('./commands/run.ts')).run(options));

const withAllBelow = (command: Command): readonly Command[] => [command, ...command.commands.flatMap(withAllBelow)];
for (const command of withAllBelow(program)) command.showHelpAfterError(`(see ${nameOf(command)} --help)`);

uncaughtInSources();
try {
  await keepAlive(program.parseAsync());
} catch (error) {
  const plain = plainly(error);
  if (plain === undefined) throw error; // a bug: its stack tells where
  process.stderr.write(`proa: ${plain}\n`);
  process.exitCode = error instanceof CommandError ? error.exitCode : 1;
}
