/** The HTTP side of a gateway: the API, the documents that describe it, and the web page. */
export { createRequestListener } from './http/app.ts';
