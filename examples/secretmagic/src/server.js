import { createServer } from 'node:http';
import { createApp } from './app.js';
import { watchDatabase } from './database.js';

const { PORT = '8080', COLOUR, DATABASE_HOST } = process.env;
const app = createApp({ colour: COLOUR, isReady: watchDatabase(DATABASE_HOST) });
const server = createServer(app).listen(Number(PORT), () => {
  console.log(`secretmagic listens on ${PORT}${COLOUR ? `, ${COLOUR}` : ''}`);
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
