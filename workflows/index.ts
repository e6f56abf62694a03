/** Everything a worker can run. */
export { change } from './change.js';
