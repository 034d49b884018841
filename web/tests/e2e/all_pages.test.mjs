// Every page and every part of one, light and dark, from the narrowest telephone to a wide desk: no violation that axe finds, nothing wider than the screen, and a picture of it in
// `tests/e2e/out` to look at.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { OUT, ask, browser, drawn, login as enter, start, visit } from './harness.mjs'
import { PAGES, SIZES, settled } from './pages.mjs'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let server, chrome, picture, token

before(async () => {
  server = await start({ accounts: true })
  server.superuser('root@example.org')
  chrome = await browser()
  const page = await visit(chrome, server)
  await login(page)
  // Something on every page: two pictures that everybody sees, one of them talked about and reported, a link, an album.
  picture = (await drawn(page, 'a red circle')).id
  const other = (await drawn(page, 'a blue square on a yellow background')).id
  for (const id of [other, picture]) await ask(page, 'POST', `/images/${id}/public?shows_prompt=true`)
  await ask(page, 'PUT', `/images/${picture}/like`)
  await ask(page, 'POST', `/images/${picture}/comments`, { body: 'Lovely' })
  await ask(page, 'POST', '/admin/moderation', { target_kind: 'image', target: other, category: 'spam' })
  await ask(page, 'POST', '/albums', { title: 'Circles' })
  token = (await ask(page, 'POST', `/images/${picture}/share`, { shows_prompt: true })).token
  await page.context().close()
})
after(async () => {
  await chrome?.close()
  server?.stop()
})

const login = (page) => enter(page, 'root@example.org')

/** What axe finds. It is put in by the debugger, so that the page's own policy holds while it looks. */
async function violations(page) {
  const debug = await page.context().newCDPSession(page)
  const expression = `${AXE};axe.run(document).then(({violations}) => violations.map(({id, nodes}) => id + ': ' + nodes[0].html.slice(0, 200)))`
  const { result, exceptionDetails } = await debug.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })
  if (exceptionDetails) throw new Error(exceptionDetails.text)
  return result.value
}

for (const [size, viewport, colours] of SIZES) {
  for (const colorScheme of colours) {
    test(`${size} ${colorScheme}`, async (context) => {
      const somebody = await visit(chrome, server, { viewport, colorScheme })
      const guest = await visit(chrome, server, { viewport, colorScheme })
      await login(somebody)
      for (const [name, path, { guest: asGuest = false, tab = null, at = path } = {}] of PAGES) {
        await context.test(name, async () => {
          const page = asGuest ? guest : somebody
          const filled = (text) => text.replace(':picture', picture).replace(':token', token)
          await page.goto(filled(path))
          await settled(page)
          assert.equal(new URL(page.url()).pathname, new URL(filled(at), server.url).pathname, 'sent elsewhere')
          if (tab) {
            await page.getByRole('tab', { name: tab, exact: true }).click()
            await settled(page)
          }
          assert.equal(await page.getByText('This could not be loaded').count(), 0)
          await page.screenshot({ path: `${OUT}/${name}-${size}-${colorScheme}.png` })
          assert.deepEqual(await violations(page), [])
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), 'wider than the screen')
          assert.deepEqual([page.complaints, page.strangers], [[], []])
        })
      }
      await somebody.context().close()
      await guest.context().close()
    })
  }
}
