// Ten thousand pictures of one person, scrolled from the first to the last: only what can be seen is there, however far one has come. The test of
// the server fills the database (crates/server/tests/browser.rs) and says where it is.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { browser, start, visit } from './harness.mjs'

const DATA = process.env.EASEL_E2E_GALLERY
const PICTURES = 10_045
/** Rows of a screen and those around it, with as many pictures as fit at this width. */
const TILES_MAX = 120

let server, chrome
before(async () => {
  if (!DATA) return
  server = await start({ data: DATA })
  chrome = await browser()
})
after(async () => {
  await chrome?.close()
  server?.stop()
})

/** What is there: tiles, elements of the whole page, and the last picture that can be seen. */
const there = (page) =>
  page.evaluate(() => {
    const tiles = [...document.querySelectorAll('#main [role=option]')]
    const last = Math.max(0, ...tiles.map((tile) => Number(tile.getAttribute('aria-posinset'))))
    return { tiles: tiles.length, elements: document.querySelectorAll('*').length, last, height: document.documentElement.scrollHeight }
  })

test('ten thousand pictures are as light as a hundred', { skip: DATA ? false : 'EASEL_E2E_GALLERY names no data folder: run it by cargo test -p easel-server --test browser' }, async () => {
  const page = await visit(chrome, server)
  await page.goto('/gallery')
  const tiles = page.getByRole('listbox', { name: 'Gallery' }).getByRole('option')
  await tiles.first().waitFor()
  const first = await there(page)
  assert.ok(first.tiles > 0 && first.tiles <= TILES_MAX, JSON.stringify(first))
  const more = page.getByRole('button', { name: /^(Show more|Loading)/ })
  for (let screens = 0; (await more.count()) > 0; screens++) {
    assert.ok(screens < 1000, `the end does not come: ${JSON.stringify(await there(page))}`)
    const before = await there(page)
    await page.evaluate(() => window.scrollTo(0, document.documentElement.scrollHeight))
    await page.waitForFunction((height) => document.documentElement.scrollHeight > height || !document.querySelector('#main .btn-plain.self-center'), before.height, { timeout: 30_000 })
    const now = await there(page)
    assert.ok(now.tiles <= TILES_MAX && now.elements <= first.elements * 2, JSON.stringify({ first, now }))
  }

  // By keys from one end to the other; whoever cannot see it is told where they are.
  await page.evaluate(() => window.scrollTo(0, 0))
  await tiles.first().waitFor()
  await tiles.first().focus()
  await page.keyboard.press('End')
  await page.waitForFunction((count) => document.activeElement?.getAttribute('aria-posinset') === String(count), PICTURES)
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-setsize')), String(PICTURES))
  await page.keyboard.press('Home')
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-posinset') === '1')
  await page.keyboard.press('Control+a')
  await page.getByText(/10,?045 selected/).first().waitFor()
  const chosen = await there(page)
  assert.ok(chosen.tiles <= TILES_MAX && chosen.elements <= first.elements * 2, JSON.stringify({ first, chosen }))
  assert.deepEqual(page.complaints, [])
  await page.context().close()
})
