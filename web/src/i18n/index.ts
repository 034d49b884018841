// The interface's languages. English comes with the application; the others are fetched when they are chosen.
import { markRaw } from 'vue'
import { createI18n } from 'vue-i18n'
import en from './en.json'

export const LOCALES = [
  { id: 'en', title: 'English' },
  { id: 'zh', title: '中文' },
  { id: 'ru', title: 'Русский' },
] as const

export type Locale = (typeof LOCALES)[number]['id']
type Messages = typeof en

const KEY = 'easel-locale'
const LOADERS: Record<Exclude<Locale, 'en'>, () => Promise<{ default: Messages }>> = {
  zh: () => import('./zh.json'),
  ru: () => import('./ru.json'),
}

/** Russian has three forms: 1, 2–4, and the rest; teens are of the rest. */
export function russianForm(count: number): number {
  const [tens, ones] = [count % 100, count % 10]
  if (tens >= 11 && tens <= 14) return 2
  return ones === 1 ? 0 : ones >= 2 && ones <= 4 ? 1 : 2
}

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  // Raw, here and below: nobody changes a message, and following each of its parts costs more than writing it.
  messages: { en: markRaw(en) } as Record<Locale, Messages>,
  pluralRules: { ru: russianForm },
})

/** The language somebody chose, else the first of the browser's that there is. */
export function wantedLocale(): Locale {
  const chosen = localStorage.getItem(KEY)
  const wanted = [chosen ?? '', ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase())
  return wanted.map((tag) => LOCALES.find(({ id }) => id === tag)?.id).find((id) => id !== undefined) ?? 'en'
}

/** Shows the interface in a language; `keep` remembers it. */
export async function setLocale(locale: Locale, keep = true): Promise<void> {
  if (locale !== 'en' && !i18n.global.availableLocales.includes(locale)) {
    i18n.global.setLocaleMessage(locale, markRaw((await LOADERS[locale]()).default))
  }
  i18n.global.locale.value = locale
  document.documentElement.lang = locale === 'zh' ? 'zh-Hans' : locale
  if (keep) localStorage.setItem(KEY, locale)
}
