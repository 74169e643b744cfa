// Imported first by a test file, this gives the file a machine of its own: no network but loopback and no route out, own
// mounts, processes, cgroups, /run, temporary and home folder. All of it is gone when the file ends, however it ends. The
// machine's files can be read; writes to /etc and /var stay in there, and everything else is read-only.
//
//   import '#test/harness/isolated.ts';
//
// It runs the file once more inside new namespaces, with the same output streams, so that the runner sees its results,
// and the file's own code is never reached outside.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isolatedCgroups } from './isolated/cgroups.ts';
import { removeFolder } from './remove-folder.ts';

const INSIDE = 'PROA_ISOLATED';

/** Kept between runs, and the one folder of the checkout that an isolated test may change. */
const CACHE = fileURLToPath(new URL('../../.cache', import.meta.url));

const NAMESPACES = ['--mount', '--net', '--ipc', '--uts', '--cgroup', '--pid', '--fork', '--kill-child'];

function isIsolated(): boolean {
  return process.env[INSIDE] !== undefined;
}

/** The command again, inside; the status it ended with. */
function runInside(): number {
  if (process.getuid?.() !== 0) {
    console.error(`${process.argv[1]} makes namespaces and mounts: run the tests as root`);
    return 1;
  }
  const own = mkdtempSync(join(realpathSync(tmpdir()), 'proa-'));
  const [home, temporary] = [join(own, 'home'), join(own, 'tmp')];
  for (const folder of [home, temporary, CACHE]) mkdirSync(folder, { recursive: true });
  const cgroups = isolatedCgroups();
  try {
    const { status, error } = spawnSync(
      // Should this process be killed, then so is the first process in there, and with it all others.
      'setpriv',
      [
        '--pdeathsig',
        'KILL',
        script('enter.sh'),
        ...cgroups.folders,
        '--',
        'unshare',
        ...NAMESPACES,
        script('init.sh'),
        own,
        CACHE,
        process.execPath,
        ...process.execArgv,
        ...process.argv.slice(1),
      ],
      { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1', HOME: home, TMPDIR: temporary } },
    );
    if (error !== undefined) throw error;
    return status ?? 1;
  } finally {
    cgroups.remove();
    removeFolder(own);
  }
}

function script(name: string): string {
  return fileURLToPath(new URL(`isolated/${name}`, import.meta.url));
}

if (!isIsolated()) process.exit(runInside());
