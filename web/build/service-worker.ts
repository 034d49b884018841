// Writes the list of built files, and a version made of it, into `sw.js`. What is cached is static: no answer of the API, no picture.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

/** What the page names besides its scripts and styles (`public/`). */
const NAMED = ['/theme.js', '/early.js', '/favicon.svg', '/manifest.webmanifest']
const SOURCE = fileURLToPath(new URL('../src/sw.js', import.meta.url))

export function serviceWorker(): Plugin {
  return {
    name: 'service-worker',
    apply: 'build',
    generateBundle(_, bundle) {
      // Fonts of scripts nobody reads and the tokenizer come when they are asked for.
      const shell = Object.keys(bundle).filter((name) => /^assets\/.*\.(js|css)$/.test(name)).sort()
      const version = createHash('sha256').update(shell.join('\n')).digest('hex').slice(0, 16)
      const source = readFileSync(SOURCE, 'utf8')
        .replace('__VERSION__', version)
        .replace("'__SHELL__'", JSON.stringify(['/', ...NAMED, ...shell.map((name) => `/${name}`)]))
      this.emitFile({ type: 'asset', fileName: 'sw.js', source })
    },
  }
}
