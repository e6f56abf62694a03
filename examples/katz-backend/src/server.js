import { createServer } from 'node:http';
import { createApp } from './app.js';

const { PORT = '3000', DATABASE_URL, JWT_SECRET } = process.env;
for (const [name, value] of Object.entries({ DATABASE_URL, JWT_SECRET })) {
  if (value) continue;
  console.error(`${name} is missing`);
  process.exit(1);
}
const server = createServer(createApp({ secret: JWT_SECRET })).listen(Number(PORT), () => {
  console.log(`katz-backend listens on ${PORT}, database at ${new URL(DATABASE_URL).host}`);
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
