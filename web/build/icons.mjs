// Draws the icons that systems want as PNG of `public/favicon.svg`: `node build/icons.mjs`.
import { readFileSync, writeFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' })
const svg = readFileSync(new URL('../public/favicon.svg', import.meta.url), 'utf8').replace('rx="14"', '')
for (const size of [192, 512]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } })
  await page.setContent(`<style>body{margin:0}svg{display:block;width:100vw}</style>${svg}`)
  writeFileSync(new URL(`../public/icon-${size}.png`, import.meta.url), await page.screenshot())
}
await browser.close()
