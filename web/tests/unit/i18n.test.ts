import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { i18n, russianForm, setLocale, wantedLocale } from '@/i18n'

type Tree = { [name: string]: string | Tree }
/** As they are written; what is imported has been parsed already. */
const [en, ru, zh] = ['en', 'ru', 'zh'].map((name) => JSON.parse(readFileSync(`src/i18n/${name}.json`, 'utf8')) as Tree)
const flat = (tree: Tree, path = ''): [string, string][] =>
  Object.entries(tree).flatMap(([name, value]) => (typeof value === 'string' ? [[`${path}${name}`, value] as [string, string]] : flat(value, `${path}${name}.`)))
const names = (text: string): string[] => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? ''))].sort()
const english = new Map(flat(en ?? {}))

describe.each([['zh', zh], ['ru', ru]])('%s', (_, messages) => {
  const there = new Map(flat(messages ?? {}))
  it('has every message, and none besides', () => expect([...there.keys()].sort()).toEqual([...english.keys()].sort()))
  it('names the same values', () => {
    for (const [key, text] of english) expect(names(there.get(key) ?? '').join(), key).toBe(names(text).join())
  })
})

it('every message that the sources name exists', () => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((name) => /\.(vue|ts)$/.test(name))
  const missing = files.flatMap((name) => {
    const text = readFileSync(`src/${name}`, 'utf8')
    const used = [...text.matchAll(/(?:\bt|\$t)\(\s*'([\w.]+)'|\? '(\w+\.\w+)' : '(\w+\.\w+)'\)|(?:title|key): '(\w+\.\w+)'/g)].flatMap((match) => match.slice(1).filter(Boolean))
    return used.filter((key) => !english.has(key) && /^[a-z]+\./.test(key))
  })
  expect(missing).toEqual([])
})

it('Russian counts in three forms', () => {
  expect([1, 2, 5, 11, 12, 21, 22, 25, 111, 0].map(russianForm)).toEqual([0, 1, 2, 2, 2, 0, 1, 2, 2, 2])
})

it('a language is chosen, kept and shown', async () => {
  await setLocale('ru')
  expect(wantedLocale()).toBe('ru')
  expect(document.documentElement.lang).toBe('ru')
  expect(i18n.global.t('gallery.chosen', { n: 3 }, 3)).toBe('выбраны 3')
  await setLocale('zh')
  expect(document.documentElement.lang).toBe('zh-Hans')
  expect(i18n.global.t('generate.go')).toBe('开始绘制')
  await setLocale('en')
})
