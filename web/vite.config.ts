import { fileURLToPath } from 'node:url'
import i18n from '@intlify/unplugin-vue-i18n/vite'
import tailwind from '@tailwindcss/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'
import { clipMerges } from './build/clip-merges'
import { compress } from './build/compress'
import { serviceWorker } from './build/service-worker'
import { shell } from './build/shell'

// Where `npm run dev` finds a server.
const server = process.env['EASEL_URL'] ?? 'http://127.0.0.1:3273'

/** What many pages use a little of: one file, not two dozen that are asked for one by one. */
const SMALL = /\/src\/(?:components\/ui\/(?!ModalBox)|composables\/use(?:Async|Format|Pages)|lib\/(?:blurhash|catalogue|format|inside|parameters|turns))|\/lucide-vue-next\//

export default defineConfig({
  // Messages are parsed when this is built: a page that begins has better things to do, and no parser to fetch.
  plugins: [vue(), i18n({ include: fileURLToPath(new URL('./src/i18n/*.json', import.meta.url)), dropMessageCompiler: true, fullInstall: false }), tailwind(), clipMerges(), shell(), serviceWorker(), compress()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: { __VUE_OPTIONS_API__: false, __VUE_I18N_LEGACY_API__: false, __INTLIFY_PROD_DEVTOOLS__: false },
  // Nothing is inlined: the policy allows no `data:` fonts, and hashed files are cached for ever.
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
    // What only lists of thousands need would come along with a library that could use it.
    rollupOptions: { output: { manualChunks: (id) => (id.includes('/@tanstack/') ? 'lists' : SMALL.test(id) ? 'parts' : undefined) } },
  },
  server: {
    proxy: { '/api': { target: server, ws: true }, '/v1': server, '/docs': server, '/openapi.json': server, '/health': server },
  },
  test: {
    environment: 'happy-dom',
    // A machine that builds at the same time is slow; what hangs is still told.
    testTimeout: 30_000,
    include: ['tests/unit/**/*.test.ts'],
    setupFiles: ['tests/unit/setup.ts'],
    environmentOptions: { happyDOM: { settings: { navigation: { disableMainFrameNavigation: true, disableChildFrameNavigation: true } } } },
    coverage: {
      provider: 'v8',
      include: ['src/stores/**', 'src/composables/**', 'src/components/**', 'src/lib/**', 'src/api/**'],
      exclude: ['src/api/schema.ts'],
      thresholds: { lines: 80 },
    },
  },
})
