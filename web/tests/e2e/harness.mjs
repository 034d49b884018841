// The real program with the built-in model in an empty folder, and Debian's Chromium. `EASEL_BIN` says where the program is.
import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

const target = process.env.CARGO_TARGET_DIR ?? fileURLToPath(new URL('../../../target', import.meta.url))
export const BIN = process.env.EASEL_BIN ?? join(target, 'release', 'easel')
export const CHROMIUM = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync)
export const PASSWORD = 'a long sentence that nobody says'
/** What is left to look at: pictures of the pages, and what the servers said. */
export const OUT = fileURLToPath(new URL('out', import.meta.url))

/** Several people, who share an address here and are as fast as a machine: more than a hundred requests a minute. */
const UNLIMITED = ['--rate-limit-per-minute', '0', '--rate-limit-per-hour', '0', '--rate-limit-login', '0']

/** Starts a server; `accounts` makes everybody log in, `data` is a folder whose copy it begins with, `settings` are more of its options. */
export async function start({ accounts = false, data = null, settings = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'easel-e2e-'))
  if (data) cpSync(data, join(folder, 'data'), { recursive: true })
  const env = { HOME: folder, PATH: process.env.PATH, EASEL_DATA_DIR: join(folder, 'data') }
  const options = ['serve', '--port', '0', ...(accounts ? ['--auth', 'required', ...UNLIMITED] : []), ...settings]
  mkdirSync(OUT, { recursive: true })
  const log = openSync(join(OUT, `${basename(process.argv[1] ?? 'server', '.test.mjs')}.log`), 'w')
  const child = spawn(BIN, options, { cwd: folder, env, stdio: ['ignore', 'pipe', log] })
  const lines = []
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => resolve(lines.push(text) && lines[0]))
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)))
    child.once('error', reject)
  })
  const port = /:(\d+)/.exec(line)?.[1]
  const server = {
    // Cookies for HTTPS alone are kept for this name too.
    url: `http://localhost:${port}`,
    /** What it says when it starts. */
    lines,
    /** The last mail to somebody. */
    async mail(address) {
      const outbox = join(folder, 'data', 'outbox')
      for (let tries = 0; tries < 100; tries++) {
        const mails = existsSync(outbox) ? readdirSync(outbox).map((name) => join(outbox, name)) : []
        const texts = mails.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs).map((name) => readFileSync(name, 'utf8'))
        const found = texts.find((text) => text.includes(address))
        if (found) return found.replace(/=\r?\n/g, '').replace(/=3D/g, '=')
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
      throw new Error(`no mail to ${address}`)
    },
    superuser(email) {
      const ran = spawnSync(BIN, ['admin', 'create-superuser', '--email', email], { cwd: folder, env, input: `${PASSWORD}\n`, encoding: 'utf8' })
      if (ran.status !== 0) throw new Error(ran.stderr)
    },
    stop() {
      // It writes until it has ended.
      const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
      if (child.exitCode !== null || child.signalCode !== null) return remove()
      child.once('exit', remove)
      child.kill('SIGTERM')
    },
  }
  for (let tries = 0; tries < 300; tries++) {
    const ready = await fetch(`${server.url}/health/ready`).catch(() => null)
    if (ready?.ok) return server
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  server.stop()
  throw new Error('the server does not become ready')
}

/** It answers nobody any more. */
export async function gone(server) {
  for (let tries = 0; tries < 300; tries++) {
    if (!(await fetch(`${server.url}/health/live`).catch(() => null))) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the server does not end')
}

export function browser() {
  if (!CHROMIUM) throw new Error('there is no Chromium: apt-get install chromium, or say where it is as CHROMIUM')
  return chromium.launch({ executablePath: CHROMIUM, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}

/** Counts the previews that a page shows, however briefly. */
function countPreviews() {
  window.previews = 0
  const looked = (node) => node.nodeType === 1 && (node.matches('[data-testid=preview]') || node.querySelector('[data-testid=preview]'))
  new MutationObserver((changes) => {
    for (const { target, addedNodes } of changes) window.previews += [target, ...addedNodes].some(looked) ? 1 : 0
  }).observe(document, { childList: true, subtree: true, attributes: true, attributeFilter: ['src'] })
}

/** A page of somebody's own. What it complains of, what it asks of others, and where it is told to log in, is kept. */
export async function visit(chrome, server, { viewport = { width: 1280, height: 860 }, locale = 'en-US', ...more } = {}) {
  const context = await chrome.newContext({ viewport, locale, baseURL: server.url, reducedMotion: 'reduce', ...more })
  const page = await context.newPage()
  await page.addInitScript(countPreviews)
  page.complaints = []
  page.strangers = []
  page.refused = []
  page.on('pageerror', (error) => page.complaints.push(error.message))
  page.on('console', (message) => /Content Security Policy|Refused to/.test(message.text()) && page.complaints.push(message.text()))
  page.on('console', (message) => /status of 401/.test(message.text()) && page.refused.push(message.location().url))
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(server.url) && !/^(data|blob|ws):/.test(url)) page.strangers.push(url)
  })
  return page
}

/** On a page, whatever its query says. */
export const at = (page, path) => page.waitForURL((url) => url.pathname === path)

export async function login(page, email) {
  await page.goto('/login')
  await page.getByLabel('Email').fill(email)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Log in' }).click()
  await at(page, '/generate')
}

/** What the page's own client would send, for what is not the test's matter. */
export async function ask(page, method, path, body) {
  const answer = await page.evaluate(
    async ([method, path, body]) => {
      const proof = document.cookie.split('; ').find((cookie) => cookie.includes('csrf'))?.split('=')[1] ?? ''
      const headers = { ...(body && { 'content-type': 'application/json' }), 'x-csrf-token': proof }
      const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) })
      const text = await response.text()
      return { ok: response.ok, text }
    },
    [method, `/api/v1${path}`, body],
  )
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.text}`)
  return answer.text ? JSON.parse(answer.text) : null
}

/** The picture sharpened before one's eyes: more than one preview was shown. */
export const sharpened = (page) => page.waitForFunction(() => window.previews > 1, null, { timeout: 60_000 })

/** A picture that is drawn; `more` is what else is asked for. */
export async function drawn(page, prompt, more = {}) {
  const job = await ask(page, 'POST', '/images/generate?wait=true', { prompt, ...more })
  if (!job.images?.[0]) throw new Error(JSON.stringify(job))
  return job.images[0]
}
