// Writes `.gz` and `.br` beside what is worth it, so that the server sends small files without any work.
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

const WORTH_IT = /\.(js|css|html|svg|txt|webmanifest)$/
const BYTES_MIN = 1000

export function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        for (const [name, file] of Object.entries(bundle)) {
          const source = file.type === 'chunk' ? file.code : file.source
          if (!WORTH_IT.test(name) || source.length < BYTES_MIN) continue
          const params = { [constants.BROTLI_PARAM_QUALITY]: source.length > 100_000 ? 9 : 11 }
          this.emitFile({ type: 'asset', fileName: `${name}.gz`, source: gzipSync(source, { level: 9 }) })
          this.emitFile({ type: 'asset', fileName: `${name}.br`, source: brotliCompressSync(source, { params }) })
        }
      },
    },
  }
}
