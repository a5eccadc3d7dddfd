/** http/routes/status: how the service is, for those who watch over it. */
import type { Clock } from '../../app/ports.ts';
import { Health, Readiness, type Settings } from '../../contract/index.ts';
import { type Metric, metricsText } from '../metrics.ts';
import { type Route, route } from '../route.ts';

const READY_WITHIN_MS = 3_000;

export function statusRoutes({
  clock,
  settings,
  readiness,
  metrics,
}: {
  readonly clock: Clock;
  readonly settings: Settings;
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: () => readonly Metric[];
}): Route[] {
  const readyInTime = async (): Promise<Readiness> => {
    const over = new AbortController();
    const late = clock.sleep(READY_WITHIN_MS, over.signal).then(
      (): Readiness => ({
        status: 'not_ready',
        checks: [{ name: 'readiness', ok: false, detail: `no answer within ${READY_WITHIN_MS / 1000} s` }],
        sandbox: settings.sandbox,
      }),
    );
    try {
      return await Promise.race([readiness(), late]);
    } finally {
      late.catch(() => {});
      over.abort();
    }
  };

  return [
    route({
      method: 'GET',
      path: '/healthz',
      summary: 'The process is alive',
      tag: 'status',
      role: 'public',
      responses: { 200: { description: 'Alive.', schema: Health } },
      handle: () => ({ status: 200, json: { status: 'ok', uptimeSec: Math.round(process.uptime()) } }),
    }),
    route({
      method: 'GET',
      path: '/readyz',
      summary: 'Every part that calls need is ready',
      tag: 'status',
      role: 'public',
      responses: {
        200: { description: 'Ready.', schema: Readiness },
        503: { description: 'Not ready; `checks` says why.', schema: Readiness },
      },
      handle: async () => {
        const answer = await readyInTime();
        return { status: answer.status === 'ready' ? 200 : 503, json: answer };
      },
    }),
    route({
      method: 'GET',
      path: '/metrics',
      summary: 'Figures for Prometheus',
      tag: 'status',
      role: 'public',
      responses: { 200: { description: 'Text format 0.0.4.', content: ['text/plain'] } },
      handle: () => ({
        status: 200,
        text: metricsText(metrics()),
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
      }),
    }),
  ];
}
