// One person on their own machine: no account, from the first word to the last picture.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { browser, gone, sharpened, start, visit } from './harness.mjs'

let server, chrome
before(async () => {
  server = await start()
  chrome = await browser()
})
after(async () => {
  await chrome?.close()
  server?.stop()
})

const tiles = (page, name) => page.getByRole('listbox', { name: 'Gallery' }).getByRole('option', name ? { name } : {})
const drawn = (page, count = 1) => page.getByTestId('result').nth(count - 1).waitFor({ timeout: 60_000 })

async function draw(page, prompt) {
  await page.goto('/generate')
  await page.getByLabel('Prompt', { exact: true }).fill(prompt)
  await page.getByRole('button', { name: 'Draw', exact: true }).click()
  await drawn(page)
}

test('a picture is drawn, looked at, marked, named, and deleted', async () => {
  const page = await visit(chrome, server)
  await draw(page, 'a red circle on a blue background')
  await page.getByTestId('result').first().click()
  // Who leaves at once takes the request along.
  const saved = () => page.waitForResponse((response) => response.request().method() === 'PATCH' && response.ok())
  let change = saved()
  await page.getByRole('button', { name: 'Favourite' }).click()
  await change
  await page.goto('/gallery')
  await tiles(page).first().click()
  // By its whole name: the gallery, which is left at once, has a field for titles too.
  const title = page.getByLabel('Title', { exact: true })
  await title.fill('The red one')
  change = saved()
  await title.press('Enter')
  await change
  change = saved()
  await page.getByLabel('Add a tag').fill('Round')
  await page.getByLabel('Add a tag').press('Enter')
  await change
  await page.getByRole('link', { name: 'round', exact: true }).click()
  await page.waitForURL('**/gallery?tag=round')
  await tiles(page, 'The red one').waitFor()
  await page.getByLabel('Search prompts and titles').fill('nothing like it')
  await page.getByText('Nothing found').waitFor()
  await page.getByLabel('Search prompts and titles').fill('red')
  await tiles(page, 'The red one').click()
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.waitForURL('**/gallery')
  await page.getByText('No pictures yet').waitFor()
  assert.deepEqual([page.complaints, page.strangers], [[], []])
})

test('previews are seen while it is drawn, and it can be stopped', async () => {
  const page = await visit(chrome, server)
  await page.goto('/generate')
  await page.getByLabel('Prompt', { exact: true }).fill('a green square')
  await page.getByText('Advanced settings').click()
  // Much work, so that it is under way for long enough to be stopped on a fast machine too.
  for (const [field, value] of [['Steps', '150'], ['Width', '512'], ['Height', '512']]) {
    await page.getByLabel(field, { exact: true }).fill(value)
    await page.getByLabel(field, { exact: true }).press('Tab')
  }
  await page.getByRole('button', { name: 'Draw', exact: true }).click()
  await sharpened(page)
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByText('Cancelled').waitFor()
  assert.deepEqual(page.complaints, [])
})

test('a part is painted over with the brush and drawn anew', async () => {
  const page = await visit(chrome, server)
  await draw(page, 'a blue circle on a red background')
  await page.getByTestId('result').first().click()
  await page.getByRole('button', { name: 'Use as input' }).click()
  await page.getByRole('button', { name: 'Paint a mask' }).click()
  const canvas = page.getByRole('application')
  const box = await canvas.boundingBox()
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.5, { steps: 5 })
  await page.mouse.up()
  await page.getByRole('button', { name: 'Use this mask' }).click()
  await page.getByRole('button', { name: 'Remove the mask' }).waitFor()
  const before = await page.getByTestId('result').count()
  const asked = page.waitForRequest((request) => request.url().endsWith('/images/generate'))
  await page.getByRole('button', { name: 'Draw', exact: true }).click()
  const body = (await asked).postDataJSON()
  assert.equal(body.image.from, 'image')
  assert.equal(body.mask.from, 'upload')
  await drawn(page, before + 1)
  await page.getByTestId('result').first().click()
  await page.getByRole('button', { name: 'Compare' }).click()
  await page.getByLabel('Compare').last().focus()
  // What it was made from can be found.
  await page.getByText('Details', { exact: true }).click()
  await page.getByRole('link', { name: /^Open order No\. \d+$/ }).waitFor()
  await page.getByRole('link', { name: 'a blue circle on a red background' }).click()
  await page.waitForURL(`**/images/${body.image.id}`)
  assert.deepEqual(page.complaints, [])
})

