import { flushPromises } from '@vue/test-utils'
import { describe, expect, it, vi } from 'vitest'
import AvatarPart from '@/components/account/AvatarPart.vue'
import CreditHistory from '@/components/account/CreditHistory.vue'
import KeysPart from '@/components/account/KeysPart.vue'
import PlanPart from '@/components/account/PlanPart.vue'
import PrivacyPart from '@/components/account/PrivacyPart.vue'
import Landing from '@/pages/Landing.vue'
import Dashboard from '@/pages/Dashboard.vue'
import Missing from '@/pages/Missing.vue'
import Pricing from '@/pages/Pricing.vue'
import Profile from '@/pages/Profile.vue'
import Providers from '@/pages/Providers.vue'
import Setup from '@/pages/Setup.vue'
import AdminProviders from '@/pages/admin/Providers.vue'
import Callback from '@/pages/auth/Callback.vue'
import Login from '@/pages/auth/Login.vue'
import Register from '@/pages/auth/Register.vue'
import Reset from '@/pages/auth/Reset.vue'
import Verify from '@/pages/auth/Verify.vue'
import { changeWords } from '@/lib/served'
import { useForm } from '@/stores/form'
import { useSession } from '@/stores/session'
import { useToasts } from '@/stores/toasts'
import { PLANS, fill, sendForm, show, until } from '../mount'
import { archive, purchase, user } from '../samples'
import { type Asked, Refusal } from '../server'

describe('getting in', () => {
  it('by a password, to where one wanted to go', async () => {
    const { push } = await show(Login, { path: '/login?next=/gallery' })
    await fill('Email', 'ada@example.org')
    await fill('Password', 'a long sentence')
    await sendForm()
    expect(push).toHaveBeenCalledWith('/gallery')
  })

  it('not with a wrong one', async () => {
    const { text, click } = await show(Login, { world: { 'POST /api/v1/auth/login': new Refusal(401, 'wrong', 'the address or the password is wrong') } })
    await sendForm()
    expect(text()).toContain('the address or the password is wrong')
    await click('Show the password')
    expect(document.querySelector('input[type=password]')).toBeNull()
  })

  it('by a new account; what is wrong with a field stands at the field', async () => {
    let taken = true
    const { push, asked } = await show(Register, { path: '/register', world: { 'POST /api/v1/auth/register': () => (taken ? new Refusal(409, 'taken', 'this name is taken', 'username') : user()) } })
    await fill('Email', 'ada@example.org')
    await fill('Name that others see', 'ada')
    await fill('Password', 'a long sentence')
    await sendForm()
    const field = document.querySelector('[aria-invalid=true]') as HTMLElement
    expect(document.getElementById(field.getAttribute('aria-describedby') ?? '')?.textContent).toBe('this name is taken')
    taken = false
    await sendForm()
    expect(asked.of('POST /api/v1/auth/register')[1]?.body).toMatchObject({ username: 'ada', locale: 'en' })
    expect(push).toHaveBeenCalledWith('/generate')
  })

  it('by a new account that agrees to the papers there are', async () => {
    let version = '2026-01'
    const papers = (): unknown => [{ document: 'terms', version, url: 'https://example.org/terms' }, { document: 'privacy', version: 'p1', url: null }]
    const register = ({ body }: Asked): unknown =>
      (body as { accept: { version: string }[] }).accept[0]?.version === '2026-02' ? user() : new Refusal(422, 'invalid_value', 'the terms have changed', 'accept')
    const { asked, text, wrapper, push } = await show(Register, { path: '/register', world: { 'GET /api/v1/legal': papers, 'POST /api/v1/auth/register': register } })
    const boxes = () => wrapper.findAll<HTMLInputElement>('input[type=checkbox]')
    expect(boxes().map(({ element }) => element.required)).toEqual([true, true])
    expect(wrapper.findAll('fieldset a').map((link) => link.attributes('href'))).toEqual(['https://example.org/terms'])
    expect(text()).toContain('Privacy policy (p1)')
    for (const box of boxes()) await box.setValue(true)
    version = '2026-02'
    await sendForm()
    expect(text()).toContain('the terms have changed')
    expect(push).not.toHaveBeenCalled()
    // What has changed is shown as it is now, and has to be agreed to anew; what has not stays agreed to.
    expect(text()).toContain('Terms of use (2026-02)')
    expect(boxes().map(({ element }) => element.checked)).toEqual([false, true])
    await sendForm()
    const accept = [{ document: 'terms', version: '2026-02' }, { document: 'privacy', version: 'p1' }]
    expect(asked.of('POST /api/v1/auth/register')[1]?.body).toMatchObject({ accept })
    expect(push).toHaveBeenCalledWith('/generate')
  })

  it('not before it is known what is to be agreed to', async () => {
    const { text, click, wrapper } = await show(Register, { path: '/register', world: { 'GET /api/v1/legal': new Refusal(503, 'busy', 'too much at once') } })
    expect(text()).toContain('too much at once')
    expect(wrapper.get('button[type=submit]').attributes('disabled')).toBeDefined()
    await click('Try again')
    expect(wrapper.get('button[type=submit]').attributes('disabled')).toBeDefined()
  })

  it('after a forgotten password', async () => {
    const ask = await show(Reset)
    await fill('Email', 'a@b.c')
    await sendForm()
    expect(ask.text()).toContain('a link is on its way')
    ask.wrapper.unmount()
    const set = await show(Reset, { path: '/#token=em_1' })
    await fill('New password', 'another sentence')
    await sendForm()
    expect(set.asked.of('POST /api/v1/auth/reset-password/confirm')[0]?.body).toEqual({ token: 'em_1', password: 'another sentence' })
    expect(set.text()).toContain('Your password is changed')
  })

  it('with an address that is proved by a click', async () => {
    const { click, text, asked } = await show(Verify, { path: '/#token=em_2' })
    expect(asked.of('POST /api/v1/auth/verify-email')).toHaveLength(0)
    await click('Confirm my address')
    expect(text()).toContain('Your address is confirmed')
  })

  it('from another service, or not', async () => {
    const { push } = await show(Callback)
    expect(push).toHaveBeenCalledWith('/generate')
    document.body.innerHTML = ''
    const refused = await show(Callback, { path: '/?error=denied' })
    expect(refused.text()).toContain('did not let you in')
  })
})

