// A server of several people, from its first start: it is set up; somebody registers, draws, repaints, shows, and is liked by somebody else; an
// administrator hides and suspends.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PASSWORD, ask, at, browser, drawn, login, sharpened, start, visit } from './harness.mjs'

let server, chrome
before(async () => {
  server = await start({ accounts: true })
  chrome = await browser()
})
after(async () => {
  await chrome?.close()
  server?.stop()
})

const tiles = (page, list) => page.getByRole('listbox', { name: list }).getByRole('option')

/** Nothing was complained of, and nothing asked of others. */
const clean = (...pages) => assert.deepEqual(pages.flatMap(({ complaints, strangers }) => [...complaints, ...strangers]), [])

async function register(page, email, name) {
  await page.goto('/register')
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Name that others see').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Create an account' }).click()
  await at(page, '/generate')
}

test('the first visit: an administrator, a model, a picture', async () => {
  const stranger = await visit(chrome, server)
  await stranger.goto('/explore')
  await at(stranger, '/setup')
  await stranger.getByText('Open the link that the server shows when it starts').waitFor()
  const link = /\/setup#token=\w+/.exec(server.lines.join('\n'))[0]
  const page = await visit(chrome, server)
  await page.goto(link)
  await page.getByLabel('Email').fill('root@example.org')
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Create the administrator' }).click()
  await page.getByRole('radio').first().check()
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Draw the first picture' }).click()
  await at(page, '/generate')
  await page.getByRole('button', { name: 'Draw', exact: true }).click()
  await page.getByTestId('result').first().waitFor({ timeout: 60_000 })
  await stranger.goto('/explore')
  await stranger.getByRole('heading', { name: 'Explore' }).waitFor()
  await stranger.goto('/')
  await stranger.getByRole('heading', { name: 'Questions' }).waitFor()
  // Nobody is asked who they are.
  assert.deepEqual(stranger.refused, [])
  clean(stranger, page)
})

