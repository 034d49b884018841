import { describe, expect, it, vi } from 'vitest'
import { bulk } from '@/api/gallery'
import type { Job, Source } from '@/api/types'
import { useForm } from '@/stores/form'
import { useGallery } from '@/stores/gallery'
import { useJobs } from '@/stores/jobs'
import { useModels } from '@/stores/models'
import { useSession } from '@/stores/session'
import { useToasts } from '@/stores/toasts'
import { job, model, picture, style, user } from '../samples'
import { allDone, until } from '../mount'
import { Refusal, server, type Asked } from '../server'

class Deaf {
  static readonly OPEN = 1
  readyState = 0
  close(): void {}
  send(): void {}
}

describe('the session', () => {
  it('is asked for once, and knows its rank', async () => {
    const { of } = server({ 'GET /api/v1/users/me': user({ role: 'moderator' }) })
    const session = useSession()
    await Promise.all([session.load(), session.load()])
    await session.load()
    expect(of('GET /api/v1/users/me')).toHaveLength(1)
    expect([session.isModerator, session.isAdmin, session.isLocal]).toEqual([true, false, false])
  })

  it('tells nobody from a server that cannot be reached', async () => {
    server({ 'GET /api/v1/users/me': new Refusal(401) })
    const session = useSession()
    await session.load()
    expect([session.user, session.known, session.unreachable]).toEqual([null, true, false])
    server({ 'GET /api/v1/users/me': new TypeError('down') })
    await session.refresh()
    expect([session.known, session.unreachable]).toEqual([false, true])
  })

  it('is not asked for where people log in and nobody has', async () => {
    const { of } = server({ 'GET /api/v1/config/public': { accounts: true }, 'GET /api/v1/users/me': user() })
    const session = useSession()
    await session.load()
    expect([session.user, session.known, session.unreachable]).toEqual([null, true, false])
    expect(of('GET /api/v1/users/me')).toHaveLength(0)
    const cookie = vi.spyOn(document, 'cookie', 'get').mockReturnValue('__Host-easel_csrf=x')
    await session.refresh()
    expect(session.user?.username).toBe('ada')
    cookie.mockRestore()
    server({ 'GET /api/v1/config/public': { accounts: false }, 'GET /api/v1/users/me': user({ plan: 'local' }) })
    await session.refresh()
    expect(session.isLocal).toBe(true)
  })

  it('takes what was asked before the scripts were here, once, and asks again where that failed', async () => {
    const CONFIG = 'GET /api/v1/config/public'
    const { of } = server({ [CONFIG]: { accounts: true, billing: true } })
    window.easelEarly = Promise.resolve(Response.json({ accounts: true, billing: false }))
    const session = useSession()
    await session.load()
    expect([session.user, session.config.billing, of(CONFIG).length]).toEqual([null, false, 0])
    await session.refresh()
    expect([session.config.billing, of(CONFIG).length]).toEqual([true, 1])
    for (const failed of [Promise.reject(new TypeError('down')), Promise.resolve(new Response('busy', { status: 503 }))]) {
      window.easelEarly = failed
      await session.refresh()
      expect(session.known).toBe(true)
    }
    expect(of(CONFIG)).toHaveLength(3)
  })

  it('begins and ends', async () => {
    const { of } = server({ 'POST /api/v1/auth/login': { user: user({ plan: 'local' }) }, 'POST /api/v1/auth/logout': null })
    const session = useSession()
    await session.login('a@b.c', 'secret sentence')
    expect(session.isLocal).toBe(true)
    expect(of('POST /api/v1/auth/login')[0]?.body).toEqual({ email: 'a@b.c', password: 'secret sentence', transport: 'cookie' })
    await session.logout()
    expect(session.user).toBeNull()
  })
})

