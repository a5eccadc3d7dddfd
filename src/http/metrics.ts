/** http/metrics: figures in Prometheus' text format (version 0.0.4). */

/** One figure; a name without labels has one value with none. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly values: readonly {
    readonly value: number;
    readonly labels?: Readonly<Record<string, string>>;
  }[];
}

const escapeLabel = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

export const metricsText = (metrics: readonly Metric[]): string =>
  metrics
    .map(({ name, help, type, values }) => {
      const lines = values.map(({ value, labels }) => {
        const inside = Object.entries(labels ?? {}).map(([key, label]) => `${key}="${escapeLabel(label)}"`);
        return `${name}${inside.length > 0 ? `{${inside.join(',')}}` : ''} ${value}`;
      });
      const helpText = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
      return [`# HELP ${name} ${helpText}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');
    })
    .join('');

/** What every process can say of itself. */
export function processMetrics(): Metric[] {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  const gauge = (name: string, help: string, value: number): Metric => ({
    name,
    help,
    type: 'gauge',
    values: [{ value }],
  });
  return [
    gauge('process_resident_memory_bytes', 'Resident memory.', memory.rss),
    gauge('nodejs_heap_used_bytes', 'Heap in use.', memory.heapUsed),
    gauge('nodejs_external_memory_bytes', 'Memory of buffers outside of the heap.', memory.external),
    gauge('process_uptime_seconds', 'Seconds since the start.', process.uptime()),
    {
      name: 'process_cpu_seconds_total',
      help: 'CPU time used.',
      type: 'counter',
      values: [{ value: (cpu.user + cpu.system) / 1e6 }],
    },
  ];
}
