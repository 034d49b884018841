// The outline that stands in the page before the scripts are here has the application's own words and looks, in every language; the small script
// beside it chooses what of it is seen as the application would.
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import AppHeader from '@/components/layout/AppHeader.vue'
import Landing from '@/pages/Landing.vue'
import { setLocale, wantedLocale } from '@/i18n'
import { SHELL } from '../../build/shell'
import { show } from './mount'

const THEME = readFileSync('public/theme.js', 'utf8')
const STYLES = readFileSync('src/styles/parts.css', 'utf8')
const shell = new DOMParser().parseFromString(`<div>${SHELL}</div>`, 'text/html')
const said = (element: Element | null | undefined): [string | undefined, string | undefined] => [element?.textContent?.trim(), element?.className]

beforeEach(() => localStorage.clear())
afterEach(() => {
  vi.unstubAllGlobals()
  document.documentElement.removeAttribute('data-page')
})

it.each(['en', 'zh', 'ru'] as const)('the first words of the landing page are its own in %s', async (locale) => {
  await setLocale(locale, false)
  const { wrapper } = await show(Landing)
  const drawn = shell.querySelector(`[data-of=landing] [lang=${document.documentElement.lang}]`)
  for (const tag of ['h1', 'p']) expect(said(drawn?.querySelector(tag))).toEqual(said(wrapper.find(tag).element))
  await setLocale('en', false)
})

it('the head is as the application has it', async () => {
  const { wrapper } = await show(AppHeader)
  const [ours, theirs] = [shell.querySelector('header'), wrapper.find('header').element]
  expect(ours?.className).toBe(theirs.className)
  expect(ours?.firstElementChild?.className).toBe(theirs.firstElementChild?.className)
  expect(ours?.querySelector('img')?.outerHTML).toBe(theirs.querySelector('img')?.outerHTML)
})

it.each([
  ['/', undefined, ['ru-RU', 'en'], 'landing', 'ru'],
  ['/generate', 'zh', ['de'], 'generate', 'zh-Hans'],
  ['/gallery', undefined, ['de', 'fr'], 'gallery', 'en'],
  ['/generate/text-to-image', 'en', ['ru'], 'other', 'en'],
])('at %s, with %s chosen and %j spoken, the outline is of %s in %s', async (path, chosen, languages, page, lang) => {
  if (chosen) localStorage.setItem('easel-locale', chosen)
  vi.stubGlobal('navigator', { ...navigator, languages })
  vi.stubGlobal('location', { pathname: path })
  document.head.innerHTML = '<meta name="theme-color" content="#000000">'
  document.documentElement.lang = 'en'
  new Function(THEME)()
  expect([document.documentElement.dataset['page'], document.documentElement.lang]).toEqual([page, lang])
  // As the application will have it.
  await setLocale(wantedLocale(), false)
  expect(document.documentElement.lang).toBe(lang)
  expect(shell.querySelector(`[data-of=${page}]`)).not.toBeNull()
  expect(STYLES).toContain(`[data-page='${page}'] .shell [data-of='${page}']`)
  await setLocale('en', false)
})
