// What is told of pictures that another service has drawn.
type Say = (key: string, values?: Record<string, unknown>) => string

interface Change {
  change: 'dropped' | 'resized' | 'limited'
  field?: string
  asked?: string
  served?: string | number
}

/** What was dropped or changed, in words. What nobody knows here is left out. */
export function changeWords(changes: unknown, t: Say): string[] {
  if (!Array.isArray(changes)) return []
  return (changes as Change[]).flatMap(({ change, field = '', asked = '', served = '' }) => {
    if (change === 'dropped') return [t('away.dropped', { field })]
    if (change === 'limited') return [t('away.limited', { field, served })]
    return change === 'resized' ? [t('away.resized', { asked, served })] : []
  })
}