describe('the first visit', () => {
  it('makes an administrator, a choice and a picture', async () => {
    const { click, push, asked } = await show(Setup, { path: '/?token=su_1' })
    await fill('Email', 'root@example.org')
    await fill('Password', 'a long sentence')
    await sendForm()
    expect(asked.of('POST /api/v1/setup')[0]?.body).toEqual({ email: 'root@example.org', password: 'a long sentence', locale: 'en', token: 'su_1' })
    const radios = document.querySelectorAll<HTMLInputElement>('input[type=radio]')
    radios[1]?.click()
    await sendForm()
    expect(useForm().fields.model).toBe('other')
    await click('Draw the first picture')
    expect(push).toHaveBeenCalledWith('/generate')
    expect(useForm().fields.prompt).not.toBe('')
  })
})

describe('a server without models', () => {
  it('says so, and looks again', async () => {
    useSession().user = user({ role: 'superuser' })
    const models: unknown[] = []
    const { click, text } = await show(Setup, { world: { 'GET /api/v1/models': () => models } })
    expect(text()).toContain('There is no model on this server yet.')
    expect(document.querySelector<HTMLButtonElement>('button[type=submit]')?.disabled).toBe(true)
    models.push({ id: 'sd-turbo', width: 512, height: 512 })
    await click('Try again')
    expect(text()).toContain('sd-turbo')
    expect(document.querySelector<HTMLButtonElement>('button[type=submit]')?.disabled).toBe(false)
  })
})

