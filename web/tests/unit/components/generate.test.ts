import GenerateButton from '@/components/generate/GenerateButton.vue'
import { flushPromises } from '@vue/test-utils'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import AdvancedSettings from '@/components/generate/AdvancedSettings.vue'
import BuilderBox from '@/components/generate/BuilderBox.vue'
import HistoryPanel from '@/components/generate/HistoryPanel.vue'
import JobCard from '@/components/generate/JobCard.vue'
import MaskEditor from '@/components/generate/MaskEditor.vue'
import PromptBox from '@/components/generate/PromptBox.vue'
import ResultCard from '@/components/generate/ResultCard.vue'
import StartImage from '@/components/generate/StartImage.vue'
import StylePicker from '@/components/generate/StylePicker.vue'
import TokenMeter from '@/components/generate/TokenMeter.vue'
import Generate from '@/pages/Generate.vue'
import { ApiFailure } from '@/api/failure'
import { mergesText } from '../../../build/clip-merges'
import { useForm } from '@/stores/form'
import { useJobs } from '@/stores/jobs'
import { useSession } from '@/stores/session'
import { useToasts } from '@/stores/toasts'
import { i18n, setLocale } from '@/i18n'
import { fill, sendForm, show, until } from '../mount'
import { job, picture, quote, style, suggestion, user } from '../samples'
import { Refusal, type Asked } from '../server'

const button = (props: object) => show(GenerateButton, { props: { quote, failure: null, hasPrompt: true, sending: false, ...props } })

describe('a mail at the end', () => {
  it.each([
    { is_verified: true, offered: 1 },
    { is_verified: false, offered: 0 },
  ])('is offered to who has proved their address: $is_verified', async ({ is_verified, offered }) => {
    useSession().user = user({ is_verified })
    const { wrapper } = await show(AdvancedSettings)
    await wrapper.get('details').trigger('toggle')
    expect(wrapper.findAll('input[type=checkbox]')).toHaveLength(offered)
    if (!offered) return
    await wrapper.get('input[type=checkbox]').setValue(true)
    expect(useForm().body.notify).toBe('email')
  })
})

describe('the button', () => {
  it('tells the price before the click', async () => {
    const { wrapper, text, click } = await button({})
    expect(text()).toContain('2 of 5 credits')
    await click('Draw')
    expect(wrapper.emitted('go')).toHaveLength(1)
  })
  it.each([
    [{ hasPrompt: false }, 'Say what the picture shows.'],
    [{ needsImage: true }, 'Choose a picture to start from.'],
    [{ quote: { ...quote, total: '6' } }, 'This costs 6, and you have 5.'],
    [{ quote: null, failure: new ApiFailure(400, 'x', 'too large') }, 'too large'],
    [{ quote: null, failure: new ApiFailure(0, 'offline', '') }, 'The server cannot be reached'],
  ])('says why it cannot be pressed %#', async (props, words) => {
    const { wrapper, text } = await button(props)
    expect(text()).toContain(words)
    expect(wrapper.find('button').element.disabled).toBe(true)
  })
  it('leads to the plans where one’s own does not have the model', async () => {
    const { wrapper } = await button({ quote: null, failure: new ApiFailure(403, 'model_not_in_plan', 'the model needs a larger plan') })
    expect(wrapper.find('a').attributes('href')).toBe('/pricing')
  })
  it('charges nothing where nothing is charged, and tells of the queue', async () => {
    const { text } = await button({ quote: { ...quote, charged: false, backlog_seconds: 90 } })
    expect(text()).toContain('Nothing is charged · about 1 min 30 sec before yours')
  })
})

