/** http: the web side of the service. */
export { createHttp, type HttpDeps } from './server.ts';