describe('one’s own pages', () => {
  it('profile, use, security, keys, privacy', async () => {
    const session = useSession()
    session.user = user()
    const { click, asked, text, push } = await show(Profile)
    await fill('Name that others see', 'countess')
    await sendForm()
    expect(session.user?.username).toBe('countess')
    await click('Usage')
    expect(text()).toContain('3 pictures in thirty days')
    expect(text()).toContain('one picture')
    await click('Security')
    await click('Log out there')
    expect(asked.of('DELETE /api/v1/users/me/sessions/s1')).toHaveLength(1)
    await click('API keys')
    await fill('Name', 'n')
    await sendForm()
    expect(text()).toContain('ik_secret')
    await click('Revoke')
    expect(asked.of('DELETE /api/v1/api-keys/k')).toHaveLength(0)
    ;([...document.querySelectorAll('[role=dialog] button')].at(-1) as HTMLElement).click()
    await flushPromises()
    expect(asked.of('DELETE /api/v1/api-keys/k')).toHaveLength(1)
    await click('Privacy')
    await click('Delete my account')
    ;([...document.querySelectorAll('[role=dialog] button')].at(-1) as HTMLElement).click()
    await flushPromises()
    expect(asked.of('DELETE /api/v1/users/me')).toHaveLength(1)
    expect(push).toHaveBeenCalledWith('/')
  })

  it('an archive is asked for, waited for and fetched from a new address each time', async () => {
    useSession().user = user()
    const answers = [archive(), archive({ state: 'running' }), archive({ state: 'ready', bytes: 1500, expires_at: '2026-12-05T10:00:00Z', url: '#first' })]
    const state = (): unknown => (answers.length > 1 ? answers.shift() : answers[0])
    const { asked, click, text, wrapper } = await show(PrivacyPart, { world: { 'GET /api/v1/users/me/export': state } })
    expect(text()).not.toContain('Download the archive')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    await click('Prepare an archive of everything about me')
    expect(asked.of('POST /api/v1/users/me/export')).toHaveLength(1)
    expect(text()).toContain('Your archive is being written')
    for (let turn = 0; turn < 2; turn++) {
      await vi.advanceTimersByTimeAsync(3100)
      await flushPromises()
    }
    vi.useRealTimers()
    await flushPromises()
    expect(text()).toContain('Your archive (1.5 kB) is ready')
    const looked = asked.of('GET /api/v1/users/me/export').length
    const followed = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined)
    await click('Download the archive')
    expect(asked.of('GET /api/v1/users/me/export')).toHaveLength(looked + 1)
    expect(followed).toHaveBeenCalledTimes(1)
    followed.mockRestore()
    wrapper.unmount()
  })

  it('an archive that failed says so, and nobody is asked again and again', async () => {
    useSession().user = user()
    const { asked, text } = await show(PrivacyPart, { world: { 'GET /api/v1/users/me/export': archive({ state: 'failed' }) } })
    expect(text()).toContain('The archive could not be written')
    expect(asked.of('GET /api/v1/users/me/export')).toHaveLength(1)
  })

  it('what one has agreed to is in the profile', async () => {
    useSession().user = user()
    const given = [{ document: 'terms', version: '2026-01', given_at: '2026-11-28T10:00:00Z' }]
    const { click, text } = await show(Profile, { world: { 'GET /api/v1/users/me/consents': { given, missing: [] } } })
    await click('Privacy')
    expect(text()).toContain('Terms of use (2026-01)')
  })

  it('bookings are read back page by page', async () => {
    const booking = { id: 't', kind: 'capture', amount: '1', posted_after: '99', job_id: null, reason: 'one picture', created_at: '2026-11-28T10:00:00Z' }
    const pages = ({ query }: Asked): unknown =>
      query.get('cursor') ? { data: [{ ...booking, id: 'first', kind: 'grant', reason: 'a welcome' }], next: null } : { data: [booking], next: 'earlier' }
    const { text, click } = await show(CreditHistory, { world: { 'GET /api/v1/credits/history': pages } })
    expect(text()).not.toContain('a welcome')
    await click('Show more')
    expect(text()).toContain('one picture')
    expect(text()).toContain('a welcome')
    expect(text()).not.toContain('Show more')
  })

  it('a key’s limits of a month are set when it is made, shown, and changed', async () => {
    useSession().user = user()
    const { asked, click, text } = await show(KeysPart)
    expect(text()).toContain('at most 50 jobs a month')
    await fill('Name', 'n')
    await fill('Credits a month', '20')
    await sendForm()
    expect(asked.of('POST /api/v1/api-keys')[0]?.body).toMatchObject({ jobs_monthly_max: null, credits_monthly_max: 20 })
    await click('Limits of script')
    const [jobs] = [...document.querySelectorAll<HTMLInputElement>('[role=dialog] input')]
    expect(jobs?.value).toBe('50')
    if (jobs) jobs.value = ''
    jobs?.dispatchEvent(new Event('change', { bubbles: true }))
    document.querySelector('[role=dialog] form')?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }))
    await flushPromises()
    expect(asked.of('PATCH /api/v1/api-keys/k')[0]?.body).toEqual({ jobs_monthly_max: null, credits_monthly_max: null })
    expect(asked.of('GET /api/v1/api-keys')).toHaveLength(3)
    expect(document.querySelector('[role=dialog]')).toBeNull()
  })

  it('a subscription is ended and kept after all', async () => {
    const subscription = { id: 's', plan: 'pro', state: 'active', cancel_at_period_end: false, next_plan: null, period_starts_at: '2026-11-01T00:00:00Z', period_ends_at: '2026-12-01T12:00:00Z' }
    const world = {
      'GET /api/v1/users/me/subscription': { plan: PLANS[1], ends_at: subscription.period_ends_at, subscription },
      'POST /api/v1/subscriptions/cancel': { ...subscription, cancel_at_period_end: true },
      'POST /api/v1/subscriptions/resume': subscription,
    }
    const { click, text, asked } = await show(PlanPart, { world })
    expect(text()).toContain('Paid until Dec 1, 2026')
    await click('End it')
    ;([...document.querySelectorAll('[role=dialog] button')].at(-1) as HTMLElement).click()
    await flushPromises()
    expect(asked.of('POST /api/v1/subscriptions/cancel')).toHaveLength(1)
    expect(text()).toContain('Ends on Dec 1, 2026')
    await click('Keep it')
    expect(asked.of('POST /api/v1/subscriptions/resume')).toHaveLength(1)
    expect(text()).toContain('Paid until Dec 1, 2026')
  })

  it('a new password ends the session', async () => {
    const session = useSession()
    session.user = user()
    const { click, push, asked } = await show(Profile)
    await click('Security')
    await fill('Current password', 'old sentence')
    await fill('New password', 'new sentence')
    await sendForm()
    expect(asked.of('PUT /api/v1/users/me/password')[0]?.body).toEqual({ old: 'old sentence', new: 'new sentence' })
    expect(session.user).toBeNull()
    expect(push).toHaveBeenCalledWith('/login')
  })

  it('the dashboard’s parts fail one by one', async () => {
    useSession().user = user({ full_name: 'Ada' })
    const { text } = await show(Dashboard, { world: { 'GET /api/v1/credits/balance': new Refusal(500, 'x', 'the books are closed') } })
    expect(text()).toContain('Hello, Ada')
    expect(text()).toContain('the books are closed')
    expect(text()).toContain('3 pictures in thirty days')
  })

  it('providers are added, tested and removed', async () => {
    const { click, asked } = await show(Providers)
    await fill('Name', 'Mine')
    await fill('Model there', 'gpt-image-1')
    await fill('Key', 'sk-1')
    await sendForm()
    expect(asked.of('POST /api/v1/api-configs')[0]?.body).toEqual({ name: 'Mine', provider: 'openai', model: 'gpt-image-1', key: 'sk-1', is_active: true })
    await click('Test')
    expect(useToasts().list[0]?.text).toBe('It answers, and takes the key.')
    await click('In use')
    expect(asked.of('PUT /api/v1/api-configs/c')[0]?.body).toEqual({ name: 'Mine', provider: 'openai', model: 'gpt-image-1', is_active: false })
    await click('Delete')
    expect(asked.of('DELETE /api/v1/api-configs/c')).toHaveLength(1)
  })
})

