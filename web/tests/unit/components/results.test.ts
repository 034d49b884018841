import { flushPromises } from '@vue/test-utils'
import { describe, expect, it, vi } from 'vitest'
import PictureActions from '@/components/generate/PictureActions.vue'
import ParameterList from '@/components/generate/ParameterList.vue'
import CompareSlider from '@/components/generate/CompareSlider.vue'
import ResultCard from '@/components/generate/ResultCard.vue'
import ResultView from '@/components/generate/ResultView.vue'
import PlanNotice from '@/components/layout/PlanNotice.vue'
import ZoomBox from '@/components/generate/ZoomBox.vue'
import type { Picture } from '@/api/types'
import Generate from '@/pages/Generate.vue'
import { useForm } from '@/stores/form'
import { useGallery } from '@/stores/gallery'
import { useJobs } from '@/stores/jobs'
import { useSession } from '@/stores/session'
import { useToasts } from '@/stores/toasts'
import { sendForm, show, until } from '../mount'
import { job, picture, quote, user } from '../samples'
import { Refusal, type Asked } from '../server'

describe('what has ended', () => {
  it('says what was charged: what was finished, and nothing else', async () => {
    const stopped = await show(ResultCard, { props: { job: job({ state: 'cancelled', images_wanted: 4, images_delivered: 2 }), current: null } })
    expect(stopped.text()).toContain('Only the 2 pictures that were finished were charged.')
    stopped.wrapper.unmount()
    const failed = await show(ResultCard, { props: { job: job({ state: 'failed' }), current: null } })
    expect(failed.text()).toContain('Nothing was charged.')
  })

  it('is ordered again as it was: an enlargement is no drawing', async () => {
    const enlarged = job({ id: 'u0', state: 'failed', request: { work: { kind: 'upscale', source: { from: 'image', id: 'p0' }, factor: 4 }, output: job().request.output } })
    const { asked, wrapper } = await show(Generate, { path: '/?prompt=x', world: { 'GET /api/v1/jobs/u0': enlarged } })
    useJobs().keep({ ...enlarged, state: 'processing' })
    useJobs().keep(enlarged)
    await flushPromises()
    const card = wrapper.findAll('article').find((one) => one.text().includes('This did not work'))
    await card?.find('button').trigger('click')
    await flushPromises()
    expect(asked.of('POST /api/v1/images/p0/upscale')[0]?.body).toEqual({ factor: 4 })
    expect(asked.of('POST /api/v1/images/generate')).toHaveLength(0)
  })
})

