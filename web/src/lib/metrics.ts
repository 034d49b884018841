// Prometheus' text format, as far as a table needs it: counters and gauges with their labels; buckets of histograms are left out.

export interface Metric {
  name: string
  labels: string
  value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/

export function readMetrics(text: string): Metric[] {
  return text.split('\n').flatMap((line): Metric[] => {
    const match = line.startsWith('#') ? null : LINE.exec(line)
    if (!match?.[1] || match[1].endsWith('_bucket')) return []
    const value = Number(match[3])
    return Number.isFinite(value) ? [{ name: match[1], labels: match[2] ?? '', value }] : []
  })
}