describe('leaving this server', () => {
  it('is allowed by a click, and not before', async () => {
    const { click, asked } = await show(Providers)
    expect(asked.of('PUT /api/v1/users/me/external')).toHaveLength(0)
    await click(/^My prompts and pictures may leave this server/)
    expect(asked.of('PUT /api/v1/users/me/external')[0]?.body).toEqual({ allow_external: true, providers: [], regions: [] })
  })

  it('is seen by administrators, and stopped by superusers', async () => {
    useSession().user = user({ role: 'superuser' })
    const { text, click, asked } = await show(AdminProviders)
    expect(text()).toContain('$1.25 / $5.00')
    expect(text()).toContain('transient 2')
    await click('Open')
    expect(asked.of('POST /api/v1/admin/providers/fal/open')).toHaveLength(1)
  })

  it('is told in words', () => {
    const t = (key: string, values?: Record<string, unknown>): string => `${key} ${JSON.stringify(values)}`
    const changes = [{ change: 'dropped', field: 'sampler' }, { change: 'resized', asked: '1x1', served: '2x2' }, { change: 'limited', field: 'seed', served: 7 }, { change: 'new' }]
    expect(changeWords(changes, t)).toEqual(['away.dropped {"field":"sampler"}', 'away.resized {"asked":"1x1","served":"2x2"}', 'away.limited {"field":"seed","served":7}'])
    expect(changeWords(undefined, t)).toEqual([])
  })
})