describe('a result', () => {
  it('is downloaded, copied, varied, enlarged, used, recalled, marked, published and deleted', async () => {
    useSession().user = user()
    const one = picture({ id: 'p0' })
    useGallery().pictures = [one]
    const written: unknown[] = []
    Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { write: async (items: unknown) => written.push(items), writeText: async (text: string) => written.push(text) } })
    vi.stubGlobal('ClipboardItem', class {})
    const { wrapper, click, asked, push } = await show(PictureActions, { props: { picture: one } })
    for (const name of ['Download', 'Copy', 'Copy parameters', 'Copy prompt', 'Variations', 'Enlarge', 'Use as input']) await click(name)
    expect(useForm().start?.source).toEqual({ from: 'image', id: 'p0' })
    for (const name of ['Use the settings', 'Favourite', 'Publish']) await click(name)
    expect(written).toHaveLength(3)
    expect(String(written[1])).toContain('Seed: 7')
    expect(written[2]).toBe('a red circle')
    expect(asked.of('POST /api/v1/images/p0/variations')[0]?.body).toEqual({ n: 4 })
    expect(asked.of('POST /api/v1/images/p0/upscale')[0]?.body).toEqual({ factor: 2 })
    expect(useForm().start).toBeNull()
    expect(useForm().fields.seed).toBe(7)
    expect(push).toHaveBeenCalledWith('/generate')
    await click(/^With its prompt/)
    await sendForm()
    expect(asked.of('POST /api/v1/images/p0/public')[0]?.query.get('shows_prompt')).toBe('true')
    await click('Share')
    await click('Close')
    await click('Delete')
    const confirm = [...document.querySelectorAll('[role=dialog] button')].at(-1) as HTMLElement
    confirm.click()
    await flushPromises()
    expect(asked.of('POST /api/v1/images/bulk')[0]?.body).toEqual({ ids: ['p0'], action: { kind: 'trash' } })
    expect(wrapper.emitted('removed')).toHaveLength(1)
  })

  it.each([
    ['Favourite', 'PATCH /api/v1/images/p0', 'is_favourite'],
    ['Make private', 'DELETE /api/v1/images/p0/public', 'is_public'],
  ] as const)('is changed at once, and back where the server refuses it: %s', async (name, route, field) => {
    useSession().user = user()
    const before = picture({ id: 'p0', is_public: true })
    let take: (now: Picture) => void = () => undefined
    const { wrapper, click } = await show(PictureActions, { props: { picture: before, onChanged: (now: Picture) => take(now) }, world: { [route]: new Refusal(500) } })
    take = (now) => void wrapper.setProps({ picture: now })
    await click(name)
    await until(() => expect(useToasts().list).toHaveLength(1))
    expect(wrapper.emitted('changed')?.map(([now]) => (now as Picture)[field])).toEqual([!before[field], before[field]])
  })

  it('tells what variations and an enlargement cost before they are ordered', async () => {
    useSession().user = user()
    const prices = ({ body }: Asked): unknown => ({ ...quote, total: 'upscale' in (body as object) ? '1.5' : '2', available: '99' })
    const props = { picture: picture({ id: 'p0', model: 'gone' }) }
    const { asked, text, wrapper } = await show(PictureActions, { props, world: { 'POST /api/v1/images/quote': prices } })
    await until(() => expect(text()).toContain('Four variations cost 2 of 99 credits.'))
    expect(text()).toContain('Enlarging costs 1.5 of 99 credits.')
    const enlarge = wrapper.findAll('button').find((one) => one.text() === 'Enlarge')
    expect(document.getElementById(enlarge?.attributes('aria-describedby') ?? '')?.textContent).toContain('Enlarging costs')
    const bodies = asked.of('POST /api/v1/images/quote').map(({ body }) => body)
    expect(bodies).toContainEqual({ prompt: 'a red circle', n: 4 })
    expect(bodies).toContainEqual({ upscale: { image_id: 'p0', factor: 2 } })
  })

  it('tells the price that is known when the other is not, and none where nothing is charged', async () => {
    useSession().user = user()
    const prices = ({ body }: Asked): unknown => ('upscale' in (body as object) ? { ...quote, charged: true } : new Refusal(403, 'model_not_in_plan'))
    const some = await show(PictureActions, { props: { picture: picture({ id: 'p0' }) }, world: { 'POST /api/v1/images/quote': prices } })
    await until(() => expect(some.text()).toContain('Enlarging costs 2 of 5 credits.'))
    expect(some.text()).not.toContain('variations cost')
    some.wrapper.unmount()
    const free = await show(PictureActions, { props: { picture: picture({ id: 'p0' }) }, world: { 'POST /api/v1/images/quote': { ...quote, charged: false } } })
    await until(() => expect(free.asked.of('POST /api/v1/images/quote')).toHaveLength(2))
    expect(free.text()).not.toContain('Enlarging costs')
  })

  it('is looked at closely, and beside what it was made from', async () => {
    const { wrapper, click } = await show(ResultView, { props: { picture: picture(), before: '/before.png' } })
    const box = wrapper.find('[role=group]')
    for (const name of ['+', '=', 'ArrowLeft', '-', '0']) await box.trigger('keydown', { key: name })
    await box.trigger('dblclick')
    await box.trigger('pointermove', { buttons: 1 })
    await click('Smaller')
    await click('Larger')
    await click('Compare')
    expect(wrapper.find('input[type=range]').exists()).toBe(true)
    await click('Close')
    expect(wrapper.emitted('close')).toHaveLength(1)
    expect((await show(ZoomBox, { props: { picture: picture() } })).wrapper.exists()).toBe(true)
    const compare = await show(CompareSlider, { props: { before: 'a', after: 'b', width: 2, height: 1, label: 'Compare' } })
    await compare.wrapper.find('input').setValue(20)
    expect(compare.wrapper.find('span').attributes('style')).toContain('20%')
  })
})

