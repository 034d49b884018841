import '@fontsource-variable/inter/wght.css'
import '@fontsource-variable/jetbrains-mono/wght.css'
import './styles/main.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n, setLocale, wantedLocale } from './i18n'
import { router } from './router'

const app = createApp(App).use(createPinia()).use(i18n).use(router)
// What stands in the page meanwhile (`build/shell.ts`) stays until there is a page to take its place.
void Promise.allSettled([setLocale(wantedLocale(), false), router.isReady()]).finally(() => app.mount('#app'))

if ('serviceWorker' in navigator && import.meta.env.PROD) {
  addEventListener('load', () => void navigator.serviceWorker.register('/sw.js').catch(() => undefined))
}
