import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/jetbrains-mono/wght.css'
import './styles/main.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n, setLocale, wantedLocale } from './i18n'
import { inTurn } from './lib/turns'
import { router } from './router'

/** What stands in the page (`build/shell.ts`) stays until the head and the beginning of the page are drawn beside it; what comes later comes in its place. */
function mount(): void {
  const drawn = document.createElement('div')
  drawn.id = 'app'
  app.mount(drawn)
  inTurn(() => document.getElementById('app')?.replaceWith(drawn))
}

const app = createApp(App).use(createPinia()).use(i18n)
// In a task of its own: with it the first page is looked for, and whoever is here.
inTurn(() => {
  app.use(router)
  void Promise.allSettled([setLocale(wantedLocale(), false), router.isReady()]).finally(() => inTurn(mount))
})

if ('serviceWorker' in navigator && import.meta.env.PROD) {
  addEventListener('load', () => void navigator.serviceWorker.register('/sw.js').catch(() => undefined))
}
