import { flushPromises } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import CreditsBox from '@/components/admin/CreditsBox.vue'
import AdminAudit from '@/pages/admin/Audit.vue'
import AdminConfig from '@/pages/admin/Config.vue'
import AdminJobs from '@/pages/admin/Jobs.vue'
import AdminModels from '@/pages/admin/Models.vue'
import AdminModeration from '@/pages/admin/Moderation.vue'
import AdminOverview from '@/pages/admin/Overview.vue'
import AdminPurchases from '@/pages/admin/Purchases.vue'
import AdminUsers from '@/pages/admin/Users.vue'
import { useSession } from '@/stores/session'
import { fill, sendForm, show, until } from '../mount'
import { node, queuedJob, reported, user } from '../samples'
import { type Asked, Refusal } from '../server'

describe('administration', () => {
  it('says what was paid', async () => {
    useSession().user = user({ role: 'admin' })
    const { click, asked, text } = await show(AdminPurchases)
    expect(text()).toContain('Waiting for payment')
    await click('Mark as paid')
    expect(asked.of('POST /api/v1/admin/purchases/o/paid')).toHaveLength(0)
    document.querySelector<HTMLButtonElement>('.btn-danger')?.click()
    await flushPromises()
    expect(asked.of('POST /api/v1/admin/purchases/o/paid')).toHaveLength(1)
  })

  it('sees each day that was compared with the payment service, where that is done', async () => {
    useSession().user = user({ role: 'admin' })
    const nothing = await show(AdminPurchases)
    expect(nothing.text()).not.toContain('Compared with')
    nothing.wrapper.unmount()
    const day = { day: '2026-11-27', compared_at: '2026-11-28T03:00:00Z', unknown_here_count: 2, unknown_there_count: 0, unknown_here: ['cs_1', 'cs_2'], unknown_there: [] }
    const pages = ({ query }: Asked): unknown => (query.get('cursor') ? { data: [{ ...day, day: '2026-11-26', unknown_here: ['cs_0'] }], next: null } : { data: [day], next: 20783 })
    const { text, click } = await show(AdminPurchases, { world: { 'GET /api/v1/admin/payments/comparisons': pages } })
    expect(text()).toContain('Nov 27, 2026')
    expect(text()).toContain('cs_1, cs_2')
    await click('Show more')
    expect(text()).toContain('cs_0')
  })

  it('suspends, ranks and credits', async () => {
    useSession().user = user({ role: 'superuser' })
    const { click, asked, wrapper } = await show(AdminUsers)
    const rows = wrapper.findAll('tbody tr')
    expect(rows[0]?.find('.btn-danger').attributes('disabled')).toBeDefined()
    await rows[1]?.find('.btn-danger').trigger('click')
    await flushPromises()
    expect(asked.of('PATCH /api/v1/admin/users/u2')[0]?.body).toEqual({ is_active: false })
    await rows[1]?.find('select').setValue('moderator')
    await flushPromises()
    expect(asked.of('PATCH /api/v1/admin/users/u2')[1]?.body).toEqual({ role: 'moderator' })
    await rows[1]?.findAll('button')[0]?.trigger('click')
    await flushPromises()
    await click('Close')
  })

  it('finds people by how their name or address begins', async () => {
    useSession().user = user({ role: 'admin' })
    const people = ({ query }: Asked): unknown => {
      const found = [user(), user({ id: 'u2', username: 'grace' })].filter(({ username }) => username.startsWith(query.get('q') ?? ''))
      return { data: found, next: null }
    }
    const { asked, wrapper, text } = await show(AdminUsers, { world: { 'GET /api/v1/admin/users': people } })
    expect(wrapper.findAll('tbody tr')).toHaveLength(2)
    await wrapper.get('input[type=search]').setValue(' gr')
    await until(() => expect(wrapper.findAll('tbody tr')).toHaveLength(1))
    expect(text()).toContain('grace')
    expect(asked.of('GET /api/v1/admin/users').map(({ query }) => query.get('q'))).toEqual([null, 'gr'])
    await wrapper.get('input[type=search]').setValue('nobody')
    await until(() => expect(text()).toContain('Nothing found'))
  })

  it('changes a plan, until a day or for good, and not by a slip', async () => {
    useSession().user = user({ role: 'admin' })
    const changed = ({ body }: Asked): unknown => user({ id: 'u2', username: 'grace', plan: 'pro', plan_ends_at: (body as { plan_ends_at?: string }).plan_ends_at ?? null })
    const { asked, wrapper, text } = await show(AdminUsers, { world: { 'PATCH /api/v1/admin/users/u2': changed } })
    const select = () => wrapper.findAll('tbody tr')[1]?.findAll<HTMLSelectElement>('select')[1]
    expect(select()?.findAll('option').map((option) => option.text())).toEqual(['Free', 'Pro'])
    await select()?.setValue('pro')
    await flushPromises()
    expect(asked.of('PATCH /api/v1/admin/users/u2')).toHaveLength(0)
    expect(select()?.element.value).toBe('free')
    expect(document.querySelector('[role=dialog]')?.textContent).toContain('grace gets the plan “Pro”')
    await fill('Good until (empty: for ever)', '2027-01-31')
    await sendForm()
    expect(asked.of('PATCH /api/v1/admin/users/u2')[0]?.body).toEqual({ plan: 'pro', plan_ends_at: '2027-01-31T23:59:59Z' })
    expect(select()?.element.value).toBe('pro')
    expect(text()).toContain('until ')
    expect(document.querySelector('[role=dialog]')).toBeNull()
  })

  it('gives one person limits of their own, with a reason', async () => {
    useSession().user = user({ role: 'admin' })
    const world = {
      'GET /api/v1/admin/users/u2/limits': { images_daily_max: 500, jobs_open_max: null, storage_bytes_max: 2_500_000_000 },
      'PUT /api/v1/admin/users/u2/limits': ({ body }: Asked): unknown => body,
    }
    const { asked, wrapper } = await show(AdminUsers, { world })
    await wrapper.findAll('tbody tr')[1]?.findAll('button')[1]?.trigger('click')
    await flushPromises()
    expect([...document.querySelectorAll<HTMLInputElement>('[role=dialog] input')].map(({ value }) => value)).toEqual(['500', '', '2.5', ''])
    await fill('Unfinished jobs', '20')
    await fill('Pictures a day', '')
    await fill('Reason', 'a class of thirty')
    await sendForm()
    expect(asked.of('PUT /api/v1/admin/users/u2/limits')[0]?.body).toEqual({ images_daily_max: null, jobs_open_max: 20, storage_bytes_max: 2_500_000_000, reason: 'a class of thirty' })
    expect(document.querySelector('[role=dialog]')).toBeNull()
  })

  it('books a correction once', async () => {
    const { asked, wrapper } = await show(CreditsBox, { props: { user: user({ id: 'u2' }) } })
    await fill('Amount', '-5')
    await fill('Reason', 'mistake')
    await sendForm()
    expect(asked.of('POST /api/v1/admin/users/u2/credits')[0]?.body).toMatchObject({ credits: -5, reason: 'mistake', key: expect.stringMatching(/^[0-9a-f-]{36}$/) })
    expect(wrapper.emitted('close')).toHaveLength(1)
  })

  it('hides what was reported', async () => {
    const { asked, click, text } = await show(AdminModeration)
    expect(document.querySelector('[data-testid=case] img')?.getAttribute('src')).toBe('/api/v1/admin/moderation/r/thumbnail')
    await click('Decide …')
    expect(text()).toContain('again and again')
    await fill('Reason, for the owner to read', 'advertising')
    await sendForm()
    expect(asked.of('POST /api/v1/admin/moderation/r/decision')[0]?.body).toEqual({ decision: 'hide', reason: 'advertising' })
    await click('Keep')
    expect(asked.of('POST /api/v1/admin/moderation/r/decision')[1]?.body).toEqual({ decision: 'approve', reason: '' })
  })

  it('has the last word when somebody objects', async () => {
    const appealed = { data: [reported({ state: 'appealed', decision: 'hide', appeal: 'it is a cat' })], next: null }
    const { asked, click, text } = await show(AdminModeration, { world: { 'GET /api/v1/admin/moderation': appealed } })
    expect(text()).toContain('it is a cat')
    await click('Decide …')
    await click('Take it back')
    expect(asked.of('POST /api/v1/admin/moderation/r/close')[0]?.body).toEqual({ overturn: true })
  })

  it('loads and unloads models, and sees the devices', async () => {
    useSession().user = user({ role: 'superuser' })
    const installed = { id: 'other', family: 'sdxl', weight_bytes: 7e9, is_default: false, devices: ['cpu'] }
    const world = { 'GET /api/v1/admin/models': { data: [{ ...installed, id: 'builtin', devices: [] }, installed] }, 'POST /api/v1/admin/models/other/unload': null }
    const models = await show(AdminModels, { world })
    expect(models.text()).toContain('two threads')
    await models.click('Load')
    expect(models.asked.of('POST /api/v1/admin/models/builtin/load')).toHaveLength(1)
    await models.click('Unload')
    expect(models.asked.of('POST /api/v1/admin/models/other/unload')).toHaveLength(1)
    expect(models.text()).toContain('cuda:0 (NVIDIA L4): sdxl, sd15')
    models.wrapper.unmount()
    useSession().user = user({ role: 'admin' })
    expect((await show(AdminModels)).wrapper.findAll('tbody button')).toHaveLength(0)
  })

  it('sees the nodes, and which of them are gone', async () => {
    const gone = node({ id: 'n2', address: '10.0.0.8:8080', role: 'all', is_alive: false, devices: [{ name: 'cpu', detail: 'two threads', is_up: false, models: [], weight_bytes: 0, weight_bytes_max: null }] })
    const { wrapper } = await show(AdminModels, { world: { 'GET /api/v1/admin/nodes': { data: [node(), gone] } } })
    const rows = wrapper.find('[aria-label=Nodes]').findAll('tbody tr').map((row) => row.findAll('td').map((cell) => cell.text()).slice(0, 4))
    expect(rows).toEqual([['10.0.0.7:8080', 'draws', 'there', 'cuda:0 (NVIDIA L4): sdxl, sd15'], ['10.0.0.8:8080', 'answers and draws', 'gone', '']])
  })

  it('sees everybody’s jobs, by state and page by page', async () => {
    const pages = (asked: Asked): unknown =>
      asked.query.get('cursor') ? { data: [queuedJob({ id: 'old', model: 'the last' })], next: null } : { data: [queuedJob()], next: 'further' }
    const { text, click, asked, wrapper } = await show(AdminJobs, { world: { 'GET /api/v1/admin/jobs': pages } })
    expect(text()).toContain('Waiting')
    expect(text()).toContain('50%')
    await click('Show more')
    expect(text()).toContain('the last')
    await wrapper.get('select').setValue('failed')
    await flushPromises()
    expect(asked.of('GET /api/v1/admin/jobs').at(-1)?.query.get('state')).toBe('failed')
  })

  it('is told when more could not be had, and still sees what was there', async () => {
    let down = true
    const pages = (asked: Asked): unknown =>
      !asked.query.get('cursor') ? { data: [queuedJob()], next: 'further' } : down ? new Refusal(503, 'busy', 'too much at once') : { data: [queuedJob({ id: 'old', model: 'the last' })], next: null }
    const { text, click, wrapper } = await show(AdminJobs, { world: { 'GET /api/v1/admin/jobs': pages } })
    await click('Show more')
    expect(text()).toContain('too much at once')
    expect(wrapper.findAll('tbody tr')).toHaveLength(1)
    down = false
    await click('Try again')
    expect(text()).not.toContain('too much at once')
    expect(text()).toContain('the last')
  })

  it('sees what was done, the settings and the sums', async () => {
    const audit = await show(AdminAudit)
    expect(audit.text()).toContain('user ada')
    expect(audit.text()).toContain('plan: "pro"')
    expect(audit.text()).toContain('Firefox/140.0')
    const config = await show(AdminConfig)
    expect(config.text()).toContain('server.port')
    await config.wrapper.get('input[type=search]').setValue('database')
    expect(config.text()).not.toContain('server.port')
    await config.wrapper.get('input[type=search]').setValue('no such setting')
    expect(config.text()).toContain('Nothing found')
    const overview = await show(AdminOverview)
    expect(overview.text()).toContain('Jobs waiting1')
    expect(overview.text()).toContain('easel_up')
  })
})
