// A server whose operator has terms: who registers agrees to them, and who has not orders nothing until they do.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PASSWORD, at, browser, login, start, visit } from './harness.mjs'

let server, chrome
before(async () => {
  server = await start({ accounts: true, settings: ['--terms-version', '2026-01', '--terms-url', '/docs'] })
  server.superuser('root@example.org')
  chrome = await browser()
})
after(async () => {
  await chrome?.close()
  server?.stop()
})

test('who registers agrees to the terms, and is not asked again', async () => {
  const page = await visit(chrome, server)
  await page.goto('/register')
  await page.getByLabel('Email').fill('ada@example.org')
  await page.getByLabel('Name that others see').fill('ada')
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  const create = page.getByRole('button', { name: 'Create an account' })
  await create.click()
  // The browser itself sends no form whose box is not ticked.
  assert.equal(await page.getByRole('checkbox').evaluate((box) => box.validity.valueMissing), true)
  await at(page, '/register')
  await page.getByRole('checkbox').check()
  await create.click()
  await at(page, '/generate')
  assert.equal(await page.getByText('The papers of this server').count(), 0)
  await page.goto('/profile')
  await page.getByRole('tab', { name: 'Privacy' }).click()
  await page.getByRole('heading', { name: 'What you have agreed to' }).waitFor()
  assert.deepEqual([page.complaints, page.strangers], [[], []])
})

test('who has not agreed is refused, asked, and draws', async () => {
  const page = await visit(chrome, server)
  await login(page, 'root@example.org')
  await page.goto('/generate')
  await page.getByText('The papers of this server').waitFor()
  await page.getByLabel('Prompt', { exact: true }).fill('a red circle')
  const draw = page.getByRole('button', { name: 'Draw', exact: true })
  await draw.click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('Nothing is drawn before you have agreed').waitFor()
  await dialog.getByRole('checkbox').check()
  await dialog.getByRole('button', { name: 'I agree' }).click()
  await dialog.waitFor({ state: 'detached' })
  assert.equal(await page.getByText('The papers of this server').count(), 0)
  await draw.click()
  await page.getByTestId('result').first().waitFor({ timeout: 60_000 })
})
