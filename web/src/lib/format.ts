// Numbers, days and sizes as the reader's language writes them.

/** Making a format takes a hundred times as long as using it. */
const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>()

function once<T extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(key: string, make: () => T): T {
  const known = made.get(key) as T | undefined
  if (known) return known
  const format = make()
  made.set(key, format)
  return format
}

const numbers = (locale: string, options: Intl.NumberFormatOptions = {}): Intl.NumberFormat =>
  once(`number ${locale} ${JSON.stringify(options)}`, () => new Intl.NumberFormat(locale, options))

const dates = (locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
  once(`date ${locale} ${JSON.stringify(options)}`, () => new Intl.DateTimeFormat(locale, options))

/** Whole numbers of up to three digits look alike in all our languages, and making the first format of a page takes longer than drawing it. */
const isPlain = (value: number): boolean => Number.isInteger(value) && value >= 0 && value < 1000

export const formatNumber = (value: number, locale: string): string => (isPlain(value) ? String(value) : numbers(locale).format(value))

/** A share of one. */
export const formatPercent = (part: number, locale: string): string => numbers(locale, { style: 'percent', maximumFractionDigits: 0 }).format(part)

/** An amount of credits: a decimal text of at most six places. */
export const formatCredits = (amount: string, locale: string): string =>
  numbers(locale, { maximumFractionDigits: 6 }).format(Number(amount))

export const formatMoney = (cents: number, locale: string, currency = 'USD'): string =>
  numbers(locale, { style: 'currency', currency }).format(cents / 100)

export const formatTime = (time: string, locale: string): string =>
  dates(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(time))

const DAY_ALONE = /^\d{4}-\d{2}-\d{2}$/

/** The day of a time where its reader is; a day alone is that day everywhere. */
export const formatDay = (time: string, locale: string): string =>
  dates(locale, { dateStyle: 'medium', timeZone: DAY_ALONE.test(time) ? 'UTC' : undefined }).format(new Date(time))

/** When a day begins where its reader is, or the day so many after it: `2026-11-28T00:00:00Z`. */
export function dayBegins(day: string, after = 0): string {
  const begin = new Date(`${day}T00:00:00`)
  begin.setDate(begin.getDate() + after)
  return begin.toISOString().replace(/\.\d+Z$/, 'Z')
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

export function formatBytes(bytes: number, locale: string): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1)
  const unit = UNITS[power] ?? 'byte'
  const digits = power === 0 ? 0 : 1
  return numbers(locale, { style: 'unit', unit, maximumFractionDigits: digits }).format(bytes / 1000 ** power)
}

/** `5s`, `2 min 10 s` as the language abbreviates them. */
export function formatSeconds(seconds: number, locale: string): string {
  const whole = Math.max(0, Math.round(seconds))
  const part = (value: number, unit: string): string =>
    numbers(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(value)
  const minutes = Math.floor(whole / 60)
  if (minutes === 0) return part(whole, 'second')
  return whole % 60 === 0 || minutes > 9 ? part(minutes, 'minute') : `${part(minutes, 'minute')} ${part(whole % 60, 'second')}`
}

const RELATIVE: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** "3 hours ago"; what is older than a month is a day. */
export function formatAgo(time: string, locale: string, now = Date.now()): string {
  const seconds = (new Date(time).getTime() - now) / 1000
  if (seconds < -30 * 86_400) return formatDay(time, locale)
  const format = once(`ago ${locale}`, () => new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }))
  const [unit, size] = RELATIVE.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1]
  return format.format(Math.round(seconds / size), unit)
}
