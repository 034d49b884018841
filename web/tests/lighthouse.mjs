// `npm run lighthouse`: Lighthouse's scores of the pages that people see first, from the real program with the built-in model. A measurement and
// no test: how fast a page is depends on the machine, which has to be quiet.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CHROMIUM, OUT, browser, drawn, start, visit } from './e2e/harness.mjs'

const PAGES = ['/', '/generate', '/gallery']
const WANTED = ['performance', 'accessibility', 'best-practices']
const LEAST = 95
/** As people draw: smaller pictures would be shown larger than they are, which is held against the page. */
const SIZE = { width: 512, height: 512 }
// Fetched when it is asked for: tests do not need it, and it is as large as everything else together.
const PACKAGE = 'lighthouse@12'

const server = await start()
let good = true
try {
  const chrome = await browser()
  const page = await visit(chrome, server)
  await page.goto('/')
  for (const prompt of ['a red circle on a blue background', 'a yellow star on a black background']) await drawn(page, prompt, SIZE)
  await chrome.close()
  mkdirSync(OUT, { recursive: true })
  for (const preset of ['desktop', 'mobile']) {
    for (const path of PAGES) {
      const file = join(OUT, `lighthouse-${preset}-${path.slice(1) || 'landing'}.json`)
      const options = [`--only-categories=${WANTED.join()}`, '--output=json', `--output-path=${file}`, '--quiet', '--chrome-flags=--headless=new --no-sandbox']
      if (preset === 'desktop') options.push('--preset=desktop')
      const command = ['exec', '--yes', `--package=${PACKAGE}`, '--', 'lighthouse', `${server.url}${path}`, ...options]
      const ran = spawnSync('npm', command, { env: { ...process.env, CHROME_PATH: CHROMIUM }, encoding: 'utf8' })
      if (ran.status !== 0) throw new Error(ran.stderr)
      const report = JSON.parse(readFileSync(file, 'utf8'))
      const scores = WANTED.map((category) => [category, Math.round(report.categories[category].score * 100)])
      good &&= scores.every(([, score]) => score >= LEAST)
      process.stdout.write(`${preset.padEnd(8)} ${path.padEnd(10)} ${scores.map(([category, score]) => `${category} ${score}`).join('  ')}\n`)
      const audits = Object.values(report.audits).filter(({ score, scoreDisplayMode }) => score !== null && score < 0.9 && scoreDisplayMode !== 'informative')
      for (const { id, displayValue } of audits) process.stdout.write(`         ${id} ${displayValue ?? ''}\n`)
    }
  }
} finally {
  server.stop()
}
process.exitCode = good ? 0 : 1