describe('the prompt', () => {
  it('orders on Ctrl with Enter, and takes a random one', async () => {
    const { wrapper, click } = await show(PromptBox)
    await wrapper.find('textarea').trigger('keydown', { key: 'Enter', ctrlKey: true })
    expect(wrapper.emitted('submit')).toHaveLength(1)
    await click('Surprise me')
    expect(useForm().fields.prompt.length).toBeGreaterThan(10)
  })

  it('suggests what could come next, by keys and by pointer', async () => {
    const items = [suggestion({ replaces_from: 5 }), suggestion({ kind: 'style', id: 'ink', shown: 'Ink', prompt: 'Ink', replaces_from: 5 })]
    const { wrapper, asked } = await show(PromptBox, { world: { 'GET /api/v1/prompts/suggest': items } })
    const area = wrapper.find('textarea')
    const type = async (value: string): Promise<void> => {
      const before = asked.of('GET /api/v1/prompts/suggest').length
      area.element.value = value
      area.element.setSelectionRange(value.length, value.length)
      await area.trigger('input')
      await until(() => expect(asked.of('GET /api/v1/prompts/suggest')).toHaveLength(before + 1))
      await flushPromises()
    }
    await type('sky, ca')
    expect(asked.of('GET /api/v1/prompts/suggest')[0]?.query.get('q')).toBe('sky, ca')
    expect(wrapper.findAll('[role=option]')).toHaveLength(2)
    await area.trigger('keydown', { key: 'ArrowDown' })
    expect(wrapper.find('[role=option]').attributes('aria-selected')).toBe('true')
    await area.trigger('keydown', { key: 'Enter' })
    expect(useForm().fields.prompt).toBe('sky, candlelight')
    expect(wrapper.findAll('[role=option]')).toHaveLength(0)
    await type('sky, in')
    await area.trigger('keydown', { key: 'ArrowUp' })
    await area.trigger('keydown', { key: 'Escape' })
    expect(wrapper.findAll('[role=option]')).toHaveLength(0)
    await type('sky, ink')
    await wrapper.findAll('[role=option]')[1]?.trigger('mousedown')
    expect(useForm().fields.prompt).toBe('sky')
    expect(useForm().styles).toEqual(['ink'])
  })

  it('suggests nothing when nobody answers', async () => {
    const { wrapper, asked } = await show(PromptBox, { world: { 'GET /api/v1/prompts/suggest': new Refusal(500) } })
    const area = wrapper.find('textarea')
    area.element.value = 'candle'
    await area.trigger('input')
    await until(() => expect(asked.of('GET /api/v1/prompts/suggest')).toHaveLength(1))
    await flushPromises()
    expect(wrapper.findAll('[role=option]')).toHaveLength(0)
    expect(useToasts().list).toHaveLength(0)
  })

  it('is enhanced, and as it was before', async () => {
    const { click, asked } = await show(PromptBox)
    const form = useForm()
    form.set({ prompt: 'a fox', negative: 'fog' })
    form.choose(['ink'])
    await flushPromises()
    await click('Add fitting detail')
    expect(asked.of('POST /api/v1/prompts/enhance')[0]?.body).toEqual({ prompt: 'a fox', by: 'rules', negative_prompt: 'fog', styles: ['ink'] })
    expect(form.fields).toMatchObject({ prompt: 'a fox, candlelight', negative: 'blurry' })
    await click('As it was before')
    expect(form.fields).toMatchObject({ prompt: 'a fox', negative: 'fog' })
  })

  it('is rewritten by a model where there is one, or it is said that it was not', async () => {
    const { text, click } = await show(PromptBox, { world: { 'POST /api/v1/prompts/enhance': { prompt: 'a fox, fog', negative_prompt: null, added: [], seed: 1, by: 'rules', fell_back: 'model_timeout' } } })
    expect(document.querySelector('[aria-label^="Have it rewritten"]')).toBeNull()
    useSession().config = { prompt_model: true }
    useForm().set({ prompt: 'a fox' })
    await flushPromises()
    await click(/^Have it rewritten/)
    expect(useForm().fields.prompt).toBe('a fox, fog')
    expect(useToasts().list[0]?.text).toContain('did not answer')
    expect(text()).not.toContain('undefined')
  })

  it('is built from its parts', async () => {
    useForm().set({ prompt: 'a fox' })
    const close = vi.fn()
    const { asked, text } = await show(BuilderBox, { props: { onClose: close } })
    await until(() => expect(text()).toContain('candlelight'))
    await fill('Light', 'light-candlelight')
    await sendForm()
    expect(asked.of('POST /api/v1/prompts/build')[0]?.body).toEqual({ subject: 'a fox', medium: '', composition: '', light: 'light-candlelight', mood: '', palette: '', quality: [] })
    expect(useForm().fields.prompt).toBe('a fox, candlelight')
    expect(close).toHaveBeenCalled()
  })

  it('takes up earlier ones with their styles, and forgets them', async () => {
    const { click, text, asked } = await show(PromptBox)
    await click('Earlier prompts')
    await click('a red circle')
    expect(useForm().fields).toMatchObject({ prompt: 'a red circle', negative: 'fog' })
    expect(useForm().styles).toEqual(['ink'])
    await click('Earlier prompts')
    await click('Forget “a red circle”')
    expect(asked.of('DELETE /api/v1/prompts/history/w')).toHaveLength(1)
    expect(text()).toContain('a blue square')
    await click('Forget all of them')
    expect(asked.of('DELETE /api/v1/prompts/history')).toHaveLength(1)
    expect(text()).toContain('What you write appears here.')
  })

  it('shows tokens, and where a long one is divided', async () => {
    const { wrapper, text } = await show(TokenMeter, { props: { id: 'x', prompt: 'a '.repeat(80), length: 9000, lengthMax: 10_000 }, world: { 'GET /assets/clip-merges.txt': new Response(mergesText()) } })
    await until(() => expect(text()).toContain('80 tokens in 2 parts'))
    expect(text()).toContain('9,000 / 10,000')
    expect(text()).toContain('The model reads 77 tokens at once')
    expect(wrapper.findAll('li')).toHaveLength(2)
    await wrapper.setProps({ prompt: 'a fox', length: 5 })
    await until(() => expect(text()).toContain('2 / 75 tokens'))
    expect(text()).toContain('5 / 10,000')
    expect(text()).not.toContain('77')
  })

  it('styles are found, taken and put back', async () => {
    const { click, text, asked } = await show(StylePicker)
    expect(asked.asked).toHaveLength(0)
    await click('Styles')
    await click('Ink')
    await click('Oil')
    expect(useForm().styles).toEqual(['ink', 'oil'])
    await click('Remove Ink')
    expect(useForm().styles).toEqual(['oil'])
    await fill('Category of styles', 'drawing/brush')
    expect(asked.of('GET /api/v1/styles').at(-1)?.query.get('category')).toBe('drawing/brush')
    await fill('Find a style', 'тушь')
    await until(() => expect(asked.of('GET /api/v1/styles').at(-1)?.query.get('q')).toBe('тушь'))
    expect(text()).toContain('Brush (1)')
  })

  it('styles are called as the language has them, and more are shown when they are asked for', async () => {
    await setLocale('ru', false)
    const pages = ({ query }: Asked): unknown => {
      const first = query.get('offset') === '0'
      const id = first ? 'ink' : 'last'
      return { data: [style({ id, names: { en: id, zh: id, ru: `${id} по-русски` } })], total: 2, next: first ? 1 : null, catalogue: 'c' }
    }
    const { click, text } = await show(StylePicker, { world: { 'GET /api/v1/styles': pages } })
    await click('Стили')
    expect(text()).toContain('ink по-русски')
    expect(text()).not.toContain('last по-русски')
    await click(i18n.global.t('action.more'))
    expect(text()).toContain('last по-русски')
    await setLocale('en', false)
  })

  it('no more styles are taken than the server combines', async () => {
    const { click } = await show(StylePicker)
    useForm().choose(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
    await click('Styles')
    const ink = [...document.querySelectorAll<HTMLButtonElement>('li button')].find((button) => button.textContent?.trim() === 'Ink')
    expect(ink?.disabled).toBe(true)
  })
})

describe('a picture to start from', () => {
  beforeEach(() => useForm().setMode('image-to-image'))
  class Xhr {
    upload = {}
    status = 201
    responseText = JSON.stringify({ id: 'up', width: 8, height: 8, format: 'png', bytes: 1, created_at: '' })
    onload?: () => void
    open(): void {}
    setRequestHeader(): void {}
    send(): void { this.onload?.() }
    abort(): void {}
  }

  it('is dropped, shown, and taken away', async () => {
    const { wrapper, click } = await show(StartImage)
    vi.stubGlobal('XMLHttpRequest', Xhr)
    const zone = wrapper.find('[data-testid=drop]')
    await zone.trigger('dragenter')
    expect(zone.classes()).toContain('border-accent')
    await zone.trigger('dragleave')
    expect(zone.classes()).not.toContain('border-accent')
    await zone.trigger('drop', { dataTransfer: { files: [new File(['x'], 'a.webp', { type: 'image/webp' })] } })
    await until(() => expect(useForm().start?.source).toEqual({ from: 'upload', id: 'up' }))
    await flushPromises()
    expect(wrapper.text()).toContain('8 × 8')
    await click('Remove')
    expect(useForm().start).toBeNull()
  })

  it('is pasted from anywhere on the page; words that are pasted where one writes stay words', async () => {
    vi.stubGlobal('XMLHttpRequest', Xhr)
    await show(Generate, { path: '/?prompt=a+fox' })
    const paste = (target: EventTarget, types: string[], files: File[]): Event => {
      const event = new Event('paste', { bubbles: true, cancelable: true })
      Object.defineProperty(event, 'clipboardData', { value: { types, files } })
      target.dispatchEvent(event)
      return event
    }
    const words = document.querySelector('textarea') as HTMLElement
    const file = new File(['x'], 'shot.webp', { type: 'image/webp' })
    expect(paste(words, ['text/plain', 'Files'], [file]).defaultPrevented).toBe(false)
    expect(paste(words, ['text/plain'], []).defaultPrevented).toBe(false)
    await flushPromises()
    expect(useForm().start).toBeNull()
    expect(paste(words, ['Files'], [file]).defaultPrevented).toBe(true)
    await until(() => expect(useForm().start).toMatchObject({ source: { from: 'upload', id: 'up' }, name: 'shot.webp' }))
    expect(useForm().mode).not.toBe('text-to-image')
    useForm().clearStart()
    expect(paste(document.body, ['text/html', 'Files'], [file]).defaultPrevented).toBe(true)
    await until(() => expect(useForm().start?.name).toBe('shot.webp'))
  })

  it('is not taken while another is on its way', async () => {
    const { wrapper } = await show(StartImage)
    let arrive: () => void = () => undefined
    const sent = vi.fn()
    vi.stubGlobal('XMLHttpRequest', class extends Xhr { override send(): void { sent(); arrive = () => this.onload?.() } })
    const zone = wrapper.find('[data-testid=drop]')
    const drop = (name: string) => zone.trigger('drop', { dataTransfer: { files: [new File(['x'], name, { type: 'image/webp' })] } })
    await drop('first.webp')
    await until(() => expect(sent).toHaveBeenCalledTimes(1))
    expect(wrapper.find('button').element.disabled).toBe(true)
    await zone.trigger('dragover')
    expect(zone.classes()).not.toContain('border-accent')
    await drop('second.webp')
    arrive()
    await until(() => expect(useForm().start?.name).toBe('first.webp'))
    expect(sent).toHaveBeenCalledTimes(1)
  })

  it('is of what the server takes, and the hint says what that is', async () => {
    useSession().config = { upload_types: ['image/png', 'image/webp', 'image/avif'], max_upload_bytes: 25_000_000 }
    const { wrapper, text } = await show(StartImage)
    expect(text()).toContain('PNG, WebP, AVIF up to 25 MB')
    expect(wrapper.find('input[type=file]').attributes('accept')).toBe('image/png,image/webp,image/avif')
    await wrapper.find('[data-testid=drop]').trigger('drop', { dataTransfer: { files: [new File(['x'], 'a.jpg', { type: 'image/jpeg' })] } })
    await flushPromises()
    expect(wrapper.find('[role=alert]').text()).toBe('a.jpg: only PNG, WebP, AVIF are taken')
  })

  it('is refused with its name', async () => {
    const { wrapper } = await show(StartImage)
    const zone = wrapper.find('[data-testid=drop]')
    await zone.trigger('drop', { dataTransfer: { files: [new File(['x'], 'a.gif', { type: 'image/gif' })] } })
    await flushPromises()
    expect(wrapper.find('[role=alert]').text()).toContain('a.gif')
  })

  it('comes from an address by way of the server alone, and orders nothing', async () => {
    const world = { 'GET /api/v1/images/proxy': () => new Response('x', { headers: { 'content-type': 'image/png' } }) }
    const { asked, click } = await show(Generate, { path: '/?prompt=a+fox&mode=image-to-image', world })
    vi.stubGlobal('XMLHttpRequest', Xhr)
    await fill('Address of a picture (https://…)', 'https://example.org/a/fox.png')
    document.querySelector('[aria-label^="Address of a picture"]')?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))
    await until(() => expect(useForm().start).toMatchObject({ source: { from: 'upload', id: 'up' }, name: 'fox.png' }))
    expect(asked.of('GET /api/v1/images/proxy')[0]?.query.get('url')).toBe('https://example.org/a/fox.png')
    expect(useForm().start?.url).toMatch(/^blob:/)
    expect(asked.of('POST /api/v1/images/generate')).toHaveLength(0)
    await click('From words')
    expect(useForm().start).toBeNull()
  })

  it('does not come from where it may not, and says so', async () => {
    const { wrapper, click } = await show(StartImage, { world: { 'GET /api/v1/images/proxy': new Refusal(400, 'host_refused', 'that host is not allowed') } })
    await fill('Address of a picture (https://…)', 'https://example.org/a.png')
    await click('Fetch')
    expect(wrapper.find('[role=alert]').text()).toContain('that host is not allowed')
  })

  it('is sent once, though it is dropped on the zone of a page that takes drops everywhere', async () => {
    const sent = vi.fn()
    const { wrapper } = await show(Generate, { path: '/?mode=image-to-image' })
    vi.stubGlobal('XMLHttpRequest', class extends Xhr { override send(): void { sent(); super.send() } })
    const files = [new File(['x'], 'a.webp', { type: 'image/webp' })]
    await wrapper.find('[data-testid=drop]').trigger('drop', { dataTransfer: { files } })
    await until(() => expect(useForm().start).not.toBeNull())
    await flushPromises()
    expect(sent).toHaveBeenCalledTimes(1)
  })

  it('brings the settings it was drawn with', async () => {
    const { wrapper } = await show(StartImage)
    vi.stubGlobal('XMLHttpRequest', Xhr)
    const text = new TextEncoder().encode('parameters\0a fox\nSteps: 5, Sampler: Euler a, CFG scale: 3, Seed: 4')
    const bytes = new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, text.length, 116, 69, 88, 116, ...text, 0, 0, 0, 0])
    await wrapper.find('[data-testid=drop]').trigger('drop', { dataTransfer: { files: [new File([bytes], 'a.png', { type: 'image/png' })] } })
    await until(() => expect(useToasts().list[0]?.action).toBeDefined())
    useToasts().list[0]?.action?.run()
    expect(useForm().fields).toMatchObject({ prompt: 'a fox', steps: 5, sampler: 'euler_ancestral', guidance: 3, seed: 4 })
  })

  it('is painted over by keys alone', async () => {
    const pen = new Proxy({}, { get: () => () => undefined, set: () => true })
    vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(pen as never)
    vi.spyOn(HTMLCanvasElement.prototype, 'toBlob').mockImplementation((done) => done(new Blob(['m'])))
    const start = { source: { from: 'upload' as const, id: 'u' }, url: 'blob:x', width: 100, height: 50, name: 'n' }
    const { wrapper, click } = await show(MaskEditor, { props: { start } })
    vi.stubGlobal('XMLHttpRequest', Xhr)
    const canvas = document.querySelector('canvas') as HTMLCanvasElement
    const press = async (init: KeyboardEventInit): Promise<void> => {
      canvas.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, ...init }))
      await flushPromises()
    }
    for (const name of ['ArrowRight', 'ArrowDown', ' ', ' ', 'x']) await press({ key: name })
    await press({ key: 'z', ctrlKey: true })
    await click('Eraser')
    await click('Brush')
    await click('Undo')
    await press({ key: ' ' })
    await click('Clear')
    canvas.setPointerCapture = () => undefined
    for (const kind of ['pointerdown', 'pointermove', 'pointerup']) canvas.dispatchEvent(new PointerEvent(kind, { bubbles: true, clientX: 4, clientY: 4 }))
    await flushPromises()
    await click('Use this mask')
    await until(() => expect(useForm().mask).toEqual({ source: { from: 'upload', id: 'up' } }))
    expect(wrapper.emitted('close')).toHaveLength(1)
  })
})

