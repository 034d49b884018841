// What was built keeps its promises: small on first load, split by routes, nothing inline, nothing from elsewhere. `npm run build` first.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'

const DIST = new URL('../../dist/', import.meta.url)
const FIRST_LOAD_MAX = 150_000
const read = (name) => readFileSync(new URL(name, DIST))
const manifest = JSON.parse(read('.vite/manifest.json'))

/** The scripts a page needs before anything can be done on it: the application's, the page's, and all that they import. */
function scripts(page) {
  const found = new Set()
  const follow = (key) => {
    if (found.has(key)) return
    found.add(key)
    for (const next of manifest[key].imports ?? []) follow(next)
  }
  follow('index.html')
  follow(page)
  return [...found].map((key) => manifest[key].file)
}

for (const page of ['Landing', 'Generate', 'Gallery', 'Explore', 'Profile']) {
  test(`${page}: less than ${FIRST_LOAD_MAX / 1000} KB of JavaScript on first load`, (context) => {
    const bytes = scripts(`src/pages/${page}.vue`).reduce((sum, name) => sum + gzipSync(read(name), { level: 9 }).length, 0)
    context.diagnostic(`${bytes} bytes`)
    assert.ok(bytes < FIRST_LOAD_MAX, `${bytes} bytes`)
  })
}

test('every page is a script of its own', () => {
  const pages = readdirSync(new URL('../../src/pages', import.meta.url), { recursive: true }).filter((name) => name.endsWith('.vue'))
  for (const page of pages) assert.ok(manifest[`src/pages/${page}`]?.isDynamicEntry, page)
})

test('nothing is inline, and nothing comes from elsewhere', () => {
  const html = read('index.html').toString()
  assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?:\/\//)
  for (const name of readdirSync(new URL('assets', DIST)).filter((name) => name.endsWith('.css'))) {
    assert.doesNotMatch(read(`assets/${name}`).toString(), /url\(["']?(?:https?:|\/\/|data:)|@import/, name)
  }
  for (const name of readdirSync(new URL('assets', DIST)).filter((name) => name.endsWith('.js'))) {
    assert.doesNotMatch(read(`assets/${name}`).toString(), /\beval\(|new Function\(|import\(["']https?:|fetch\(["']https?:/, name)
  }
})

test('what is compressed is what it was, and the worker keeps files that exist', () => {
  const worker = read('sw.js').toString()
  const shell = JSON.parse(/const SHELL = (\[.*\])/.exec(worker)[1])
  assert.ok(shell.length > 20)
  for (const path of shell.slice(1)) read(path.slice(1))
  for (const icon of JSON.parse(read('manifest.webmanifest')).icons) read(icon.src.slice(1))
})

test('the first pages say what their scripts are', () => {
  const pages = JSON.parse(/data-pages="([^"]+)"/.exec(read('index.html').toString())[1].replaceAll('&quot;', '"'))
  assert.deepEqual(Object.keys(pages), ['/', '/generate', '/gallery'])
  for (const [path, page] of [['/', 'Landing'], ['/generate', 'Generate'], ['/gallery', 'Gallery']]) {
    // Those that the application does not bring.
    const own = scripts(`src/pages/${page}.vue`).filter((name) => !scripts('index.html').includes(name))
    assert.deepEqual(pages[path].toSorted(), own.map((name) => `/${name}`).toSorted())
    assert.ok(own.length > 0, path)
  }
})