test('register, verify, draw, watch, repaint, show, be liked, delete', async () => {
  const page = await visit(chrome, server)
  await page.goto('/generate')
  await at(page, '/login')
  await register(page, 'ada@example.org', 'ada')
  const link = /\/verify-email#token=[\w-]+/.exec(await server.mail('ada@example.org'))[0]
  await page.goto(link)
  await page.getByRole('button', { name: 'Confirm my address' }).click()
  await page.getByText('Your address is confirmed.').waitFor()

  // Draw, and watch it sharpen.
  await page.goto('/generate')
  await page.getByLabel('Prompt', { exact: true }).fill('a red circle on a blue background')
  await page.getByText('Advanced settings').click()
  await page.getByLabel('Steps', { exact: true }).fill('150')
  await page.getByLabel('Steps', { exact: true }).press('Tab')
  await page.getByText(/of .* credits/).waitFor()
  await page.getByRole('button', { name: 'Draw', exact: true }).click()
  await sharpened(page)
  await page.getByTestId('result').first().waitFor({ timeout: 60_000 })

  // It is in the gallery; from there it goes back into the form.
  await page.getByRole('link', { name: 'Gallery' }).first().click()
  await tiles(page, 'Gallery').first().click()
  await page.getByRole('button', { name: 'Use as input' }).click()
  await at(page, '/generate')

  // A part is painted over and drawn anew.
  await page.getByRole('button', { name: 'Paint a mask' }).click()
  const box = await page.getByRole('application').boundingBox()
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.7, box.y + box.height * 0.5, { steps: 5 })
  await page.mouse.up()
  await page.getByRole('button', { name: 'Use this mask' }).click()
  await page.getByRole('button', { name: 'Remove the mask' }).waitFor()
  const before = await page.getByTestId('result').count()
  await page.getByRole('button', { name: 'Draw', exact: true }).click()
  await page.getByTestId('result').nth(before).waitFor({ timeout: 60_000 })

  // Everybody sees it, with its prompt.
  await page.goto('/gallery')
  await tiles(page, 'Gallery').nth(1).waitFor()
  await tiles(page, 'Gallery').first().click()
  await page.waitForURL('**/images/*')
  const id = new URL(page.url()).pathname.split('/').at(-1)
  await page.getByRole('button', { name: 'Publish' }).click()
  await page.getByLabel('With its prompt').check()
  await page.getByRole('dialog').getByRole('button', { name: 'Show to everybody' }).click()
  await page.getByRole('button', { name: 'Make private' }).waitFor()

  // A link shows it to who has no account.
  await page.getByRole('button', { name: 'Share' }).click()
  await page.getByRole('button', { name: 'Make a link' }).click()
  const address = await page.getByLabel('Link', { exact: true }).inputValue()
  await page.getByRole('button', { name: 'Close' }).click()
  const guest = await visit(chrome, server)
  await guest.goto(new URL(address).pathname)
  const seen = guest.locator('#main img:not([aria-hidden])').first()
  await seen.waitFor()
  await guest.waitForFunction(() => document.querySelector('#main img:not([aria-hidden])')?.naturalWidth > 0)

  // Somebody else finds it, likes it, and takes it as a template.
  const grace = await visit(chrome, server)
  await register(grace, 'grace@example.org', 'grace')
  await grace.getByRole('link', { name: 'Explore' }).first().click()
  await tiles(grace, 'Explore').first().click()
  await at(grace, `/explore/${id}`)
  await grace.waitForFunction(() => document.querySelector('#main img:not([aria-hidden])')?.naturalWidth > 0)
  await grace.getByRole('button', { name: 'Like' }).click()
  await grace.getByRole('button', { name: /Like\s*1/ }).waitFor()
  await grace.getByLabel('Write a comment').fill('What a red')
  await grace.getByRole('button', { name: 'Send', exact: true }).click()
  await grace.getByText('What a red').waitFor()
  await grace.getByRole('button', { name: 'Use as a template' }).click()
  await at(grace, '/generate')
  assert.equal(await grace.getByLabel('Prompt', { exact: true }).inputValue(), 'a red circle on a blue background')

  // It is deleted, and nobody sees it any more.
  await page.goto(`/images/${id}`)
  await page.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await at(page, '/gallery')
  await tiles(page, 'Gallery').first().waitFor()
  assert.equal(await tiles(page, 'Gallery').count(), 1)
  await guest.reload()
  await guest.getByText('There is nothing here').waitFor()
  await grace.goto('/explore')
  await grace.getByText('Nothing found').waitFor()
  clean(page, guest, grace)
})

test('sessions are seen and ended, and what was used is counted', async () => {
  const page = await visit(chrome, server, { timezoneId: 'America/Los_Angeles' })
  await login(page, 'ada@example.org')
  await page.goto('/profile')
  await page.getByRole('tab', { name: 'Security' }).click()
  await page.getByText('this device').waitFor()
  await page.getByRole('button', { name: 'Log out there' }).first().click()
  await page.getByRole('tab', { name: 'Usage' }).click()
  await page.getByText(/in thirty days/).first().waitFor()
  // The server counts by days of its own, and they are read as those days everywhere.
  await page.getByText('As a table').click()
  const days = await page.getByRole('group', { name: 'As a table' }).locator('tbody td:first-child').allInnerTexts()
  const counted = (await ask(page, 'GET', '/users/me/stats')).map(({ day }) => new Date(day).toLocaleDateString('en-US', { dateStyle: 'medium', timeZone: 'UTC' }))
  assert.deepEqual(days.sort(), counted.sort())
  await page.getByRole('region', { name: 'Your plan' }).getByText('Free').waitFor()
  await page.getByRole('tab', { name: 'API keys' }).click()
  await page.getByRole('link', { name: 'Own accounts with image services' }).click()
  await at(page, '/settings/providers')
  clean(page)
})

