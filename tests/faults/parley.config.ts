import { defineConfig } from '../../packages/gateway/src/index.ts';
import { agents } from './agents.ts';

/** For the server that is started by its command line. */
export default defineConfig({ agents });