describe('the form', () => {
  it('leaves out what was left as it was', () => {
    const form = useForm()
    form.set({ prompt: ' a fox ' })
    expect(form.body).toEqual({ prompt: 'a fox', aspect_ratio: '1:1' })
    form.set({ negative: 'fog', count: 4, quality: '2k', steps: 9, seed: 0, width: 64, height: 96, sampler: 'euler', format: 'webp', eta: 0.5, clipSkip: 1, guidance: 3, schedule: 'karras', model: 'm' })
    expect(form.body).toEqual({
      prompt: 'a fox', negative_prompt: 'fog', n: 4, quality: '2k', steps: 9, seed: 0, width: 64, height: 96,
      sampler: 'euler', format: 'webp', eta: 0.5, clip_skip: 1, guidance: 3, schedule: 'karras', model: 'm',
    })
  })

  it('asks for a mail where one is wanted, for the next picture too', () => {
    const form = useForm()
    form.set({ prompt: 'a fox', mail: true })
    expect(form.body.notify).toBe('email')
    form.recall({ prompt: 'an owl' })
    expect(form.body).toMatchObject({ prompt: 'an owl', notify: 'email' })
    form.reset()
    expect(form.body.notify).toBeUndefined()
  })

  it('names styles, and knows what the model will be told', async () => {
    const { of } = server({ 'GET /api/v1/styles/ink': style() })
    const form = useForm()
    form.set({ prompt: 'a fox' })
    form.choose(['ink', 'gone', 'ink'])
    expect(form.body).toMatchObject({ prompt: 'a fox', styles: ['ink', 'gone'] })
    await until(() => expect(form.spoken).toBe('ink drawing of a fox, rice paper'))
    form.choose(['ink'])
    expect(of('GET /api/v1/styles/ink')).toHaveLength(1)
  })

  it('recalls the words of a styled job, and its styles', () => {
    server({ 'GET /api/v1/styles/ink': style() })
    const form = useForm()
    const styled = { raw_prompt: 'a fox', styles: [{ id: 'ink', hash: '00' }], catalogue: { edition: 1, hash: 'c' } }
    const request = { work: { kind: 'draw' as const, model: 'm', prompt: 'ink drawing of a fox', negative_prompt: 'photo', count: 1, styled }, output: { format: 'png' as const, quality: 'normal' as const, compression: 95, lossless: true } }
    form.recallJob(job({ request }), ['m'])
    expect(form.body).toMatchObject({ prompt: 'a fox', styles: ['ink'] })
    expect(form.body.negative_prompt).toBeUndefined()
    form.recallJob(job(), [])
    expect(form.body.styles).toBeUndefined()
  })

  it('starts from pictures, with a mask and without', () => {
    const form = useForm()
    form.startFrom(picture({ id: 'p9' }))
    expect(form.mode).toBe('image-to-image')
    expect(form.body).toMatchObject({ image: { from: 'image', id: 'p9' }, strength: 0.75 })
    expect(form.body.aspect_ratio).toBeUndefined()
    form.mask = { source: { from: 'upload', id: 'm' } }
    expect(form.mode).toBe('edit')
    expect(form.body.mask).toEqual({ from: 'upload', id: 'm' })
    form.clearStart()
    expect(form.mode).toBe('text-to-image')
    form.setMode('image-to-image')
    expect([form.mode, form.body.image]).toEqual(['image-to-image', undefined])
    form.startFrom(picture({ id: 'p9' }))
    form.setMode('text-to-image')
    expect([form.mode, form.start]).toEqual(['text-to-image', null])
  })

  it('starts again from what a job started from, and from nothing where it did not', () => {
    const form = useForm()
    const from = (start: Source | undefined, mask?: Source): Job =>
      job({ request: { ...job().request, work: { kind: 'draw', model: 'builtin', prompt: 'a fox', width: 64, height: 32, count: 1, start, mask } } })
    form.recallJob(from({ from: 'image', id: 'p9' }, { from: 'upload', id: 'm' }), [])
    expect(form.start).toMatchObject({ source: { from: 'image', id: 'p9' }, url: '/api/v1/images/p9/file', width: 64, height: 32 })
    expect(form.body).toMatchObject({ image: { from: 'image', id: 'p9' }, mask: { from: 'upload', id: 'm' } })
    // What was sent is not kept where it can be seen: it is asked for.
    form.recallJob(from({ from: 'upload', id: 'u' }), [])
    expect([form.mode, form.start, form.mask]).toEqual(['image-to-image', null, null])
    form.recallJob(from(undefined), [])
    expect(form.mode).toBe('text-to-image')
  })

  it('keeps nothing of one person for the next', () => {
    const form = useForm()
    form.set({ prompt: 'a secret', steps: 9 })
    form.startFrom(picture({ id: 'p9' }))
    form.forget()
    expect([form.fields.prompt, form.fields.steps, form.start, form.styles]).toEqual(['', null, null, []])
  })

  it('recalls a job, and what it does not say is the model’s own again', () => {
    const form = useForm()
    form.set({ steps: 50, negative: 'x' })
    form.recallJob(job({ request: { work: { kind: 'draw', model: 'm', prompt: 'p', count: 3, seed: 5, width: 64, height: 64 }, output: { format: 'jpeg', quality: '4k', compression: 9, lossless: false } } }), ['m'])
    expect(form.fields).toMatchObject({ prompt: 'p', model: 'm', count: 3, seed: 5, width: 64, steps: null, negative: '', quality: '4k', format: 'jpeg' })
    form.recall({ prompt: 'q', model: 'gone' }, ['m'])
    expect(form.fields.model).toBe('m')
    form.reset()
    expect(form.fields).toMatchObject({ prompt: 'q', seed: null })
    form.recallJob(job({ request: { work: { kind: 'upscale', source: { from: 'image', id: 'x' }, factor: 2 }, output: { format: 'png', quality: 'normal', compression: 9, lossless: true } } }), [])
    expect(form.fields.prompt).toBe('q')
  })
})