test('an administrator hides a picture that is reported, and suspends somebody', async () => {
  const ada = await visit(chrome, server)
  await login(ada, 'ada@example.org')
  const { id } = await drawn(ada, 'a green triangle')
  await ask(ada, 'POST', `/images/${id}/public`)
  const grace = await visit(chrome, server)
  await login(grace, 'grace@example.org')
  await grace.goto(`/explore/${id}`)
  await grace.getByRole('button', { name: 'Report' }).click()
  await grace.getByLabel('Reason').selectOption('spam')
  await grace.getByLabel('In your words').fill('again and again')
  await grace.getByRole('dialog').getByRole('button', { name: 'Send', exact: true }).click()
  await grace.getByText('Somebody will look at it').waitFor()

  const page = await visit(chrome, server)
  await login(page, 'root@example.org')
  await page.goto('/admin/moderation')
  const found = page.getByTestId('case').filter({ hasText: 'Spam' })
  await found.getByRole('button', { name: 'Decide' }).click()
  await page.getByText('again and again').waitFor()
  await page.getByLabel('Reason, for the owner to read').fill('advertising')
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page.getByText('Nothing is waiting for a decision').waitFor()
  await grace.reload()
  await grace.getByText('There is nothing here').waitFor()
  await ada.goto(`/images/${id}`)
  await ada.getByText('A moderator hid this picture from others: advertising').waitFor()
  await ada.getByRole('button', { name: 'Object', exact: true }).click()
  await ada.getByLabel('What you say against it').fill('It is a triangle')
  await ada.getByRole('button', { name: 'Send', exact: true }).click()
  await ada.getByText('You have objected').waitFor()

  await page.goto('/admin/users')
  await page.getByLabel('Find people by the beginning of their name or address').fill('ADA@')
  await page.getByRole('row', { name: /root@example.org/ }).waitFor({ state: 'detached' })
  const row = page.getByRole('row', { name: /ada@example.org/ })
  // Another plan, and back.
  for (const [plan, title] of [['basic', 'Basic'], ['free', 'Free']]) {
    await row.getByLabel(/^Plan of/).selectOption(plan)
    await page.getByRole('dialog').getByText(`the plan “${title}”`).waitFor()
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.equal(await row.getByLabel(/^Plan of/).inputValue(), plan)
  }
  await row.getByRole('button', { name: 'Suspend' }).click()
  await row.getByRole('button', { name: 'Let back in' }).waitFor()
  // Whose session has ended is asked to log in where they stand, without loading the page anew.
  await ada.getByRole('link', { name: 'Gallery' }).first().click()
  await at(ada, '/login')
  await ada.getByLabel('Email').fill('ada@example.org')
  await ada.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await ada.getByRole('button', { name: 'Log in' }).click()
  await ada.getByRole('alert').waitFor()
  clean(page, grace)
})

test('an administrator sees jobs, devices, settings and what was done, and moves a model', async () => {
  const page = await visit(chrome, server)
  await login(page, 'root@example.org')
  await page.goto('/admin/jobs')
  await page.getByRole('row', { name: /Done/ }).first().waitFor()
  await page.getByLabel('State').selectOption('failed')
  await page.getByText('Nothing here yet').waitFor()
  await page.goto('/admin/models')
  await page.getByRole('group', { name: 'Nodes' }).getByRole('row', { name: /answers and draws/ }).waitFor()
  const model = page.getByRole('row', { name: /sd1/ })
  await model.getByRole('button', { name: 'Unload' }).click()
  await model.getByRole('button', { name: 'Load', exact: true }).click({ timeout: 60_000 })
  await model.getByRole('button', { name: 'Unload' }).waitFor({ timeout: 60_000 })
  await page.goto('/admin/audit')
  await page.getByRole('row', { name: /model\.load/ }).first().waitFor()
  await page.goto('/admin/config')
  await page.getByLabel('Find a setting').fill('auth')
  await page.getByRole('row', { name: /^auth required/ }).waitFor()
  await page.goto('/admin')
  await page.getByText('pictures in thirty days').waitFor()
  clean(page)
})
