import { createFrontend } from './server.js';

const server = createFrontend(process.env.BACKEND).listen(3000, () =>
  console.log('frontend listens on 3000'),
);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
