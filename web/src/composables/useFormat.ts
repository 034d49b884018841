// `lib/format` in the language of the interface.
import { useI18n } from 'vue-i18n'
import * as format from '@/lib/format'

export function useFormat() {
  const { locale } = useI18n()
  return {
    number: (value: number) => format.formatNumber(value, locale.value),
    percent: (part: number) => format.formatPercent(part, locale.value),
    credits: (amount: string) => format.formatCredits(amount, locale.value),
    money: (cents: number, currency?: string) => format.formatMoney(cents, locale.value, currency),
    time: (time: string) => format.formatTime(time, locale.value),
    day: (time: string) => format.formatDay(time, locale.value),
    bytes: (bytes: number) => format.formatBytes(bytes, locale.value),
    seconds: (seconds: number) => format.formatSeconds(seconds, locale.value),
    ago: (time: string) => format.formatAgo(time, locale.value),
  }
}