describe('jobs', () => {
  it('are ordered once, even if the answer was lost', async () => {
    vi.stubGlobal('WebSocket', Deaf)
    let calls = 0
    const { of } = server({ 'POST /api/v1/images/generate': () => (calls++ ? job() : new TypeError('lost')) })
    const jobs = useJobs()
    await jobs.submit({ prompt: 'a' })
    const keys = of('POST /api/v1/images/generate').map(({ headers }) => headers['idempotency-key'])
    expect(keys).toHaveLength(2)
    expect(new Set(keys).size).toBe(1)
    expect(jobs.open).toHaveLength(1)
    expect(jobs.progress['j1']?.phase).toBe('queued')
  })

  it('are refused without a second try', async () => {
    const { asked } = server({ 'POST /api/v1/images/generate': new Refusal(402, 'insufficient_credits') })
    await expect(useJobs().submit({ prompt: 'a' })).rejects.toMatchObject({ code: 'insufficient_credits' })
    expect(asked).toHaveLength(1)
  })

  it('go from waiting to their pictures', async () => {
    vi.stubGlobal('WebSocket', Deaf)
    server({ 'GET /api/v1/jobs/j1': job({ state: 'completed', images: [picture()] }) })
    const jobs = useJobs()
    const ended: string[] = []
    const stop = jobs.onEnd((one) => ended.push(one.state))
    jobs.keep(job())
    jobs.news('j1', { type: 'waiting', position: 3, seconds_left: 9 })
    expect(jobs.progress['j1']).toMatchObject({ phase: 'waiting', position: 3, secondsLeft: 9 })
    jobs.news('j1', { type: 'started' })
    jobs.news('j1', { type: 'step', index: 2, total: 4, seconds_left: 1 })
    jobs.news('j1', { type: 'preview', picture: 0, jpeg: 'abc' })
    expect(jobs.progress['j1']).toMatchObject({ phase: 'drawing', step: 2, steps: 4, position: null, previews: { 0: 'data:image/jpeg;base64,abc' } })
    jobs.news('j1', { type: 'decoded', index: 1, total: 1 })
    expect(jobs.progress['j1']?.phase).toBe('decoding')
    jobs.news('j1', { type: 'cancel_requested' })
    jobs.news('j1', { type: 'queued' })
    jobs.news('j1', { type: 'ended', state: 'completed' })
    await until(() => expect(ended).toEqual(['completed']))
    expect(jobs.progress['j1']).toBeUndefined()
    expect(jobs.jobs['j1']?.images).toHaveLength(1)
    jobs.keep(job({ state: 'completed' }))
    expect(jobs.jobs['j1']?.images).toHaveLength(1)
    stop()
    expect(ended).toHaveLength(1)
  })

  it('of another page appear here too', async () => {
    vi.stubGlobal('WebSocket', Deaf)
    server({ 'GET /api/v1/jobs/j2': job({ id: 'j2' }) })
    const jobs = useJobs()
    jobs.news('j2', { type: 'queued' })
    await until(() => expect(jobs.jobs['j2']).toBeDefined())
    jobs.clear()
    expect(jobs.list).toEqual([])
  })

  it('are cancelled, and are not if the server says no', async () => {
    vi.stubGlobal('WebSocket', Deaf)
    server({ 'POST /api/v1/jobs/j1/cancel': job({ state: 'cancelled' }), 'POST /api/v1/jobs/j2/cancel': new Refusal(500) })
    const jobs = useJobs()
    jobs.keep(job())
    jobs.keep(job({ id: 'j2' }))
    await jobs.cancel('j1')
    expect(jobs.jobs['j1']?.state).toBe('cancelled')
    await expect(jobs.cancel('j2')).rejects.toThrow()
    expect(jobs.progress['j2']?.phase).toBe('queued')
  })

  it('come page by page, and with their pictures when asked', async () => {
    const { of } = server({
      'GET /api/v1/jobs': ({ query }: { query: URLSearchParams }) => ({ data: [job({ id: query.get('cursor') ?? 'first', state: 'completed' })], next: query.get('cursor') ? null : 'second' }),
      'GET /api/v1/jobs/first': job({ id: 'first', state: 'completed', images: [picture()] }),
    })
    const jobs = useJobs()
    await jobs.load()
    await jobs.load(true)
    expect(jobs.list.map(({ id }) => id).sort()).toEqual(['first', 'second'])
    await jobs.detailed('first')
    await jobs.detailed('first')
    expect(of('GET /api/v1/jobs/first')).toHaveLength(1)
  })
})

