/** Every command, in the order help shows them. */
import type { CommandSpec } from '../command.js';
import { abort } from './abort.js';
import { approve } from './approve.js';
import { back } from './back.js';
import { codecServer } from './codec-server.js';
import { completion } from './completion.js';
import { doctor } from './doctor.js';
import { freeze } from './freeze.js';
import { init } from './init.js';
import { logs } from './logs.js';
import { pause } from './pause.js';
import { plan } from './plan.js';
import { policy } from './policy.js';
import { reject } from './reject.js';
import { release } from './release.js';
import { resume } from './resume.js';
import { retry } from './retry.js';
import { rollback } from './rollback.js';
import { schema } from './schema.js';
import { serve } from './serve.js';
import { skipHost } from './skip-host.js';
import { status } from './status.js';
import { switchTraffic } from './switch.js';
import { unfreeze } from './unfreeze.js';
import { up } from './up.js';
import { watch } from './watch.js';
import { worker } from './worker.js';

export const COMMANDS: CommandSpec[] = [
  init,
  plan,
  release,
  status,
  watch,
  approve,
  reject,
  switchTraffic,
  back,
  abort,
  pause,
  resume,
  retry,
  skipHost,
  rollback,
  freeze,
  unfreeze,
  doctor,
  logs,
  up,
  worker,
  serve,
  codecServer,
  schema,
  policy,
  completion,
];
