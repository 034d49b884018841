// What is seen before the scripts are here: the head of every page, the words of the landing page, outlines of the others. It stands in the page
// itself, in every language there is; `public/theme.js` says which page and which language, and the style sheet hides the rest. The application
// takes its place when it has a page to show. `tests/unit/shell.test.ts` compares it with what the application draws.
import type { Plugin } from 'vite'
import en from '../src/i18n/en.json'
import ru from '../src/i18n/ru.json'
import zh from '../src/i18n/zh.json'

const LANGUAGES = { en, ru, 'zh-Hans': zh }
type Messages = typeof en

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** The same in every language. */
const each = (draw: (messages: Messages) => string): string =>
  Object.entries(LANGUAGES)
    .map(([lang, messages]) => `<div lang="${lang}">${draw(messages)}</div>`)
    .join('')

const HEAD =
  '<header class="sticky top-0 z-30 border-b border-line bg-page/85 backdrop-blur-md">' +
  '<div class="mx-auto flex h-14 max-w-[1600px] items-center gap-2 px-3 md:gap-6 md:px-6">' +
  '<span class="flex items-center gap-2 text-lg font-bold"><img src="/favicon.svg" alt="" width="28" height="28" /> Easel</span></div></header>'

const landing = ({ landing: words }: Messages): string =>
  '<div class="flex flex-col gap-16 py-6 md:py-12"><section class="mx-auto flex max-w-3xl flex-col items-center gap-6 text-center">' +
  `<h1 class="text-2xl">${escaped(words.title)}</h1><p class="text-lg text-muted">${escaped(words.text)}</p>` +
  '<div class="skeleton h-12 w-40"></div></section></div>'

const tiles = '<div class="skeleton aspect-square"></div>'.repeat(12)
const gallery = ({ title }: Messages): string =>
  `<div class="flex flex-col gap-4"><h1>${escaped(title.gallery)}</h1><div class="skeleton h-10"></div>` +
  `<div class="grid max-h-[50dvh] grid-cols-2 gap-2 overflow-hidden md:grid-cols-4 xl:grid-cols-6">${tiles}</div></div>`

const lines = ['h-24', 'h-8 w-32', 'h-16', 'h-16', 'h-24', 'h-12'].map((size) => `<div class="skeleton ${size}"></div>`).join('')
const generate = ({ form, result }: Messages): string =>
  '<div class="grid gap-4 lg:grid-cols-[minmax(340px,400px)_1fr] xl:grid-cols-[380px_1fr_260px]">' +
  `<div class="card flex flex-col gap-4 self-start p-4"><p class="label mb-0">${escaped(form.prompt)}</p>${lines}</div>` +
  `<div class="card flex flex-col items-center gap-3 self-start p-8 text-center"><p class="font-semibold">${escaped(result.empty)}</p></div></div>`

const other = '<div class="flex flex-col gap-4"><div class="skeleton h-8 w-40"></div><div class="skeleton h-40"></div></div>'

/** The whole of it. Nobody can use it, so that people who hear pages wait for the one that comes. */
export const SHELL =
  `<div class="shell" aria-busy="true">${HEAD}` +
  '<div class="mx-auto min-h-[calc(100dvh-3.5rem)] w-full max-w-[1600px] flex-1 px-3 pb-12 pt-4 md:px-6">' +
  [['landing', each(landing)], ['generate', each(generate)], ['gallery', each(gallery)], ['other', other]]
    .map(([page, drawn]) => `<div data-of="${page}">${drawn}</div>`)
    .join('') +
  '</div></div>'

export function shell(): Plugin {
  return {
    name: 'shell',
    transformIndexHtml: (html) => html.replace('<div id="app"></div>', `<div id="app">${SHELL}</div>`),
  }
}
