import { flushPromises, mount } from '@vue/test-utils'
import { defineComponent, h, ref } from 'vue'
import { describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import App from '@/App.vue'
import AppFooter from '@/components/layout/AppFooter.vue'
import AppHeader from '@/components/layout/AppHeader.vue'
import ConsentNotice from '@/components/layout/ConsentNotice.vue'
import ErrorBoundary from '@/components/layout/ErrorBoundary.vue'
import OfflineNotice from '@/components/layout/OfflineNotice.vue'
import ToastHost from '@/components/layout/ToastHost.vue'
import VerifyNotice from '@/components/layout/VerifyNotice.vue'
import NumberField from '@/components/ui/NumberField.vue'
import PictureBox from '@/components/ui/PictureBox.vue'
import { useForm } from '@/stores/form'
import { ApiFailure } from '@/api/failure'
import { useConsents } from '@/stores/consents'
import { useSession } from '@/stores/session'
import { useToasts } from '@/stores/toasts'
import { i18n, setLocale } from '@/i18n'
import { WORLD, fill, sendForm, show, until } from '../mount'
import { user } from '../samples'
import { Refusal, server } from '../server'

describe('the header', () => {
  it('shows everybody what is theirs', async () => {
    const session = useSession()
    session.known = true
    const { text } = await show(AppHeader)
    expect(text()).toContain('Log in')
    expect(text()).not.toContain('Gallery')
    session.user = user({ role: 'moderator' })
    await flushPromises()
    expect(text()).toContain('Administration')
    session.user = user({ plan: 'local', role: 'user' })
    await flushPromises()
    expect(text()).not.toMatch(/Pricing|Log in|Explore/)
  })

  it('changes language and theme, and logs out', async () => {
    useSession().user = user()
    useForm().set({ prompt: 'a secret' })
    const { click, push } = await show(AppHeader)
    await click('Language')
    await click('Русский')
    await until(() => expect(i18n.global.locale.value).toBe('ru'))
    await setLocale('en')
    await flushPromises()
    await click(/^Theme/)
    await click(/^Theme/)
    expect(document.documentElement.dataset['theme']).toBe('dark')
    expect(localStorage.getItem('easel-theme')).toBe('dark')
    await click('Your account')
    await click('Log out')
    expect(useSession().user).toBeNull()
    expect(useForm().fields.prompt).toBe('')
    expect(push).toHaveBeenCalledWith('/')
    await click('Menu')
    expect((await show(AppFooter)).text()).toContain('API')
  })
})

it('until there is a page there is no foot to be pushed away, and nothing is offered that may not be theirs', async () => {
  server(WORLD)
  const session = useSession()
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: { render: () => h('h1', 'here') } }] })
  const wrapper = mount(App, { global: { plugins: [router] } })
  expect(wrapper.find('footer').exists()).toBe(false)
  expect(wrapper.findAll('header nav a')).toHaveLength(0)
  await router.isReady()
  await session.load()
  await flushPromises()
  expect(wrapper.text()).toContain('here')
  expect(wrapper.find('footer').exists()).toBe(true)
  expect(wrapper.findAll('header nav a').map((link) => link.text())).toContain('Gallery')
  wrapper.unmount()
})

it('a part that fails says so in its place, and is tried again', async () => {
  const broken = ref(true)
  const Part = defineComponent(() => () => {
    if (broken.value) throw new Error('broken')
    return h('p', 'fine')
  })
  const quiet = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { text, click } = await show(defineComponent(() => () => h(ErrorBoundary, () => h(Part))))
  expect(text()).toContain('This part has failed')
  broken.value = false
  await click('Try again')
  expect(text()).toContain('fine')
  expect(quiet).toHaveBeenCalled()
})

it('a server that cannot be reached is told, and asked again', async () => {
  useSession().unreachable = true
  const { click, text } = await show(OfflineNotice)
  await click('Try again')
  expect(text()).not.toContain('cannot be reached')
})

it('an address that is not proved is told, and the mail sent again', async () => {
  useSession().user = user({ is_verified: false })
  const { click, text, asked } = await show(VerifyNotice)
  expect(text()).toContain('ada@example.org')
  await click('Send it again')
  expect(asked.of('POST /api/v1/auth/verify-email/resend')).toHaveLength(1)
  expect(text()).toContain('It is on its way.')
})