describe('the gallery', () => {
  const three = [picture({ id: 'a' }), picture({ id: 'b' }), picture({ id: 'c' })]

  it('takes the first page that was asked for before the scripts were here, once, and only if it is the one that is wanted', async () => {
    const LIST = 'GET /api/v1/images'
    const { of } = server({ [LIST]: { data: [picture({ id: 'late' })], next: null } })
    const early = (): void => void (window.easelPictures = Promise.resolve(Response.json({ data: [picture({ id: 'early' })], next: null })))
    const gallery = useGallery()
    early()
    await gallery.show({})
    expect([gallery.pictures.map(({ id }) => id), of(LIST).length]).toEqual([['early'], 0])
    await gallery.show({})
    expect([gallery.pictures.map(({ id }) => id), of(LIST).length]).toEqual([['late'], 1])
    early()
    await gallery.show({ favourite: true })
    expect([gallery.pictures.map(({ id }) => id), of(LIST).length]).toEqual([['late'], 2])
    for (const failed of [Promise.resolve(null), Promise.reject(new TypeError('down')), Promise.resolve(new Response('', { status: 401 }))]) {
      window.easelPictures = failed
      await gallery.show({})
    }
    expect(of(LIST)).toHaveLength(5)
  })

  it('loads pages, and forgets an answer that nobody waits for', async () => {
    let release = (): void => undefined
    const slow = new Promise<void>((resolve) => (release = resolve))
    server({
      'GET /api/v1/images': async ({ query }: { query: URLSearchParams }) => {
        if (query.get('q') === 'slow') await slow
        return query.get('cursor') ? { data: [three[2]], next: null } : { data: [three[0], three[1]], next: 'n' }
      },
    })
    const gallery = useGallery()
    const first = gallery.show({ q: 'slow' })
    await gallery.show({ q: 'quick' })
    release()
    await first
    await gallery.load(true)
    await gallery.load(true)
    expect(gallery.pictures.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    gallery.clear()
    expect(gallery.pictures).toEqual([])
  })

  it('shows changes at once, and takes them back', async () => {
    const { of } = server({ 'GET /api/v1/images': { data: three, next: null }, 'PATCH /api/v1/images/a': new Refusal(500), 'PATCH /api/v1/images/b': picture({ id: 'b', title: 't' }), 'POST /api/v1/images/a/public': null, 'DELETE /api/v1/images/b/public': new Refusal(403) })
    const gallery = useGallery()
    await gallery.load()
    const change = gallery.change(gallery.pictures[0]!, { is_favourite: true })
    expect(gallery.pictures[0]?.is_favourite).toBe(true)
    await expect(change).rejects.toThrow()
    expect(gallery.pictures[0]?.is_favourite).toBe(false)
    await gallery.change(gallery.pictures[1]!, { title: 't' })
    expect(gallery.pictures[1]?.title).toBe('t')
    await gallery.setPublic(gallery.pictures[0]!, true, true)
    expect(gallery.pictures[0]).toMatchObject({ is_public: true, shows_prompt: true })
    expect(of('POST /api/v1/images/a/public')[0]?.query.get('shows_prompt')).toBe('true')
    await expect(gallery.setPublic(gallery.pictures[1]!, false)).rejects.toThrow()
  })

  it('removes many, has them back if that fails, and restores', async () => {
    let down = true
    const { of } = server({
      'GET /api/v1/images': { data: three, next: null },
      'POST /api/v1/images/bulk': (asked: Asked) => (down ? new Refusal(500) : allDone(asked)),
    })
    const gallery = useGallery()
    await gallery.load()
    gallery.chooseAll()
    await expect(gallery.remove(['a', 'b'])).rejects.toThrow()
    expect(gallery.pictures.map(({ id }) => id)).toEqual(['a', 'b', 'c'])
    down = false
    await gallery.remove(['a', 'b'])
    expect(gallery.pictures.map(({ id }) => id)).toEqual(['c'])
    await gallery.restore(['a'])
    expect(gallery.pictures).toHaveLength(3)
    gallery.chooseNone()
    gallery.choose('a')
    gallery.choose('a')
    gallery.chooseRange(2, 1)
    expect([...gallery.chosen].sort()).toEqual(['b', 'c'])
    expect(gallery.chosenPictures).toHaveLength(2)
    expect(await gallery.doBulk({ kind: 'publish' })).toBe(0)
    expect(of('POST /api/v1/images/bulk').at(-1)?.body).toEqual({ ids: ['b', 'c'], action: { kind: 'publish' } })
    expect((await bulk({ kind: 'trash' }, Array.from({ length: 250 }, (_, index) => `p${index}`))).length).toBe(250)
    expect(of('POST /api/v1/images/bulk').slice(-3).map(({ body }) => (body as { ids: string[] }).ids.length)).toEqual([100, 100, 50])
  })

  it('keeps its place when many are changed, and fills up when many are taken out', async () => {
    const page = (from: number, count: number): unknown[] => Array.from({ length: count }, (_, index) => picture({ id: `p${from + index}` }))
    const pages = ({ query }: Asked): unknown => (query.get('cursor') ? { data: page(100, 50), next: null } : { data: page(0, 100), next: 'further' })
    const { of } = server({ 'GET /api/v1/images': pages, 'POST /api/v1/images/bulk': allDone })
    const gallery = useGallery()
    await gallery.load()
    await gallery.load(true)
    gallery.choose('p120')
    await gallery.doBulk({ kind: 'favourite', value: true })
    expect(of('GET /api/v1/images')).toHaveLength(2)
    expect(gallery.pictures.filter(({ is_favourite }) => is_favourite).map(({ id }) => id)).toEqual(['p120'])
    gallery.choose('p121')
    await gallery.doBulk({ kind: 'publish', shows_prompt: true })
    expect(gallery.pictures.find(({ id }) => id === 'p121')).toMatchObject({ is_public: true, shows_prompt: true })
    gallery.choose('p121')
    await gallery.doBulk({ kind: 'withdraw' })
    expect(gallery.pictures.find(({ id }) => id === 'p121')).toMatchObject({ is_public: false, shows_prompt: false })
    gallery.choose('p121')
    await gallery.doBulk({ kind: 'add_to_album', album_id: 'al' })
    expect(gallery.pictures).toHaveLength(150)
    expect(of('GET /api/v1/images')).toHaveLength(2)
    // What is sifted by what has changed is asked for again.
    await gallery.show({ favourite: true })
    gallery.choose('p1')
    await gallery.doBulk({ kind: 'favourite', value: false })
    expect(of('GET /api/v1/images')).toHaveLength(4)
    // A whole page that goes makes room for the next one.
    gallery.chooseAll()
    await gallery.remove([...gallery.chosen])
    expect(gallery.pictures.map(({ id }) => id)).toEqual((page(100, 50) as { id: string }[]).map(({ id }) => id))
  })

  it('takes in what was just drawn, and says what went wrong', async () => {
    server({ 'GET /api/v1/images': { data: [], next: null } })
    const gallery = useGallery()
    gallery.add(three)
    expect(gallery.pictures).toEqual([])
    await gallery.load()
    gallery.add(three)
    gallery.add(three)
    expect(gallery.pictures).toHaveLength(3)
    server({ 'GET /api/v1/images': new Refusal(503, 'x', 'down') })
    await gallery.load()
    expect(gallery.failure?.message).toBe('down')
  })
})

it('models are there or say why not', async () => {
  server({ 'GET /api/v1/models': [model('a')] })
  const models = useModels()
  await models.load()
  expect([models.find('none')?.id, models.loaded]).toEqual(['a', true])
  server({ 'GET /api/v1/models': new TypeError('x') })
  await models.load()
  expect(models.failure?.isOffline).toBe(true)
})

it('toasts go by themselves, and never pile up', () => {
  vi.useFakeTimers()
  const toasts = useToasts()
  for (let index = 0; index < 6; index++) toasts.show('info', String(index))
  expect(toasts.list.map(({ text }) => text)).toEqual(['2', '3', '4', '5'])
  toasts.fail(new DOMException('x', 'AbortError'))
  toasts.fail(new Error('odd'))
  expect(toasts.list.at(-1)?.kind).toBe('error')
  vi.advanceTimersByTime(6000)
  expect(toasts.list).toEqual([])
})
