/** Everything a worker can run. */
export { change } from './change.js';
export { environment } from './environment.js';
export { inspect } from './inspect.js';
export { promotion } from './promotion.js';
export { release } from './release.js';