describe('a job', () => {
  it('shows previews, its place, steps and the time left, and can be stopped', async () => {
    const jobs = useJobs()
    const { wrapper, text, click, asked } = await show(JobCard, { props: { job: job({ task_no: 41, images_wanted: 2 }) }, world: { 'POST /api/v1/jobs/j1/cancel': job({ state: 'cancelled' }) } })
    jobs.keep(job({ images_wanted: 2 }))
    jobs.news('j1', { type: 'waiting', position: 2, seconds_left: 65 })
    await flushPromises()
    expect(text()).toContain('2 requests ahead · 1 min 5 sec left')
    jobs.news('j1', { type: 'step', index: 1, total: 4, seconds_left: 3 })
    jobs.news('j1', { type: 'preview', picture: 1, jpeg: 'eA==' })
    await flushPromises()
    expect(text()).toContain('Step 1 of 4')
    expect(text()).toContain('No. 41 a red circle')
    expect(wrapper.findAll('[data-testid=preview]')).toHaveLength(1)
    expect(wrapper.find('[role=progressbar]').attributes('aria-valuenow')).toBe('25')
    await click('Cancel')
    expect(asked.of('POST /api/v1/jobs/j1/cancel')).toHaveLength(1)
  })
})

describe('an order that nobody hears of', () => {
  it('is asked for no longer after a while, which is said, and again when somebody wants it', async () => {
    vi.useFakeTimers()
    const { asked, text, click } = await show(JobCard, { props: { job: job() }, world: { 'GET /api/v1/jobs/j1': job() } })
    vi.stubGlobal('WebSocket', class { static readonly OPEN = 1; constructor() { throw new Error('blocked') } })
    vi.stubGlobal('EventSource', undefined)
    useJobs().keep(job())
    await vi.advanceTimersByTimeAsync(303_000)
    const before = asked.of('GET /api/v1/jobs/j1').length
    expect(text()).toContain('nothing more is asked')
    await click('Ask again')
    expect(text()).not.toContain('nothing more is asked')
    await vi.advanceTimersByTimeAsync(2000)
    expect(asked.of('GET /api/v1/jobs/j1')).toHaveLength(before + 1)
    useJobs().clear()
  })
})

