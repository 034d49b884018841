// `npm run lighthouse`: Lighthouse's scores of the pages that people see first, from the real program with the built-in model: medians, and every
// run's in brackets. A measurement and no test: how fast a page is depends on the machine, which has to be quiet.
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

/** How fast a page is differs from run to run by more than a few points; the median of five does not. */
const ROUNDS = Number(process.env.ROUNDS ?? 5)
const median = (sorted) => sorted[sorted.length >> 1]

function measured(preset, path, round) {
  const file = join(OUT, `lighthouse-${preset}-${path.slice(1) || 'landing'}-${round}.json`)
  const options = [`--only-categories=${WANTED.join()}`, '--output=json', `--output-path=${file}`, '--quiet', '--chrome-flags=--headless=new --no-sandbox']
  if (preset === 'desktop') options.push('--preset=desktop')
  const command = ['exec', '--yes', `--package=${PACKAGE}`, '--', 'lighthouse', `${server.url}${path}`, ...options]
  const ran = spawnSync('npm', command, { env: { ...process.env, CHROME_PATH: CHROMIUM }, encoding: 'utf8' })
  if (ran.status !== 0) throw new Error(ran.stderr)
  return JSON.parse(readFileSync(file, 'utf8'))
}

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
      const reports = Array.from({ length: ROUNDS }, (_, round) => measured(preset, path, round))
      const scores = WANTED.map((category) => [category, reports.map(({ categories }) => Math.round(categories[category].score * 100)).sort((a, b) => a - b)])
      good &&= scores.every(([, all]) => median(all) >= LEAST)
      process.stdout.write(`${preset.padEnd(8)} ${path.padEnd(10)} ${scores.map(([category, all]) => `${category} ${median(all)} (${all.join(' ')})`).join('  ')}\n`)
      const middle = reports.toSorted((a, b) => a.categories.performance.score - b.categories.performance.score)[ROUNDS >> 1]
      const audits = Object.values(middle.audits).filter(({ score, scoreDisplayMode }) => score !== null && score < 0.9 && scoreDisplayMode !== 'informative')
      for (const { id, displayValue } of audits) process.stdout.write(`         ${id} ${displayValue ?? ''}\n`)
    }
  }
} finally {
  server.stop()
}
process.exitCode = good ? 0 : 1
