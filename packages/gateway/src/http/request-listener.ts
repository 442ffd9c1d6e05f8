import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AppDeps } from './deps.ts';

/**
 * Answers the requests of a `node:http` server. Routes, schemas and what serves the page are loaded with
 * the first of them: nobody who connects needs them, and no start waits for them. Never throws.
 */
export function createRequestListener(
  deps: AppDeps,
): (request: IncomingMessage, response: ServerResponse) => void {
  let app: Promise<(request: IncomingMessage, response: ServerResponse) => unknown> | undefined;
  return (request, response) => {
    app ??= import('./app.ts').then(({ createAppListener }) => createAppListener(deps));
    app
      .then((answer) => answer(request, response))
      .catch((error) => {
        deps.log.error({ err: error }, 'what answers requests could not be loaded');
        response.destroy();
      });
  };
}