test('several orders at once, each on its own card; what came first is in the history', async () => {
  const page = await visit(chrome, server)
  await page.goto('/generate')
  const form = page.getByRole('form', { name: 'What is to be drawn' })
  await page.getByText('Advanced settings').click()
  await page.getByLabel('Steps', { exact: true }).fill('100')
  await page.getByLabel('Steps', { exact: true }).press('Tab')
  for (const prompt of ['a red square', 'a blue triangle']) {
    await form.getByLabel('Prompt', { exact: true }).fill(prompt)
    const ordered = page.waitForResponse((response) => response.url().endsWith('/images/generate') && response.ok())
    await page.getByRole('button', { name: 'Draw', exact: true }).click()
    await ordered
    await page.getByRole('button', { name: 'Draw', exact: true, disabled: false }).waitFor()
  }
  await drawn(page, 2)
  const history = page.getByRole('complementary', { name: 'History' })
  await history.getByRole('button', { name: /a red square/ }).click()
  assert.equal(await form.getByLabel('Prompt', { exact: true }).inputValue(), 'a red square')
  assert.deepEqual([page.complaints, page.strangers], [[], []])
})

test('a picture that is dropped brings its settings; one from an address is fetched by the server or refused', async () => {
  const page = await visit(chrome, server)
  await draw(page, 'a green ring')
  await page.getByTestId('result').first().click()
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download' }).click()
  const bytes = readFileSync(await (await saved).path()).toString('base64')
  await page.goto('/generate/image-to-image')
  await page.getByLabel('Prompt', { exact: true }).fill('something else')
  await page.getByText('Choose a picture to start from.').waitFor()
  const files = await page.evaluateHandle((base64) => {
    const transfer = new DataTransfer()
    const content = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
    transfer.items.add(new File([content], 'ring.png', { type: 'image/png' }))
    return transfer
  }, bytes)
  await page.getByTestId('drop').dispatchEvent('drop', { dataTransfer: files })
  await page.getByText('ring.png').waitFor()
  await page.getByRole('button', { name: 'Use them' }).click()
  assert.equal(await page.getByLabel('Prompt', { exact: true }).inputValue(), 'a green ring')
  await page.getByRole('button', { name: 'Remove', exact: true }).click()

  // The page asks no other host; the server asks none that is not allowed.
  const orders = []
  page.on('request', (request) => request.url().endsWith('/images/generate') && orders.push(request.url()))
  await page.getByRole('radio', { name: 'From a picture' }).click()
  const address = page.getByLabel('Address of a picture (https://…)')
  await address.fill('https://127.0.0.1/secret.png')
  await address.press('Enter')
  await page.locator('section[aria-label="Start from a picture"] [role=alert]').waitFor()
  assert.deepEqual(orders, [])
  assert.deepEqual([page.complaints, page.strangers], [[], []])
})

/** Counts what a page holds on to: timers that go on, and addresses of files that were not given back. */
function countHeld() {
  const [timers, urls] = [new Set(), new Set()]
  const { setInterval, clearInterval } = window
  window.setInterval = (...args) => {
    const timer = setInterval(...args)
    timers.add(timer)
    return timer
  }
  window.clearInterval = (timer) => {
    timers.delete(timer)
    clearInterval(timer)
  }
  const [create, revoke] = [URL.createObjectURL.bind(URL), URL.revokeObjectURL.bind(URL)]
  URL.createObjectURL = (file) => {
    const url = create(file)
    urls.add(url)
    return url
  }
  URL.revokeObjectURL = (url) => {
    urls.delete(url)
    revoke(url)
  }
  window.held = () => ({ timers: timers.size, urls: urls.size })
}