it('toasts are shown, acted on and closed', async () => {
  const run = vi.fn()
  const { click, text } = await show(ToastHost)
  useToasts().show('info', 'gone', { label: 'Undo', run })
  useToasts().show('error', 'odd')
  await flushPromises()
  await click('Undo')
  expect(run).toHaveBeenCalled()
  await click('Close')
  await flushPromises()
  expect(text()).not.toContain('gone')
})

it('a number is kept in its bounds, and may be left out', async () => {
  const { wrapper } = await show(NumberField, { props: { modelValue: 5, label: 'Steps', min: 1, max: 10, slider: true } })
  await fill('Steps', '99')
  expect(wrapper.emitted('update:modelValue')?.at(-1)).toEqual([10])
  await fill('Steps', '')
  expect(wrapper.emitted('update:modelValue')?.at(-1)).toEqual([null])
})

it('a picture that does not come says so', async () => {
  const { wrapper, text } = await show(PictureBox, { props: { src: '/x.png', alt: 'x', width: 2, height: 1, blurhash: 'nonsense' } })
  await wrapper.find('img').trigger('load')
  await wrapper.find('img').trigger('error')
  expect(text()).toContain('could not be loaded')
})

describe('papers that have changed', () => {
  const terms = { document: 'terms', version: '2026-02', url: '/terms.html' }
  const CONSENTS = '/api/v1/users/me/consents'

  it('are read and agreed to from any page', async () => {
    useSession().user = user()
    const world = { [`GET ${CONSENTS}`]: { given: [], missing: [terms] }, [`POST ${CONSENTS}`]: { given: [], missing: [] } }
    const { click, text, asked } = await show(ConsentNotice, { world })
    expect(text()).toContain('have changed')
    await click('Read and agree')
    expect(document.querySelector('[role=dialog] a')?.getAttribute('href')).toBe('/terms.html')
    expect(asked.of(`POST ${CONSENTS}`)).toHaveLength(0)
    await sendForm()
    expect(asked.of(`POST ${CONSENTS}`)[0]?.body).toEqual({ accept: [{ document: 'terms', version: '2026-02' }] })
    expect(text()).not.toContain('have changed')
    expect(document.querySelector('[role=dialog]')).toBeNull()
  })

  it('are shown beside what is refused for want of them, and again when they have changed meanwhile', async () => {
    useSession().user = user()
    let missing: unknown[] = []
    const world = { [`GET ${CONSENTS}`]: () => ({ given: [], missing }), [`POST ${CONSENTS}`]: new Refusal(422, 'invalid_value', 'is not the one of now', 'version') }
    const { text } = await show(ConsentNotice, { world })
    expect(text()).not.toContain('have changed')
    missing = [terms]
    useToasts().fail(new ApiFailure(403, 'consent_required', 'agree to the terms first'))
    await until(() => expect(document.querySelector('[role=dialog]')?.textContent).toContain('Nothing is drawn before you have agreed'))
    expect(useToasts().list.at(-1)?.text).toContain('Nothing is drawn')
    missing = [{ ...terms, version: '2026-03' }]
    await sendForm()
    expect(document.querySelector('[role=dialog]')?.textContent).toContain('is not the one of now')
    expect(document.querySelector('[role=dialog]')?.textContent).toContain('Terms of use (2026-03)')
  })

  it('can be read from the foot of every page, where there is an address of them', async () => {
    const { wrapper } = await show(AppFooter, { world: { 'GET /api/v1/legal': [terms, { document: 'privacy', version: '1', url: null }] } })
    expect(wrapper.findAll('nav a').map((link) => link.text())).toEqual(['Terms of use', 'API', 'Questions'])
  })

  it('are nobody’s business where there are no accounts, and go with whoever has to agree', async () => {
    const session = useSession()
    session.user = user({ plan: 'local' })
    const { asked, text } = await show(ConsentNotice, { world: { [`GET ${CONSENTS}`]: { given: [], missing: [terms] } } })
    expect(asked.of(`GET ${CONSENTS}`)).toHaveLength(0)
    session.user = user()
    await until(() => expect(text()).toContain('have changed'))
    session.user = null
    await flushPromises()
    expect(useConsents().missing).toEqual([])
    expect(text()).not.toContain('have changed')
  })
})
