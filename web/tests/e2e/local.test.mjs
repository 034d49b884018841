// One person on their own machine: no account, from the first word to the last picture.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { browser, sharpened, start, visit } from './harness.mjs'

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
  await page.goto('/gallery')
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
  assert.deepEqual(page.complaints, [])
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

for (const [locale, label, go] of [['zh-CN', '提示词', '开始绘制'], ['ru-RU', 'Запрос', 'Нарисовать']]) {
  test(`in ${locale}`, async () => {
    const page = await visit(chrome, server, { locale })
    await page.goto('/generate')
    await page.getByLabel(label, { exact: true }).fill('a red circle')
    await page.getByRole('button', { name: go, exact: true }).click()
    await drawn(page)
  })
}