test('a page leaves nothing behind', async () => {
  const page = await visit(chrome, server)
  await page.addInitScript(countHeld)
  await page.goto('/')
  const links = page.getByRole('navigation', { name: 'Main' })
  await links.getByRole('link', { name: 'Draw', exact: true }).click()
  await page.getByRole('radio', { name: 'From a picture' }).click()
  await page.locator('input[type=file]').setInputFiles(fileURLToPath(new URL('../../public/icon-192.png', import.meta.url)))
  await page.getByText('icon-192.png').waitFor()
  assert.equal((await page.evaluate(() => window.held())).urls, 1)
  await page.getByLabel('Prompt', { exact: true }).fill('a grey easel')
  await page.getByRole('button', { name: 'Draw', exact: true }).click()
  await drawn(page)
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await links.getByRole('link', { name: 'Gallery', exact: true }).click()
  await tiles(page).first().waitFor()
  assert.deepEqual(await page.evaluate(() => window.held()), { timers: 0, urls: 0 })
  assert.deepEqual([page.complaints, page.strangers], [[], []])
})

test('the gallery packs what is chosen, and files it in an album', async () => {
  const page = await visit(chrome, server)
  await draw(page, 'a brown star')
  await page.goto('/gallery')
  await tabTo(page, tiles(page).first())
  await page.keyboard.press('Space')
  await page.getByText('1 selected').waitFor()
  const saved = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download as ZIP' }).click()
  const zip = readFileSync(await (await saved).path())
  assert.equal(zip.subarray(0, 4).toString('latin1'), 'PK\u0003\u0004')
  await page.getByRole('button', { name: 'Album', exact: true }).click()
  await page.getByLabel('New album').fill('Stars')
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.reload()
  await page.getByLabel('Album', { exact: true }).selectOption({ label: 'Stars' })
  await page.waitForFunction(() => document.querySelectorAll('#main [role=option]').length === 1)
  await page.getByLabel('How it was made').selectOption('inpaint')
  await page.getByText('Nothing found').waitFor()
  assert.deepEqual([page.complaints, page.strangers], [[], []])
})

test('it opens without a connection, and says so', async () => {
  const alone = await start()
  const page = await visit(chrome, alone)
  try {
    await page.goto('/')
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => null))
    const manifest = await page.evaluate(async () => (await fetch(document.querySelector('link[rel=manifest]').href)).json())
    assert.deepEqual([manifest.display, manifest.icons.some(({ sizes }) => sizes === '512x512')], ['standalone', true])
    await page.waitForFunction(async () => (await caches.keys()).length === 1)
    await page.context().setOffline(true)
    await page.getByText('You are offline.').waitFor()
    await page.context().setOffline(false)
    alone.stop()
    await gone(alone)
    await page.goto('/generate')
    await page.getByText('The server cannot be reached.').first().waitFor()
    await page.getByRole('button', { name: 'Draw', exact: true }).waitFor()
  } finally {
    alone.stop()
  }
})

test('in a style that is found by its name, with words that are suggested and added', async () => {
  const page = await visit(chrome, server)
  await page.goto('/generate')
  const prompt = page.getByLabel('Prompt', { exact: true })
  await prompt.pressSequentially('a cat, candlel')
  await page.getByRole('option', { name: 'candlelight', exact: true }).first().click()
  assert.equal(await prompt.inputValue(), 'a cat, candlelight')
  await page.getByRole('button', { name: 'Styles', exact: true }).click()
  await page.getByLabel('Find a style').fill('linoct')
  await page.getByRole('button', { name: 'Linocut', exact: true }).click()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Add fitting detail' }).click()
  await page.getByRole('button', { name: 'As it was before' }).click()
  assert.equal(await prompt.inputValue(), 'a cat, candlelight')
  const asked = page.waitForRequest((request) => request.url().endsWith('/images/generate'))
  await page.getByRole('button', { name: 'Draw', exact: true }).click()
  const body = (await asked).postDataJSON()
  assert.deepEqual([body.prompt, body.styles], ['a cat, candlelight', ['linocut']])
  await drawn(page)
  await page.reload()
  await page.getByRole('button', { name: 'Earlier prompts' }).click()
  await page.getByRole('button', { name: 'a cat, candlelight', exact: true }).click()
  await page.getByRole('button', { name: 'Remove Linocut' }).waitFor()
  assert.deepEqual([page.complaints, page.strangers], [[], []])
})

