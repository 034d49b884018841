// What is seen before the scripts are here: the head of every page, the words of the landing page, outlines of the others. It stands in the page
// itself, in every language there is; `public/theme.js` says which page and which language, and the style sheet hides the rest. The application
// takes its place when it has a page to show. `tests/unit/shell.test.ts` compares it with what the application draws.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IndexHtmlTransformContext, Plugin } from 'vite'
import type en from '../src/i18n/en.json'

type Messages = typeof en
// Read and not imported: what is imported has been made ready for the application.
const messages = (name: string): Messages => JSON.parse(readFileSync(join(import.meta.dirname, '../src/i18n', `${name}.json`), 'utf8')) as Messages
const LANGUAGES = { en: messages('en'), ru: messages('ru'), 'zh-Hans': messages('zh') }

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

const lines = ['h-28', 'h-16', 'h-16', 'h-24', 'h-12'].map((size) => `<div class="skeleton ${size}"></div>`).join('')
const generate = ({ form, result }: Messages): string =>
  '<div class="grid gap-4 lg:grid-cols-[minmax(340px,400px)_1fr] xl:grid-cols-[380px_1fr_260px]">' +
  `<div class="card flex flex-col gap-4 self-start p-4"><div><div class="mb-1 flex min-h-8 items-center"><span class="label mb-0">${escaped(form.prompt)}</span></div>` +
  // The largest words of the page. No text area: what it says before anybody writes is painted later than the rest.
  `<div class="input min-h-24 py-2 text-base leading-relaxed text-muted">${escaped(form.promptHint)}</div></div>${lines}</div>` +
  `<div class="card flex flex-col items-center gap-3 self-start p-8 text-center"><p class="font-semibold">${escaped(result.empty)}</p></div></div>`

const other = '<div class="flex flex-col gap-4"><div class="skeleton h-8 w-40"></div><div class="skeleton h-40"></div></div>'

/** The whole of it. Nobody can use it, so that people who hear pages wait for the one that comes. */
export const SHELL =
  `<div class="shell" aria-busy="true" inert>${HEAD}` +
  '<div class="mx-auto min-h-[calc(100dvh-3.5rem)] w-full max-w-[1600px] flex-1 px-3 pb-12 pt-4 md:px-6">' +
  [['landing', each(landing)], ['generate', each(generate)], ['gallery', each(gallery)], ['other', other]]
    .map(([page, drawn]) => `<div data-of="${page}">${drawn}</div>`)
    .join('') +
  '</div></div>'

/** The pages that people come to first: what their scripts are is written down, so that `public/early.js` can ask for them before the router does. */
const PAGES = { '/': 'Landing', '/generate': 'Generate', '/gallery': 'Gallery' }

type Bundle = NonNullable<IndexHtmlTransformContext['bundle']>

/** A page's own scripts: what the application has brought already is left out. */
function scriptsOf(page: string, bundle: Bundle): string[] {
  const chunks = Object.values(bundle).filter((file) => file.type === 'chunk')
  const all = (name: string): string[] => [name, ...(chunks.find(({ fileName }) => fileName === name)?.imports ?? []).flatMap(all)]
  const first = chunks.find(({ facadeModuleId }) => facadeModuleId?.endsWith(`/src/pages/${page}.vue`))
  const there = new Set(chunks.filter(({ isEntry }) => isEntry).flatMap(({ fileName }) => all(fileName)))
  return first ? [...new Set(all(first.fileName))].filter((name) => !there.has(name)).map((name) => `/${name}`) : []
}

const letters = (bundle: Bundle): string => Object.keys(bundle).find((name) => name.includes('/inter-latin-wght-normal-')) ?? ''

export function shell(): Plugin {
  return {
    name: 'shell',
    transformIndexHtml: {
      order: 'post',
      handler(html, { bundle }) {
        const page = html.replace('<div id="app"></div>', `<div id="app">${SHELL}</div>`)
        if (!bundle) return page
        const scripts = Object.fromEntries(Object.entries(PAGES).map(([path, name]) => [path, scriptsOf(name, bundle)]))
        return (
          page
            .replace('<script src="/early.js"', `<script src="/early.js" data-pages="${escaped(JSON.stringify(scripts))}"`)
            // The outline and its style sheet first: they are small, and all that is seen until the scripts are here.
            .replace(/<(?:script type="module"|link rel="modulepreload")/g, '$& fetchpriority="low"')
            // The letters that every language has: the style sheet names them, but nothing asks for them before there are words on the page.
            .replace('<link rel="stylesheet"', `<link rel="preload" as="font" type="font/woff2" crossorigin href="/${letters(bundle)}" />$&`)
        )
      },
    },
  }
}