describe('the order of a picture', () => {
  const start = { from: 'image' as const, id: 'p0' }
  const repainted = job({ id: 'b1', task_no: 12, parent_id: 'j1', batch_key: 'night', state: 'completed', request: { ...job().request, work: { kind: 'draw', model: 'builtin', prompt: 'a fox', count: 1, start } } })
  const links = (): [string, string][] => [...document.querySelectorAll('dl a')].map((link) => [link.getAttribute('href') ?? '', (link.querySelector('img[src*=p0]')?.getAttribute('alt') ?? link.textContent ?? '').trim()])
  const page = { 'GET /api/v1/jobs': { data: [job({ id: 'b2', task_no: 13 }), repainted], next: null } }

  it('is told with its number, what it was made from and what was ordered with it, when somebody looks', async () => {
    const props = { picture: picture({ id: 'p9', job_id: 'b1' }) }
    const { asked, click } = await show(ParameterList, { props, world: { ...page, 'GET /api/v1/jobs/b1': repainted } })
    expect(asked.asked).toHaveLength(0)
    await click('Details')
    expect(links()).toEqual([['/generate?job=b1', 'No. 12'], ['/images/p0', 'a red circle'], ['/generate?job=b1', 'No. 12'], ['/generate?job=b2', 'No. 13']])
    expect(asked.of('GET /api/v1/jobs')[0]?.query.get('batch_key')).toBe('night')
  })

  it('has no batch of its own, and outlives the picture it was made from and itself', async () => {
    const alone = { ...repainted, batch_key: null }
    const world = { 'GET /api/v1/jobs/b1': alone, 'GET /api/v1/images/p0': new Refusal(404, 'not_found') }
    const { asked, click, text, wrapper } = await show(ParameterList, { props: { picture: picture({ job_id: 'b1' }) }, world })
    await click('Details')
    expect(text()).toContain('a picture that is no longer there')
    expect(links()).toEqual([['/generate?job=b1', 'No. 12']])
    expect(asked.of('GET /api/v1/jobs')).toHaveLength(0)
    wrapper.unmount()
    const forgotten = await show(ParameterList, { props: { picture: picture({ job_id: 'gone' }) } })
    await forgotten.click('Details')
    expect(links()).toEqual([])
    expect(document.querySelector('[role=alert]')).toBeNull()
  })

  it('is asked for again when it could not be had', async () => {
    let down = true
    const { click, text } = await show(ParameterList, { props: { picture: picture({ job_id: 'b1' }) }, world: { ...page, 'GET /api/v1/jobs/b1': () => (down ? new Refusal(503, 'busy', 'too much at once') : repainted) } })
    await click('Details')
    expect(text()).toContain('too much at once')
    down = false
    await click('Try again')
    expect(text()).not.toContain('too much at once')
    expect(links()[0]).toEqual(['/generate?job=b1', 'No. 12'])
  })

  it('is opened by its address, with its settings and its number', async () => {
    const named = job({ id: 'named', task_no: 7, state: 'completed', images: [picture({ id: 'p0', job_id: 'named' })], request: { ...job().request, work: { kind: 'draw', model: 'other', prompt: 'a fox', count: 1 } } })
    const { text } = await show(Generate, { path: '/?job=named', world: { 'GET /api/v1/jobs/named': named } })
    await until(() => expect(text()).toContain('Use as input'))
    expect(useForm().fields).toMatchObject({ prompt: 'a fox', model: 'other' })
    expect(text()).toContain('No. 7')
  })
})

it('one order that cannot be shown takes neither the others nor the form with it', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  const { text, wrapper } = await show(Generate, { path: '/?prompt=a+fox', world: { 'GET /api/v1/jobs': { data: [], next: null } } })
  useJobs().keep(job({ id: 'good', task_no: 8 }))
  useJobs().keep({ ...job({ id: 'broken', task_no: 9 }), images_wanted: null as never, request: null as never })
  await flushPromises()
  expect(text()).toContain('This part has failed')
  expect(wrapper.findAll('article').map((one) => one.text())).toEqual([expect.stringContaining('No. 8')])
  expect(wrapper.find('textarea').element.value).toBe('a fox')
})

describe('what a plan does not allow', () => {
  const dialog = (): string => document.querySelector('[role=dialog]')?.textContent ?? ''
  const refusal = new Refusal(402, 'insufficient_credits', 'too few credits')

  it('is told with what would help, when a picture is ordered', async () => {
    useSession().config = { billing: true }
    await show(PlanNotice)
    const { text } = await show(Generate, { path: '/?prompt=x', world: { 'POST /api/v1/images/generate': refusal } })
    await until(() => expect(text()).toContain('credits'))
    await sendForm()
    await until(() => expect(dialog()).toContain('too few credits'))
    await until(() => expect(dialog()).toContain('Pro'))
    expect(useToasts().list).toHaveLength(0)
  })

  it.each([
    ['Variations', 'variations', new Refusal(403, 'model_not_in_plan', 'the model needs a larger plan')],
    ['Enlarge', 'upscale', new Refusal(429, 'daily_limit_reached', 'ten pictures a day are drawn')],
  ])('is told wherever it happens: %s', async (name, route, refusal) => {
    useSession().user = user()
    const notice = await show(PlanNotice)
    const { click } = await show(PictureActions, { props: { picture: picture({ id: 'p0' }) }, world: { [`POST /api/v1/images/p0/${route}`]: refusal } })
    await click(name)
    await until(() => expect(dialog()).toContain(refusal.message))
    await notice.click('Close')
    expect(dialog()).toBe('')
  })
})