/** Presses Tab until what is wanted has the focus. */
async function tabTo(page, locator) {
  await locator.waitFor()
  for (let presses = 0; presses < 80; presses++) {
    if (await locator.evaluate((element) => element === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`${locator} cannot be reached`)
}

test('by the keyboard alone', async () => {
  const page = await visit(chrome, server)
  await page.goto('/generate')
  await tabTo(page, page.getByLabel('Prompt', { exact: true }))
  await page.keyboard.type('a yellow star')
  await page.waitForTimeout(600)
  await page.keyboard.press('Control+Enter')
  await drawn(page)
  await tabTo(page, page.getByTestId('result').first())
  await page.keyboard.press('Enter')
  await tabTo(page, page.getByRole('button', { name: 'Favourite' }))
  await page.keyboard.press('Enter')
  await page.locator('button[aria-pressed=true]', { hasText: 'Favourite' }).waitFor()

  // A new page begins at its top; the first stop skips to the content.
  await page.goto('/')
  await tabTo(page, page.getByRole('link', { name: 'Skip to the content' }))
  await tabTo(page, page.getByRole('link', { name: 'Gallery', exact: true }).first())
  await page.keyboard.press('Enter')
  await page.waitForURL('**/gallery')
  await tabTo(page, tiles(page).first())
  const count = await tiles(page).count()
  await page.keyboard.press('Space')
  await page.getByText('1 selected').waitFor()
  await page.keyboard.press('Escape')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/images/*')
  await tabTo(page, page.getByRole('button', { name: 'Delete' }))
  await page.keyboard.press('Enter')
  await tabTo(page, page.getByRole('dialog').getByRole('button', { name: 'Delete' }))
  await page.keyboard.press('Enter')
  await page.waitForURL('**/gallery')
  await page.waitForFunction((left) => document.querySelectorAll('[role=option]').length === left, count - 1)
  assert.deepEqual(page.complaints, [])
})

test('on a telephone, 360 wide', async () => {
  const page = await visit(chrome, server, { viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true })
  await draw(page, 'a purple triangle')
  const wider = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)
  assert.equal(wider, false)
})

const noSocket = () => {
  window.WebSocket = class {
    constructor() {
      throw new Error('blocked')
    }
  }
}
for (const [name, streams, way] of [['the socket', true, /\/jobs\/[\w-]+\/events$/], ['the socket and the stream', false, /\/jobs\/[\w-]+$/]]) {
  test(`with ${name} blocked`, async () => {
    const page = await visit(chrome, server)
    const asked = []
    page.on('request', (request) => asked.push(request.url()))
    await page.addInitScript(noSocket)
    if (!streams) await page.route('**/events', (route) => route.abort())
    await draw(page, 'a white ring')
    assert.ok(asked.some((url) => way.test(url)), asked.join('\n'))
  })
}

/** A message that a language does not have is shown as its key. */
const KEYS = /(?:^|\s)(?:action|admin|detail|error|form|gallery|generate|job|landing|mode|nav|result|state|title)\.[a-z]\w+/m
for (const [locale, lang, label, go] of [['zh-CN', 'zh-Hans', '提示词', '开始绘制'], ['ru-RU', 'ru', 'Запрос', 'Нарисовать']]) {
  test(`in ${locale}, on the narrowest screen too`, async () => {
    const page = await visit(chrome, server, { locale, viewport: { width: 320, height: 640 } })
    await page.goto('/generate')
    await page.getByLabel(label, { exact: true }).fill('a red circle')
    await page.getByRole('button', { name: go, exact: true }).click()
    await drawn(page)
    for (const path of ['/generate', '/gallery', '/', '/nothing/here']) {
      await page.goto(path)
      await page.waitForSelector('#main h1', { state: 'attached' })
      await page.waitForFunction(() => !document.querySelector('#main .skeleton'))
      assert.equal(await page.evaluate(() => document.documentElement.lang), lang)
      assert.doesNotMatch(await page.locator('body').innerText(), KEYS, path)
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), `${path} is wider than the screen`)
    }
    assert.deepEqual([page.complaints, page.strangers], [[], []])
  })
}
