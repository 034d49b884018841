// A server of several people: register, prove the address, draw; an administrator suspends.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PASSWORD, browser, start, visit } from './harness.mjs'

let server, chrome
before(async () => {
  server = await start({ accounts: true })
  server.superuser('root@example.org')
  chrome = await browser()
})
after(async () => {
  await chrome?.close()
  server?.stop()
})

/** On a page, whatever its query says. */
const at = (page, path) => page.waitForURL((url) => url.pathname === path)

async function login(page, email) {
  await page.goto('/login')
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Log in' }).click()
  await at(page, '/generate')
}

test('register, verify, draw', async () => {
  const page = await visit(chrome, server)
  await page.goto('/generate')
  await at(page, '/login')
  await page.getByRole('link', { name: 'Create an account' }).click()
  await page.getByLabel('Email').fill('ada@example.org')
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Create an account' }).click()
  await at(page, '/generate')
  const link = /\/verify-email#token=[\w-]+/.exec(await server.mail('ada@example.org'))[0]
  await page.goto(link)
  await page.getByRole('button', { name: 'Confirm my address' }).click()
  await page.getByText('Your address is confirmed.').waitFor()
  await page.goto('/generate')
  await page.getByLabel('Prompt', { exact: true }).fill('a red circle')
  await page.getByText(/credits/).first().waitFor()
  await page.getByRole('button', { name: 'Draw', exact: true }).click()
  await page.getByTestId('result').first().waitFor({ timeout: 60_000 })
  assert.deepEqual([page.complaints, page.strangers], [[], []])
})

test('sessions are seen and ended, and what was used is counted', async () => {
  const page = await visit(chrome, server)
  await login(page, 'ada@example.org')
  await page.goto('/profile')
  await page.getByRole('tab', { name: 'Security' }).click()
  await page.getByText('this device').waitFor()
  await page.getByRole('button', { name: 'Log out there' }).first().click()
  await page.getByRole('tab', { name: 'Usage' }).click()
  await page.getByText(/in thirty days/).first().waitFor()
  assert.deepEqual(page.complaints, [])
})

test('an administrator suspends somebody, who cannot log in any more', async () => {
  const page = await visit(chrome, server)
  await login(page, 'root@example.org')
  await page.goto('/admin/users')
  const row = page.getByRole('row', { name: /ada@example.org/ })
  await row.getByRole('button', { name: 'Suspend' }).click()
  await row.getByRole('button', { name: 'Let back in' }).waitFor()
  const other = await visit(chrome, server)
  await other.goto('/login')
  await other.getByLabel('Email').fill('ada@example.org')
  await other.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await other.getByRole('button', { name: 'Log in' }).click()
  await other.getByRole('alert').waitFor()
})
