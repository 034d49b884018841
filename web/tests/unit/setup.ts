// What browsers have and happy-dom has not, and a clean slate for every test.
import { config, enableAutoUnmount } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, vi } from 'vitest'
import { i18n } from '@/i18n'

class Observer {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}
vi.stubGlobal('ResizeObserver', Observer)
vi.stubGlobal('IntersectionObserver', Observer)

// What is left of one test does not answer in the next.
enableAutoUnmount(afterEach)

beforeEach(() => {
  const pinia = createPinia()
  setActivePinia(pinia)
  config.global.plugins = [pinia, i18n]
  // Parts that come later are there at once; what they really do is told of in layout.test.ts.
  config.global.stubs = { LaterPart: { template: '<slot />' }, RouterLink: { props: ['to'], template: '<a :href="typeof to === `string` ? to : `#`"><slot /></a>' } }
  localStorage.clear()
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.stubGlobal('ResizeObserver', Observer)
  vi.stubGlobal('IntersectionObserver', Observer)
  document.body.innerHTML = ''
})