describe('an order without some of its words', () => {
  it('says so while it is drawn and when it is done', async () => {
    const masked = { masked: ['brands', 'owls'] }
    const drawn = await show(JobCard, { props: { job: job(masked) } })
    expect(drawn.wrapper.text()).toContain('left out of the prompt: brands, owls')
    const done = await show(ResultCard, { props: { job: job({ ...masked, state: 'completed', images: [] }), current: null } })
    expect(done.wrapper.text()).toContain('left out of the prompt: brands, owls')
    const whole = await show(JobCard, { props: { job: job() } })
    expect(whole.wrapper.text()).not.toContain('left out')
  })
})

describe('an order that runs when the page is opened', () => {
  it('says how long it takes, by what was foretold, until there is news of it', async () => {
    const running = job({ state: 'processing', estimated_completion_at: new Date(Date.now() + 65_000).toISOString() })
    const { text } = await show(JobCard, { props: { job: running } })
    expect(text()).toMatch(/1 min [45] sec left/)
    useJobs().keep(running)
    useJobs().news('j1', { type: 'step', index: 1, total: 4, seconds_left: 3 })
    await flushPromises()
    expect(text()).toMatch(/[23] sec left/)
    expect(text()).not.toContain('min')
  })
})

describe('the history', () => {
  it('says when more of it could not be had, and keeps what there is', async () => {
    let down = false
    const pages = ({ query }: Asked): unknown => (down ? new Refusal(503, 'busy', 'too much at once') : { data: [job({ id: query.get('cursor') ?? 'new', task_no: query.get('cursor') ? 1 : 2, state: 'completed' })], next: query.get('cursor') ? null : 'old' })
    let seen: (entries: { isIntersecting: boolean }[]) => void = () => undefined
    vi.stubGlobal('IntersectionObserver', class {
      constructor(work: typeof seen) { seen = work }
      observe(): void {}
      disconnect(): void {}
    })
    const { wrapper, click, text } = await show(HistoryPanel, { world: { 'GET /api/v1/jobs': pages } })
    expect(wrapper.findAll('li button')).toHaveLength(1)
    expect(text()).toContain('No. 2 · ')
    down = true
    seen([{ isIntersecting: true }])
    await flushPromises()
    expect(text()).toContain('too much at once')
    down = false
    await click('Try again')
    expect(text()).not.toContain('too much at once')
    expect(useJobs().list.map(({ id }) => id).sort()).toEqual(['new', 'old'])
  })
})

describe('the page', () => {
  it('orders, shows what comes, and opens the past', async () => {
    const { click, asked, text } = await show(Generate, { path: '/?prompt=a+fox' })
    expect(useForm().fields.prompt).toBe('a fox')
    await until(() => expect(text()).toContain('2 of 99 credits'))
    await sendForm()
    await until(() => expect(asked.of('POST /api/v1/images/generate')[0]?.body).toMatchObject({ prompt: 'a fox', aspect_ratio: '1:1' }))
    useJobs().keep(job({ state: 'completed', images: [picture({ id: 'p0' })] }))
    await flushPromises()
    await click(/^Open:/)
    expect(text()).toContain('Use as input')
    await click('Close')
    await click(/a red circle.*ago|a red circle/)
    await click('16:9')
    expect(useForm().fields.ratio).toBe('16:9')
    await click('2K')
    await click('4')
    expect(useForm().fields).toMatchObject({ quality: '2k', count: 4 })
  })
})