describe('prices', () => {
  it('are shown, and lead to an account or to the processor', async () => {
    useSession().config = { billing: true }
    const guest = await show(Pricing)
    expect(guest.text()).toContain('$29.99 a month')
    expect(guest.text()).toContain('100 credits for $4.99')
    await guest.click('100 credits for $4.99')
    expect(guest.push).toHaveBeenCalledWith('/register')
    guest.wrapper.unmount()
    useSession().user = user()
    const assign = vi.fn()
    vi.stubGlobal('location', { ...location, assign })
    const { click } = await show(Pricing, { world: { 'POST /api/v1/subscriptions/checkout': { url: 'https://pay.example' } } })
    await click('Choose')
    expect(assign).toHaveBeenCalledWith('https://pay.example')
  })

  it('what was ordered is listed, and whoever comes back is told', async () => {
    useSession().config = { billing: true }
    useSession().user = user()
    const rows = [purchase({ state: 'paid' }), purchase({ id: 'o2', kind: 'plan', product: 'pro', interval: 'year', credits: '0', amount_cents: 29990 })]
    const { text } = await show(Pricing, { path: '/?purchase=o', world: { 'GET /api/v1/credits/purchases': { data: rows, next: null } } })
    await until(() => expect(text()).toContain('It is paid: what you bought is here.'))
    for (const part of ['100 credits', '$4.99', 'Paid', 'pro, a year', '$299.90', 'Waiting for payment']) expect(text()).toContain(part)
  })

  it('an order is looked for until it is paid', async () => {
    useSession().config = { billing: true }
    useSession().user = user()
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    let state: 'pending' | 'paid' = 'pending'
    const { text, asked } = await show(Pricing, { path: '/?purchase=o', world: { 'GET /api/v1/credits/purchases': () => ({ data: [purchase({ state })], next: null }) } })
    expect(text()).toContain('Your order is noted.')
    state = 'paid'
    await vi.advanceTimersByTimeAsync(3000)
    await flushPromises()
    expect(text()).toContain('It is paid')
    const looked = asked.of('GET /api/v1/credits/purchases').length
    await vi.advanceTimersByTimeAsync(9000)
    expect(asked.of('GET /api/v1/credits/purchases')).toHaveLength(looked)
  })

  it('by the year where there is such a price', async () => {
    useSession().config = { billing: true }
    useSession().user = user()
    vi.stubGlobal('location', { ...location, assign: vi.fn() })
    const plans = PLANS.map((plan) => ({ ...plan, currency: 'usd', price_cents_year: plan.price_cents ? plan.price_cents * 10 : null }))
    const world = { 'GET /api/v1/subscriptions/plans': plans, 'POST /api/v1/subscriptions/checkout': { url: 'https://pay.example' } }
    const { click, text, asked } = await show(Pricing, { world })
    await click('By the year')
    expect(text()).toContain('$299.90 a year')
    expect(text()).toContain('Promised availability (SLA)')
    expect(text()).not.toContain('Under your own name')
    await click('Choose')
    expect(asked.of('POST /api/v1/subscriptions/checkout')[0]?.body).toEqual({ plan: 'pro', interval: 'year' })
  })

  it('what nobody has shown yet, or cannot be fetched, is said on the landing page', async () => {
    const empty = await show(Landing, { world: { 'GET /api/v1/images/public': { data: [], next: null } } })
    expect(empty.text()).toContain('Nobody has shown a picture here yet.')
    empty.wrapper.unmount()
    const down = await show(Landing, { world: { 'GET /api/v1/images/public': new Refusal(503, 'busy', 'too much at once') } })
    expect(down.text()).toContain('too much at once')
    down.wrapper.unmount()
    useSession().user = user({ plan: 'local' })
    const alone = await show(Landing)
    expect(alone.asked.of('GET /api/v1/images/public')).toHaveLength(0)
  })

  it('are not on the landing page of a server that sells nothing', async () => {
    useSession().config = { billing: true }
    const sells = await show(Landing)
    expect(sells.wrapper.find('#plans').exists()).toBe(true)
    expect(sells.text()).toContain('$29.99 a month')
    sells.wrapper.unmount()
    useSession().config = { billing: false }
    const { asked, wrapper } = await show(Landing)
    expect(wrapper.find('#plans').exists()).toBe(false)
    expect(asked.of('GET /api/v1/subscriptions/plans')).toHaveLength(0)
  })

  it('a server without a gallery shows nobody’s pictures', async () => {
    useSession().config = { gallery: false }
    const { asked, text } = await show(Landing)
    expect(asked.of('GET /api/v1/images/public')).toHaveLength(0)
    expect(text()).not.toContain('Look around')
  })

  it('and examples are on the landing page', async () => {
    const { text, wrapper } = await show(Landing)
    expect(text()).toContain('Pictures from words')
    expect(wrapper.findAll('img[alt="a red circle"]')).toHaveLength(1)
    expect((await show(Missing)).text()).toContain('There is nothing here')
  })
})

describe('a picture of oneself', () => {
  it('is chosen, shown and removed', async () => {
    useSession().user = user()
    const url = '/api/v1/users/ada/avatar?v=1'
    const { wrapper, asked, click, text } = await show(AvatarPart, {
      world: { 'PUT /api/v1/users/me/avatar': user({ avatar_url: url }), 'DELETE /api/v1/users/me/avatar': null },
    })
    const input = wrapper.get('input[type=file]')
    const choose = async (file: File): Promise<void> => {
      Object.defineProperty(input.element, 'files', { value: [file], configurable: true })
      await input.trigger('change')
      await flushPromises()
    }
    await choose(new File(['x'], 'me.gif', { type: 'image/gif' }))
    expect(useToasts().list.at(-1)?.text).toContain('me.gif')
    await choose(new File(['x'], 'me.png', { type: 'image/png' }))
    expect(wrapper.get('img').attributes('src')).toBe(`${url}&size=128`)
    await click('Remove')
    expect(asked.of('DELETE /api/v1/users/me/avatar')).toHaveLength(1)
    expect(text()).not.toContain('Remove')
  })
})
